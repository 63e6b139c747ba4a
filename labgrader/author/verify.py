"""Tests the checks of a lab: by the empty cluster, by the solution, and by every case."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from labgrader.app.workbench import Workbench
from labgrader.author.case_result import (
    CaseResult,
    Fault,
    FaultKind,
    of_empty_cluster,
    of_mistakes,
    of_solution,
    skip,
)
from labgrader.author.case_runner import CaseRunner
from labgrader.author.cases import Case, load_cases
from labgrader.content.lab_folder import LabFolder
from labgrader.errors import Cause, ContentError, UsageError
from labgrader.lab_state.reset import Reset
from labgrader.model.result import Outcome, Verdict
from labgrader.util.suggestion import unknown

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Verification:
    """What a whole run found; ``criteria`` are those that were to be tested, in lab order."""

    criteria: tuple[str, ...]
    empty: tuple[Fault, ...]
    solution: tuple[Fault, ...]
    case_results: tuple[CaseResult, ...]
    seconds: float
    hints: tuple[Fault, ...] = ()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Everything that is not as it should be."""
        by_cases = (fault for case_result in self.case_results for fault in case_result.faults)
        return (*self.empty, *self.solution, *by_cases, *self.hints)

    def verdict(self, allowed: Collection[Cause] = ()) -> Verdict:
        """``passed`` only when perfect; ``unjudged`` when the cluster alone is to blame.

        Args:
            allowed: what was not judged for one of these causes does not count.
        """
        kinds = {fault.kind for fault in self.faults if fault.cause not in allowed}
        if kinds - {FaultKind.UNJUDGED}:
            return Verdict.FAILED
        return Verdict.UNJUDGED if kinds else Verdict.PASSED


def choose_cases(workbench: Workbench, names: Sequence[str]) -> list[Case]:
    """Return the cases that ``names`` mean: ``criterion``, ``criterion/case``, a file; or all.

    Raises:
        UsageError: there are none, or a name means nothing.
        ContentError: a case is for no criterion.
    """
    folder = LabFolder(workbench.catalog.lab.root).cases
    cases = list(load_cases(folder))
    if not cases:
        raise UsageError(
            f"There are no cases in {folder}: without them nothing can be verified",
            "Name the lab's source folder with --content, or install a wheel that has cases",
        )
    known = {criterion.id for criterion in workbench.catalog.lab.criteria()}
    for case in cases:
        if case.criterion not in known:
            raise ContentError(
                f"{case.path} is for {case.criterion}, which is no criterion",
                "`labgrader author lint` lists all of these",
            )
    for name in names:
        if not any(_means(name, case) for case in cases):
            names_known = [one for case in cases for one in (case.criterion, case.name)]
            raise unknown("criterion with cases, or case,", name, names_known)
    return [case for case in cases if not names or any(_means(name, case) for name in names)]


def _means(name: str, case: Case) -> bool:
    return name in (case.criterion, case.name) or Path(name).resolve() == case.path.resolve()


def verify(
    workbench: Workbench, cases: Sequence[Case], told: Told, *, paste: bool = False
) -> Verification:
    """Test the checks on a cluster without anything of the lab; leaves the solved lab behind.

    Args:
        paste: whether the fix of each failing case is pasted as well.

    Raises:
        UsageError: something of the lab is there.
        LabError: the cluster fails, or the solution cannot be deployed.
    """
    began = time.monotonic()
    demand_empty(workbench)
    wanted = {case.criterion for case in cases}
    runner = CaseRunner(workbench, lambda case: paste)
    nothing = runner.grade()
    empty = _about(wanted, of_empty_cluster(nothing))
    told(f"the empty cluster: {_summary(empty, 'earns nothing')}")
    solution = _about(wanted, of_solution(runner.solve()))
    told(f"the solution: {_summary(solution, 'earns everything')}")
    case_results = _proofs(runner, cases, told)
    tested = [c for c in workbench.catalog.lab.criteria() if c.id in wanted]
    said = [
        *nothing.values(),
        *(case_result.found for case_result in case_results if case_result.found),
    ]
    tried = [case_result.case for case_result in case_results if not case_result.skipped]
    whole = [c for c in tested if c.id not in _left_out(workbench, tried)]
    hints = tuple(of_mistakes(whole, said))
    order = tuple(criterion.id for criterion in tested)
    seconds = time.monotonic() - began
    return Verification(order, empty, solution, tuple(case_results), seconds, hints)


def _proofs(runner: CaseRunner, cases: Sequence[Case], told: Told) -> list[CaseResult]:
    """Try the cases, tell of each when it was tried, and return the proofs in the given order."""
    skipped = [skip(case, why) for case in cases if (why := runner.lacks(case))]
    left_out = {case_result.case.path for case_result in skipped}
    found: dict[Path, CaseResult] = {}
    rest = runner.run_all([case for case in cases if case.path not in left_out])
    for number, case_result in enumerate(chain(skipped, rest), 1):
        found[case_result.case.path] = case_result
        line = f"{case_result.seconds:5.1f} s  {case_result.case.name}: {_said(case_result)}"
        told(f"{number:>3}/{len(cases)} {line}")
    return [found[case.path] for case in cases]


def demand_empty(workbench: Workbench) -> None:
    """Raise ``UsageError`` where something of the lab is on the cluster."""
    if Reset(workbench.cluster, workbench.catalog.lab.root, lambda line: None).plan():
        raise UsageError(
            "verify wants an empty lab, and this cluster holds objects of it",
            "Run `labgrader reset`, or verify without --context: it brings its own cluster",
        )


def _left_out(workbench: Workbench, cases: Sequence[Case]) -> set[str]:
    """Return the criteria of which not every case is run: what they all say is not known."""
    run = {case.path for case in cases}
    folder = LabFolder(workbench.catalog.lab.root).cases
    return {case.criterion for case in load_cases(folder) if case.path not in run}


def _about(wanted: set[str], faults: Iterable[Fault]) -> tuple[Fault, ...]:
    return tuple(fault for fault in faults if fault.criterion in wanted)


def _summary(faults: Sequence[Fault], fine: str) -> str:
    if not faults:
        return fine
    return "; ".join(f"{fault.criterion}: {fault.text}" for fault in faults)


def _said(case_result: CaseResult) -> str:
    """Say in a few words how a case went."""
    said = "; ".join(f"{fault.kind.value.upper()}: {fault.text}" for fault in case_result.faults)
    if not said:
        said = (
            "passes" if case_result.case.expect is Outcome.PASSED else case_result.case.expect.value
        )
    again = (
        f" (repeated singly: in a batch, {case_result.repeated})" if case_result.repeated else ""
    )
    return f"{said}{again}"
