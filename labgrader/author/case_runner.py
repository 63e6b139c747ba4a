"""Runs cases on one solved lab, in batches where they do not affect each other.

``labgrader author verify`` and tests/cluster/test_cases.py both stand on it. ``batches.py`` says
which cases can be tried together, ``proof.py`` judges, ``solved.py`` makes the lab.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from labgrader.app.workbench import Workbench
from labgrader.author import batches, pasting
from labgrader.author.batches import Batch, Reach, Reads
from labgrader.author.case_result import CaseResult, Fault, FaultKind, Results, judge, without
from labgrader.author.cases import Case
from labgrader.author.solved import ECHO_SECONDS, SolvedLab
from labgrader.errors import LabError
from labgrader.kube.waiting import wait_until
from labgrader.lab_state import mutations
from labgrader.lab_state.restore import RestorePoint
from labgrader.model.result import CheckResult, Outcome
from labgrader.model.task import Criterion


@dataclass(slots=True)
class Attempt:
    """One batch, tried. ``trouble`` is why it could not be brought about, ``left`` what stayed."""

    after: Results = field(default_factory=dict)
    reads: Reads = field(default_factory=dict)
    trouble: str = ""
    left: str = ""
    seconds: float = 0.0
    fixes: dict[Path, str] = field(default_factory=dict)
    """By a case's path, what was wrong with the fix that was pasted."""


