"""Renders a verification: confusion table, faults by file, JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from labgrader.author.case_result import CaseResult, Fault, FaultKind
from labgrader.author.verify import Verification
from labgrader.model.result import Outcome
from labgrader.report.clean import clean, one_line, to_json


@dataclass(slots=True)
class Row:
    """The counts of one criterion. ``wrong`` and ``right`` are answers, by what was said to them.

    A wrong answer that passes is a miss; a right one that fails is a false alarm. ``others`` are
    answers that hit checks which do not depend on this one; ``words`` lack something to read;
    ``broken`` could not be brought about or undone; the ``fixes`` were pasted and did not help.
    """

    wrong_failed: int = 0
    wrong_passed: int = 0
    right_passed: int = 0
    right_failed: int = 0
    others: int = 0
    words: int = 0
    fixes: int = 0
    broken: int = 0
    unjudged: int = 0


_EXTRA = {
    FaultKind.OTHERS_HIT: "others",
    FaultKind.WORDS: "words",
    FaultKind.FIX: "fixes",
    FaultKind.BROKEN_CASE: "broken",
    FaultKind.UNJUDGED: "unjudged",
}
_HEAD = (
    ("wrong", "failed"),
    ("wrong", "PASSED"),
    ("right", "passed"),
    ("right", "FAILED"),
    ("others", "hit"),
    ("words", "lack"),
    ("fix no", "help"),
    ("case", "broken"),
    ("un-", "judged"),
)


def rows(verification: Verification) -> dict[str, Row]:
    """Count, criterion by criterion."""
    table = {criterion: Row() for criterion in verification.criteria}
    for case_result in verification.case_results:
        _count(table[case_result.case.criterion], case_result)
    return table


def _count(row: Row, case_result: CaseResult) -> None:
    kinds = {fault.kind for fault in case_result.faults}
    for kind in kinds & _EXTRA.keys():
        name = _EXTRA[kind]
        setattr(row, name, getattr(row, name) + 1)
    if case_result.found is None or FaultKind.UNJUDGED in kinds:
        return
    if case_result.case.expect is Outcome.PASSED:
        row.right_failed += FaultKind.FALSE_ALARM in kinds
        row.right_passed += FaultKind.FALSE_ALARM not in kinds
    else:
        row.wrong_passed += FaultKind.MISS in kinds
        row.wrong_failed += FaultKind.MISS not in kinds


def render(verification: Verification) -> str:
    """Return table, faults and summary as text."""
    table = rows(verification)
    width = max([len(criterion) for criterion in table] + [len("all")])
    empty = {fault.criterion for fault in verification.empty}
    solution = {fault.criterion for fault in verification.solution}
    lines = ["", *_head(width)]
    for criterion, row in table.items():
        marks = ("NO" if criterion in empty else "ok", "NO" if criterion in solution else "ok")
        lines.append(_line(criterion, width, marks, _numbers(row)))
    total = [sum(column) for column in zip(*map(_numbers, table.values()), strict=True)]
    marks = ("NO" if empty else "ok", "NO" if solution else "ok")
    lines += [_line("all", width, marks, total), "", *_by_file(verification.faults)]
    return "\n".join([*lines, _summary(verification)]) + "\n"


def _head(width: int) -> Iterator[str]:
    for part in (0, 1):
        cells = "".join(f"{names[part]:>8}" for names in _HEAD)
        first = ("nothing", "all") if part == 0 else ("= 0", "solved")
        yield f"{'criterion' if part else '':<{width}}  {first[0]:>7}  {first[1]:>6}{cells}"


def _line(name: str, width: int, marks: tuple[str, str], numbers: list[int]) -> str:
    cells = "".join(f"{number or '·':>8}" for number in numbers)
    return f"{name:<{width}}  {marks[0]:>7}  {marks[1]:>6}{cells}"


def _numbers(row: Row) -> list[int]:
    return [int(number) for number in asdict(row).values()]


def _by_file(faults: tuple[Fault, ...]) -> Iterator[str]:
    """Yield what is wrong, under the answer that showed it."""
    for where in dict.fromkeys(fault.where for fault in faults):
        yield clean(where)
        for fault in faults:
            if fault.where == where:
                yield f"  {fault.kind.value}: {fault.criterion}: {one_line(fault.text)}"
                if fault.reason:
                    yield f"    the reason given: {one_line(fault.reason)}"
        yield ""


def _summary(verification: Verification) -> str:
    skipped = sum(case_result.skipped for case_result in verification.case_results)
    bad = sum(1 for case_result in verification.case_results if case_result.faults) - skipped
    cases = len(verification.case_results)
    wrong = sum(
        case_result.case.expect is not Outcome.PASSED for case_result in verification.case_results
    )
    what = f"{cases} cases ({wrong} wrong, {cases - wrong} right)"
    others = " others" if skipped else ""
    how = f"{bad} not as they should be" if bad else f"all{others} as they should be"
    how += f", {skipped} skipped" if skipped else ""
    return f"{verification.verdict().value}: {what}, {how}; {verification.seconds:.0f} s"


def as_json(verification: Verification) -> str:
    """Return everything for machines."""
    table = rows(verification)
    data = {
        "schema_version": 1,
        "outcome": verification.verdict().value,
        "duration_ms": round(verification.seconds * 1000),
        "criteria": [{"id": criterion, **asdict(row)} for criterion, row in table.items()],
        "cases": [_case(case_result) for case_result in verification.case_results],
        "faults": [
            {name: str(getattr(fault, name)) for name in ("kind", "criterion", "where", "text")}
            | {"reason": fault.reason}
            for fault in verification.faults
        ],
    }
    return to_json(data) + "\n"


def _case(case_result: CaseResult) -> dict[str, object]:
    return {
        "name": case_result.case.name,
        "title": case_result.case.title,
        "expect": case_result.case.expect.value,
        "outcome": case_result.found.outcome.value if case_result.found else None,
        "reason": case_result.found.reason if case_result.found else "",
        "skipped": case_result.skipped,
        "as_expected": not case_result.faults,
        "duration_ms": round(case_result.seconds * 1000),
    }
