"""The ground on which cases are tried: one solved lab, put back as it was after every case.

``labgrader author verify`` and tests/cluster/test_cases.py both stand on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from functools import cached_property

from labgrader.author.proof import Fault, Kind, Proof, Results, judge
from labgrader.engine import changes
from labgrader.engine.baseline import Baseline
from labgrader.engine.cases import Case
from labgrader.engine.events import Event
from labgrader.engine.reset import Reset
from labgrader.engine.solve import Solver
from labgrader.engine.waiting import wait_until
from labgrader.model.errors import Cause, LabError
from labgrader.model.resource import Resource
from labgrader.model.result import Outcome
from labgrader.workbench import Workbench

ACT_SECONDS = 10.0
"""How long the API server may take to act on a change before the answer counts."""

ROLL_SECONDS = 120.0
"""The same where containers run: pods are replaced, probes wait, and an old leader's Lease ends."""

ECHO_SECONDS = 0.4
"""How long an answer must stand: one given before the change is in force does not count."""

GRACE_SECONDS = 0.5
"""How long a reset waits for finalizers where no operator serves them."""

OPERATORS_GRACE_SECONDS = 20.0
"""How long where one does, and has children to clean up."""


class Ground:
    """A lab on one cluster, on which cases are tried one after the other.

    Args:
        workbench: content and cluster; the lab's objects there are made and removed at will.
    """

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench
        self._criteria = workbench.catalog.select(["all"])
        self._baseline = Baseline(workbench.cluster, ())
        self.solved: Results = {}

    @cached_property
    def _runs_containers(self) -> bool:
        return self._workbench.runs_containers

    @property
    def _act_seconds(self) -> float:
        return ROLL_SECONDS if self._runs_containers else ACT_SECONDS

    def lacks(self, case: Case) -> str:
        """Say what this cluster lacks for a case; empty where it can be tried."""
        if case.containers and not self._runs_containers:
            return "it needs running containers, and the nodes here are simulated"
        if case.containers is False and self._runs_containers:
            return "the operator at work here would put it right; simulated nodes have none"
        return ""

    def grade(self, only: Collection[str] = ()) -> Results:
        """Judge everything once, or ``only`` these criteria (and, unseen, what they need)."""
        wanted = [c for c in self._criteria if not only or c.id in only]
        report = self._workbench.grade(wanted, _nobody)
        return {check.id: check for check in report.checks}

    @property
    def _solver(self) -> Solver:
        root = self._workbench.catalog.lab.root
        manual = not self._runs_containers
        return Solver(self._workbench.cluster, root, _nothing, manual=manual)

    def solve(self) -> Results:
        """Deploy all solutions; keep how things are then, and what is said of them."""
        lab, solver = self._workbench.catalog.lab, self._solver
        objects: list[tuple[Resource, str | None, str]] = []
        for task in lab.tasks:
            solver.solve(task.id)
            objects.extend(solver.objects(task.id))
        self._grade_until(_all_passed, time.monotonic() + self._act_seconds)
        time.sleep(ECHO_SECONDS)
        self.solved = self.grade()
        self._baseline = Baseline(self._workbench.cluster, objects)
        return self.solved

    def clear(self) -> None:
        """Remove everything of the lab, and what a case put beside it.

        Raises:
            LabError: something stays.
        """
        root = self._workbench.catalog.lab.root
        grace = OPERATORS_GRACE_SECONDS if self._runs_containers else GRACE_SECONDS
        reset = Reset(self._workbench.cluster, root, _nothing, grace_seconds=grace)
        residue = reset.run(include_unknown=True)
        if residue:
            raise LabError(f"The lab does not go away: {', '.join(residue.stuck)}")

    def prove(self, case: Case) -> Proof:
        """Bring one answer about, judge what the checks say to it, and put everything back."""
        began = time.monotonic()
        after: Results = {}
        faults: tuple[Fault, ...] = ()
        baseline = self._baseline
        try:
            baseline = baseline.along_with(changes.touched(self._workbench.cluster, case.changes))
            changes.apply(self._workbench.cluster, case.changes, str(case.path))
            after = self._judged(case)
            faults = judge(case, self.solved, after)
        except LabError as error:
            faults = (_broken(case, f"it cannot be brought about: {error.message}"),)
        except BaseException:  # interrupted: leave nothing of the case behind
            self._undo(case, baseline)
            raise
        left = self._put_back(case, baseline, after)
        return Proof(case, after.get(case.criterion), faults + left, time.monotonic() - began)

    def _judged(self, case: Case) -> Results:
        """Grade everything until it is as it should be, or the time is over.

        The first look comes after the echo and is nearly always enough. A wrong answer without a
        reason is looked at twice: what fails for a moment only must not pass for a mistake found.
        """
        end = time.monotonic() + self._act_seconds
        time.sleep(ECHO_SECONDS)
        after = self.grade()
        sure = bool(case.reason) or case.expect is Outcome.PASSED
        if sure and not judge(case, self.solved, after):
            return after
        one = case.criterion
        self._grade_until(lambda results: results[one].outcome is case.expect, end, {one})
        time.sleep(ECHO_SECONDS)

        def agreed() -> bool:
            nonlocal after
            after = self.grade()
            return not judge(case, self.solved, after)

        wait_until(agreed, end - time.monotonic())
        return after

    def _put_back(self, case: Case, baseline: Baseline, after: Results) -> tuple[Fault, ...]:
        """Undo the case; where that cannot be or fails, make the whole lab anew."""
        if case.lasting:
            self._all_anew()
            return ()
        hit = {one.id for one in after.values() if one.outcome is not self._was(one.id)}
        try:
            self._undo(case, baseline)
            # What was not hit says nothing about whether the change is gone again: not asked.
            if after and not hit:
                return ()
            if self._grade_until(self._whole, time.monotonic() + self._act_seconds, hit):
                return ()
            if self._whole_again(hit):
                return ()
            odd = [one.id for one in self.grade().values() if one.outcome is not self._was(one.id)]
            trouble = f"the lab is not whole after it: {', '.join(odd)}"
        except LabError as error:
            trouble = f"it cannot be undone: {error.message}"
        self._all_anew()
        return (_broken(case, trouble),)

    def _all_anew(self) -> None:
        self.clear()
        self.solve()

    def _whole_again(self, hit: Collection[str]) -> bool:
        """Solve everything once more; say whether all is well then.

        What must have been done, and not only be there, is gone with the namespace that it was done
        in: putting objects back does not bring it back.
        """
        for task in self._workbench.catalog.lab.tasks:
            self._solver.solve(task.id)
        return self._grade_until(self._whole, time.monotonic() + self._act_seconds, hit)

    def _undo(self, case: Case, baseline: Baseline) -> None:
        changes.undo(self._workbench.cluster, case.changes)
        baseline.restore()
        if any("anew" in change for change in case.changes):
            self._redo_acts(case)

    def _redo_acts(self, case: Case) -> None:
        """Do again what the record must say: what a case did cannot be taken out of it."""
        for task in self._workbench.catalog.lab.tasks:
            if any(criterion.id == case.criterion for criterion in task.criteria()):
                self._solver.solve(task.id)

    def _whole(self, results: Results) -> bool:
        return all(one.outcome is self._was(one.id) for one in results.values())

    def _was(self, criterion: str) -> Outcome:
        return self.solved[criterion].outcome

    def _grade_until(
        self, enough: Callable[[Results], bool], end: float, only: Collection[str] = ()
    ) -> bool:
        return wait_until(lambda: enough(self.grade(only)), end - time.monotonic())


def _all_passed(results: Results) -> bool:
    """Whether nothing is missing any more, but what cannot be seen on this cluster at all."""
    return all(
        one.outcome is Outcome.PASSED or one.cause is Cause.CAPABILITY
        for one in results.values()
        if not one.optional
    )


def _broken(case: Case, text: str) -> Fault:
    return Fault(Kind.BROKEN_CASE, case.criterion, str(case.path), text)


def _nobody(event: Event) -> None:
    """Listen to nothing."""


def _nothing(line: str) -> None:
    """Say nothing."""
