"""The ground on which cases are tried: one solved lab, put back as it was after every case.

``labgrader author verify`` and tests/cluster/test_cases.py both stand on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from labgrader.author.proof import Fault, Kind, Proof, Results, judge
from labgrader.engine.baseline import Baseline
from labgrader.engine.cases import Case, apply_case, touched, undo_case
from labgrader.engine.events import Event
from labgrader.engine.reset import Reset
from labgrader.engine.solve import Solver, wait_until
from labgrader.model.errors import LabError
from labgrader.model.resource import Resource
from labgrader.model.result import Outcome
from labgrader.workbench import Workbench

ACT_SECONDS = 10.0
"""How long the API server may take to act on a change before the answer counts."""

ECHO_SECONDS = 0.4
"""How long an answer must stand: one given before the change is in force does not count."""

GRACE_SECONDS = 0.5
"""How long a reset waits for finalizers here: nobody serves those of a case."""


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

    def grade(self, only: Collection[str] = ()) -> Results:
        """Judge everything once, or ``only`` these criteria (and, unseen, what they need)."""
        wanted = [c for c in self._criteria if not only or c.id in only]
        report = self._workbench.grade(wanted, _nobody)
        return {check.id: check for check in report.checks}

    def solve(self) -> Results:
        """Deploy all solutions; keep how things are then, and what is said of them."""
        lab = self._workbench.catalog.lab
        solver = Solver(self._workbench.cluster, lab.root, _nothing)
        objects: list[tuple[Resource, str | None, str]] = []
        for task in lab.tasks:
            solver.solve(task.id)
            objects.extend(solver.objects(task.id))
        self._grade_until(_all_passed, time.monotonic() + ACT_SECONDS)
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
        reset = Reset(self._workbench.cluster, root, _nothing, grace_seconds=GRACE_SECONDS)
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
            baseline = baseline.along_with(touched(self._workbench.cluster, case))
            apply_case(self._workbench.cluster, case)
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
        end = time.monotonic() + ACT_SECONDS
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
        """Undo the case; where that fails, make the whole lab anew."""
        hit = {one.id for one in after.values() if one.outcome is not self._was(one.id)}
        try:
            self._undo(case, baseline)
            # What was not hit says nothing about whether the change is gone again: not asked.
            if after and not hit:
                return ()
            if self._grade_until(self._whole, time.monotonic() + ACT_SECONDS, hit):
                return ()
            odd = [one.id for one in self.grade().values() if one.outcome is not self._was(one.id)]
            trouble = f"the lab is not whole after it: {', '.join(odd)}"
        except LabError as error:
            trouble = f"it cannot be undone: {error.message}"
        self.clear()
        self.solve()
        return (_broken(case, trouble),)

    def _undo(self, case: Case, baseline: Baseline) -> None:
        undo_case(self._workbench.cluster, case)
        baseline.restore()

    def _whole(self, results: Results) -> bool:
        return all(one.outcome is self._was(one.id) for one in results.values())

    def _was(self, criterion: str) -> Outcome:
        return self.solved[criterion].outcome

    def _grade_until(
        self, enough: Callable[[Results], bool], end: float, only: Collection[str] = ()
    ) -> bool:
        return wait_until(lambda: enough(self.grade(only)), end - time.monotonic())


def _all_passed(results: Results) -> bool:
    return all(one.outcome is Outcome.PASSED for one in results.values() if not one.optional)


def _broken(case: Case, text: str) -> Fault:
    return Fault(Kind.BROKEN_CASE, case.criterion, str(case.path), text)


def _nobody(event: Event) -> None:
    """Listen to nothing."""


def _nothing(line: str) -> None:
    """Say nothing."""
