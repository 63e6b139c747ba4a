"""A solved lab on one cluster: made, graded, compared with what it was, and removed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from functools import cached_property

from labgrader.app.workbench import Workbench
from labgrader.author.batches import Reads, of_read_keys
from labgrader.author.case_result import Results
from labgrader.errors import Cause, LabError
from labgrader.grading.events import Event
from labgrader.kube.resources import Resource
from labgrader.kube.waiting import wait_until
from labgrader.lab_state.reset import Reset
from labgrader.lab_state.restore import RestorePoint
from labgrader.lab_state.solver import Solver
from labgrader.model.result import Outcome

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

PAUSE_SECONDS = 0.05
"""Between two gradings of what the cluster has not settled yet."""

ROLL_PAUSE_SECONDS = 0.25
"""The same where containers run: they need the processors that a grading would take."""


class SolvedLab:
    """A lab on one cluster; its solutions are deployed and removed at will.

    Args:
        workbench: content and cluster; the lab's objects there are made and removed at will.
    """

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench
        self._criteria = workbench.catalog.select(["all"])
        self._baseline = RestorePoint(workbench.cluster, ())
        self.solved: Results = {}

    @cached_property
    def _runs_containers(self) -> bool:
        return self._workbench.runs_containers

    @property
    def _act_seconds(self) -> float:
        return ROLL_SECONDS if self._runs_containers else ACT_SECONDS

    def grade(self, only: Collection[str] = ()) -> Results:
        """Judge everything once, or ``only`` these criteria (and, unseen, what they need)."""
        wanted = [c for c in self._criteria if not only or c.id in only]
        report = self._workbench.grade(wanted, _nobody)
        return {check.id: check for check in report.checks}

    def _grade_and_trace(self) -> tuple[Results, Reads]:
        """Judge everything once; return also what each criterion's check has read."""
        run = self._workbench.trace(self._criteria)
        return {check.id: check for check in run.report.checks}, of_read_keys(run.read_keys)

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
        self._baseline = RestorePoint(self._workbench.cluster, objects)
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
            raise LabError(f"The lab does not go away: {'; '.join(residue.lines)}")

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

    def _redo_acts(self, criterion: str) -> None:
        """Do again what the record must say: what a case did cannot be taken out of it."""
        for task in self._workbench.catalog.lab.tasks:
            if any(one.id == criterion for one in task.criteria()):
                self._solver.solve(task.id)

    def _whole(self, results: Results) -> bool:
        return all(one.outcome is self._was(one.id) for one in results.values())

    def _was(self, criterion: str) -> Outcome:
        return self.solved[criterion].outcome

    def _grade_until(
        self, enough: Callable[[Results], bool], end: float, only: Collection[str] = ()
    ) -> bool:
        pause = ROLL_PAUSE_SECONDS if self._runs_containers else PAUSE_SECONDS
        return wait_until(lambda: enough(self.grade(only)), end - time.monotonic(), pause)


def _all_passed(results: Results) -> bool:
    """Whether nothing is missing any more, but what cannot be seen on this cluster at all."""
    return all(
        one.outcome is Outcome.PASSED or one.cause is Cause.CAPABILITY
        for one in results.values()
        if not one.optional
    )


def _nobody(event: Event) -> None:
    """Listen to nothing."""


def _nothing(line: str) -> None:
    """Say nothing."""