class CaseRunner(SolvedLab):
    """A lab on one cluster, on which cases are tried, one batch after the other.

    Args:
        pasted: says of which failing cases the fix is pasted before they are put back.
    """

    def __init__(
        self, workbench: Workbench, pasted: Callable[[Case], bool] = lambda case: False
    ) -> None:
        super().__init__(workbench)
        self.pasted = pasted

    def lacks(self, case: Case) -> str:
        """Say what this cluster lacks for a case; empty where it can be tried."""
        if case.containers and not self._runs_containers:
            return "it needs running containers, and the nodes here are simulated"
        if case.containers is False and self._runs_containers:
            return "the operator at work here would put it right; simulated nodes have none"
        return ""

    def batches(self, cases: Sequence[Case], most: int = batches.MOST) -> list[Batch]:
        """Partition cases into batches that can be tried together on this solved lab."""
        return batches.partition(self._reaches(cases, self._reads), most)

    def run_all(self, cases: Sequence[Case]) -> Iterator[CaseResult]:
        """Try all cases, batch by batch; yield their proofs in the order of the batches."""
        for batch in self.batches(cases):
            yield from self.run_together(batch)

    def run_together(self, batch: Batch) -> Iterator[CaseResult]:
        """Try the cases of a batch at once; repeat singly whatever is not as its case says.

        Only a single try can tell of a fault; a batch can tell only that there is none. The seconds
        of a case are its share of the batch's.
        """
        if len(batch) == 1:
            yield self.run(batch[0].case)
            return
        tried = self._try(batch)
        why = tried.trouble or tried.left or self._entangled(batch, tried.reads)
        for reach in batch:
            faults = () if why else self._faults(reach, batch, tried.after)
            faults += _of_fix(reach.case, tried)
            if why or faults:
                reason = why or "; ".join(fault.text for fault in faults)
                yield replace(self.run(reach.case), repeated=reason)
            else:
                found = tried.after[reach.case.criterion]
                yield CaseResult(reach.case, found, (), tried.seconds / len(batch))

    def run(self, case: Case) -> CaseResult:
        """Bring one answer about, judge what the checks say to it, and put everything back."""
        (alone,) = self._reaches([case], {})
        tried = self._try((alone,))
        faults = [_broken(case, text) for text in (tried.trouble, tried.left) if text]
        if tried.after:
            faults = [*judge(case, self.solved, tried.after), *_of_fix(case, tried), *faults]
        return CaseResult(case, tried.after.get(case.criterion), tuple(faults), tried.seconds)

    def _try(self, batch: Batch) -> Attempt:
        """Bring all answers of a batch about, grade everything, and put everything back."""
        began, tried, baseline = time.monotonic(), Attempt(), self._baseline
        cluster = self._workbench.cluster
        try:
            for reach in batch:
                baseline = baseline.along_with(mutations.touched(cluster, reach.case.changes))
            for reach in sorted(batch, key=_awaits):  # while one waits, the others take effect
                mutations.apply(cluster, reach.case.changes, str(reach.case.path))
            self._judge_until_settled(batch, tried)
            self._paste(batch, tried)
        except LabError as error:
            tried.after, tried.trouble = {}, f"it cannot be brought about: {error.message}"
        except BaseException:  # interrupted: leave nothing of the cases behind
            self._undo(batch, baseline)
            raise
        tried.left = self._put_back(batch, baseline, tried.after)
        tried.seconds = time.monotonic() - began
        return tried

    def _judge_until_settled(self, batch: Batch, tried: Attempt) -> None:
        """Grade everything until it is as it should be, or the time is over.

        The first look comes after the echo and is nearly always enough. A wrong answer without a
        reason is looked at twice: what fails for a moment only must not pass for a mistake found.
        """

        def agreed() -> bool:
            tried.after, tried.reads = self._grade_and_trace()
            return not any(self._faults(reach, batch, tried.after) for reach in batch)

        end = time.monotonic() + self._act_seconds
        if self._runs_containers:  # a whole grading takes long there: the first should be the last
            self._await_own(batch, end)
        time.sleep(ECHO_SECONDS)
        if agreed() and all(_is_sure(reach.case) for reach in batch):
            return
        self._await_own(batch, end)
        time.sleep(ECHO_SECONDS)
        wait_until(agreed, end - time.monotonic())

    def _await_own(self, batch: Batch, end: float) -> None:
        """Wait until the criteria that a batch is for say what they should, or time is over.

        Asks for no other criteria, and where one's check itself watches for long, for those that
        it needs.
        """
        checks, hits = self._workbench.catalog.checks, frozenset().union(*(r.hits for r in batch))
        asked, needed = [], set[str]()
        for reach in batch:
            criterion = self._by_id[reach.case.criterion]
            if checks[criterion.check].seconds is None:
                asked.append(reach.case)
            else:
                needed |= set(criterion.needs) - hits

        def fine(results: Results) -> bool:
            own = (judge(c, self.solved, {c.criterion: results[c.criterion]}) for c in asked)
            return not any(own) and all(results[n].outcome is self._was(n) for n in needed)

        if only := needed.union(case.criterion for case in asked):
            self._grade_until(fine, end, only)

    def _put_back(self, batch: Batch, baseline: RestorePoint, after: Results) -> str:
        """Undo a batch; where that cannot be or fails, make the whole lab anew, and say why."""
        if any(reach.case.lasting for reach in batch):
            self._all_anew()
            return ""
        hit = {one.id for one in after.values() if one.outcome is not self._was(one.id)}
        try:
            self._undo(batch, baseline)
            # What was not hit says nothing about whether the change is gone again: not asked.
            if after and not hit:
                return ""
            if self._grade_until(self._whole, time.monotonic() + self._act_seconds, hit):
                return ""
            if self._whole_again(hit):
                return ""
            odd = [one.id for one in self.grade().values() if one.outcome is not self._was(one.id)]
            trouble = f"the lab is not whole after it: {', '.join(odd)}"
        except LabError as error:
            trouble = f"it cannot be undone: {error.message}"
        self._all_anew()
        return trouble

    def _undo(self, batch: Batch, baseline: RestorePoint) -> None:
        for reach in batch:
            mutations.undo(self._workbench.cluster, reach.case.changes)
        baseline.restore()
        for reach in batch:
            if any("anew" in change for change in reach.case.changes):
                self._redo_acts(reach.case.criterion)

    def _faults(self, reach: Reach, batch: Batch, after: Results) -> tuple[Fault, ...]:
        """Judge one case of a batch, as if it had been tried alone."""
        others = frozenset().union(*(one.hits for one in batch if one is not reach))
        return judge(reach.case, self.solved, without(others, self.solved, after))

    def _paste(self, batch: Batch, tried: Attempt) -> None:
        """Paste the fixes of those cases whose fix is to be tried, and judge once more."""
        wrong = {
            reach.case.path: tried.after[reach.case.criterion]
            for reach in batch
            if reach.case.expect is Outcome.FAILED
            and self.pasted(reach.case)
            and not self._faults(reach, batch, tried.after)
        }
        commands = {path: pasting.command_in(one.fix) for path, one in wrong.items()}
        for path, one in wrong.items():
            if not commands[path] and not pasting.names_something(one.fix):
                tried.fixes[path] = f"the fix names no object and no field: {one.fix}"
        commands = {path: command for path, command in commands.items() if command}
        if not commands:
            return
        with pasting.shell(self._workbench.target) as shell:
            try:
                for path, command in commands.items():
                    if error := shell.run(command):
                        tried.fixes[path] = f"the fix does not work: {command}: {error}"
                self._see_fixed({path: wrong[path] for path in commands}, tried)
            finally:
                shell.clean()

    def _see_fixed(self, wrong: Mapping[Path, CheckResult], tried: Attempt) -> None:
        """Grade until each fix has helped, and nothing is worse than before, or time is over."""
        left = {path: one for path, one in wrong.items() if path not in tried.fixes}
        if not left:
            return
        now: Results = {}

        def fine(results: Results) -> bool:
            nonlocal now
            now = results
            helped = (pasting.helped(one, results[one.id]) for one in left.values())
            return all(helped) and not pasting.harmed(tried.after, results)

        if self._grade_until(fine, time.monotonic() + self._act_seconds):
            return
        worse = ", ".join(pasting.harmed(tried.after, now))
        for path, one in left.items():
            if not pasting.helped(one, now[one.id]):
                why = f"after it: {now[one.id].reason or now[one.id].outcome}"
                tried.fixes[path] = f"the fix does not help: {one.fix}; {why}"
            elif worse:
                tried.fixes[path] = f"the fix makes others worse ({worse}): {one.fix}"

    def _entangled(self, batch: Batch, reads: Reads) -> str:
        """Say whether checks have read more than of the solution, so that none can be blamed."""
        seen = {
            criterion: {*reads.get(criterion, ()), *self._reads.get(criterion, ())}
            for criterion in {*reads, *self._reads}
        }
        wider = tuple(self._reaches([reach.case for reach in batch], seen))
        return "" if batches.joinable(wider) else "one criterion reads what two of the cases change"

    def _reaches(self, cases: Iterable[Case], reads: Reads) -> Iterator[Reach]:
        return batches.reaches(list(cases), list(self._by_id.values()), reads)

    @cached_property
    def _by_id(self) -> dict[str, Criterion]:
        return {criterion.id: criterion for criterion in self._workbench.catalog.lab.criteria()}

    @cached_property
    def _reads(self) -> Reads:
        """What each criterion reads in the solved lab."""
        return self._grade_and_trace()[1]


def _is_sure(case: Case) -> bool:
    return bool(case.reason) or case.expect is Outcome.PASSED


def _awaits(reach: Reach) -> bool:
    return any("await" in change for change in reach.case.changes)


def _of_fix(case: Case, tried: Attempt) -> tuple[Fault, ...]:
    """Return what is wrong with the fix that the check gave."""
    text = tried.fixes.get(case.path)
    return (Fault(FaultKind.FIX, case.criterion, str(case.path), text),) if text else ()


def _broken(case: Case, text: str) -> Fault:
    return Fault(FaultKind.BROKEN_CASE, case.criterion, str(case.path), text)
