"""Tries cases on one solved lab: several at once where they do not concern each other.

``labgrader author verify`` and tests/cluster/test_cases.py both stand on it. ``batches.py`` says
which cases can be tried together, ``proof.py`` judges, ``solved.py`` makes the lab.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from labgrader.author import batches
from labgrader.author.batches import Batch, Reach, Reads
from labgrader.author.proof import Fault, Kind, Proof, Results, judge, without
from labgrader.author.solved import ECHO_SECONDS, SolvedLab
from labgrader.engine import changes
from labgrader.engine.baseline import Baseline
from labgrader.engine.cases import Case
from labgrader.engine.waiting import wait_until
from labgrader.model.errors import LabError
from labgrader.model.result import Outcome
from labgrader.model.task import Criterion


@dataclass(slots=True)
class Tried:
    """One batch, tried. ``trouble`` is why it could not be brought about, ``left`` what stayed."""

    after: Results = field(default_factory=dict)
    reads: Reads = field(default_factory=dict)
    trouble: str = ""
    left: str = ""
    seconds: float = 0.0


class Ground(SolvedLab):
    """A lab on one cluster, on which cases are tried, one batch after the other."""

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

    def prove_all(self, cases: Sequence[Case]) -> Iterator[Proof]:
        """Try all cases, batch by batch; yield their proofs in the order of the batches."""
        for batch in self.batches(cases):
            yield from self.prove_together(batch)

    def prove_together(self, batch: Batch) -> Iterator[Proof]:
        """Try the cases of a batch at once; repeat singly whatever is not as its case says.

        Only a single try can tell of a fault; a batch can tell only that there is none. The seconds
        of a case are its share of the batch's.
        """
        if len(batch) == 1:
            yield self.prove(batch[0].case)
            return
        tried = self._try(batch)
        why = tried.trouble or tried.left or self._entangled(batch, tried.reads)
        for reach in batch:
            faults = () if why else self._faults(reach, batch, tried.after)
            if why or faults:
                reason = why or "; ".join(fault.text for fault in faults)
                yield replace(self.prove(reach.case), repeated=reason)
            else:
                found = tried.after[reach.case.criterion]
                yield Proof(reach.case, found, (), tried.seconds / len(batch))

    def prove(self, case: Case) -> Proof:
        """Bring one answer about, judge what the checks say to it, and put everything back."""
        (alone,) = self._reaches([case], {})
        tried = self._try((alone,))
        faults = [_broken(case, text) for text in (tried.trouble, tried.left) if text]
        if tried.after:
            faults = [*judge(case, self.solved, tried.after), *faults]
        return Proof(case, tried.after.get(case.criterion), tuple(faults), tried.seconds)

    def _try(self, batch: Batch) -> Tried:
        """Bring all answers of a batch about, grade everything, and put everything back."""
        began, tried, baseline = time.monotonic(), Tried(), self._baseline
        cluster = self._workbench.cluster
        try:
            for reach in batch:
                baseline = baseline.along_with(changes.touched(cluster, reach.case.changes))
            for reach in sorted(batch, key=_awaits):  # while one waits, the others take effect
                changes.apply(cluster, reach.case.changes, str(reach.case.path))
            self._judge_until_settled(batch, tried)
        except LabError as error:
            tried.after, tried.trouble = {}, f"it cannot be brought about: {error.message}"
        except BaseException:  # interrupted: leave nothing of the cases behind
            self._undo(batch, baseline)
            raise
        tried.left = self._put_back(batch, baseline, tried.after)
        tried.seconds = time.monotonic() - began
        return tried

    def _judge_until_settled(self, batch: Batch, tried: Tried) -> None:
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

    def _put_back(self, batch: Batch, baseline: Baseline, after: Results) -> str:
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

    def _undo(self, batch: Batch, baseline: Baseline) -> None:
        for reach in batch:
            changes.undo(self._workbench.cluster, reach.case.changes)
        baseline.restore()
        for reach in batch:
            if any("anew" in change for change in reach.case.changes):
                self._redo_acts(reach.case.criterion)

    def _faults(self, reach: Reach, batch: Batch, after: Results) -> tuple[Fault, ...]:
        """Judge one case of a batch, as if it had been tried alone."""
        others = frozenset().union(*(one.hits for one in batch if one is not reach))
        return judge(reach.case, self.solved, without(others, self.solved, after))

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


def _broken(case: Case, text: str) -> Fault:
    return Fault(Kind.BROKEN_CASE, case.criterion, str(case.path), text)
