"""Compares a case's expected outcome with a grading. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from labgrader.author.cases import Case
from labgrader.errors import Cause
from labgrader.model.result import CheckResult, Item, Outcome
from labgrader.model.task import Criterion

_PYTHON = re.compile(
    r"(?<!level )(?<!: )(?<!at )\bNone\b(?!, Metadata)|\{'|\['|\('|<[a-z_.]+ object"
    r"|\b(?:Key|Value|Type|Attribute|Index|UnicodeDecode|JSONDecode|YAML)Error\b"
)
"""What no learner should read: values and errors in Python's own words."""

Results = Mapping[str, CheckResult]


class FaultKind(StrEnum):
    """In which way checks and answers disagree."""

    MISS = "miss"
    FALSE_ALARM = "false alarm"
    OTHERS_HIT = "others hit"
    WORDS = "words"
    FIX = "fix"
    BROKEN_CASE = "broken case"
    UNJUDGED = "unjudged"


@dataclass(frozen=True, slots=True)
class Fault:
    """One disagreement.

    Args:
        criterion: whose row of the table it belongs to.
        where: the answer: a case's file, ``the empty cluster`` or ``the solution``.
        reason: what the check said.
        cause: why nothing was judged; None where something was.
    """

    kind: FaultKind
    criterion: str
    where: str
    text: str
    reason: str = ""
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case, judged. ``found`` None where it was not tried, or could not be brought about.

    ``seconds`` is a share of the batch's where it was tried in one. ``repeated`` says why a try in
    a batch did not count; empty where there was none, or it did.
    """

    case: Case
    found: CheckResult | None
    faults: tuple[Fault, ...]
    seconds: float = 0.0
    repeated: str = ""

    @property
    def skipped(self) -> bool:
        """Whether this cluster cannot show the answer, so that it was not tried."""
        return self.found is None and {fault.kind for fault in self.faults} == {FaultKind.UNJUDGED}


def skip(case: Case, why: str) -> CaseResult:
    """Return the proof of a case that was not tried."""
    where = str(case.path)
    fault = Fault(
        FaultKind.UNJUDGED, case.criterion, where, f"skipped: {why}", cause=Cause.CAPABILITY
    )
    return CaseResult(case, None, (fault,))


def judge(case: Case, before: Results, after: Results) -> tuple[Fault, ...]:
    """Compare what was said of an answer with what should have been.

    Args:
        before: what the solution got.
        after: what the answer got.
    """
    found = after[case.criterion]
    if _not_here(found) and case.expect is not Outcome.ERROR:
        text = f"cannot be judged on this cluster ({found.cause})"
        where = str(case.path)
        return (Fault(FaultKind.UNJUDGED, case.criterion, where, text, found.reason, found.cause),)
    told = [*_itself(case, found), *_others(case, before, after)]
    return tuple(
        Fault(kind, case.criterion, str(case.path), text, reason) for kind, text, reason in told
    )


def without(others: Collection[str], before: Results, after: Results) -> Results:
    """Return ``after`` as if the criteria in ``others``, which other cases hit, had stayed."""
    return {name: before[name] if name in others else one for name, one in after.items()}


def of_empty_cluster(results: Results) -> Iterator[Fault]:
    """Yield what is wrong with the grading of a cluster where nothing was done.

    What this kind of cluster does not let one judge is not judged on an empty one either.
    """
    for result in results.values():
        said = (result.id, "the empty cluster")
        if result.outcome is Outcome.PASSED:
            yield Fault(FaultKind.MISS, *said, "passes where nothing was done")
        elif result.earned:
            text = f"earns {result.earned:g} points where nothing was done"
            yield Fault(FaultKind.MISS, *said, text, result.reason)
        elif result.outcome is Outcome.ERROR and result.cause is not Cause.CAPABILITY:
            yield _unjudged(result, *said)


def of_solution(results: Results) -> Iterator[Fault]:
    """Yield what is wrong with the grading of the reference solution."""
    for result in results.values():
        said = (result.id, "the solution")
        if any((2 * item.points) % 1 for item in result.items):
            text = "its items are not worth whole or half points: group its conditions (`grouped`)"
            yield Fault(FaultKind.WORDS, *said, text)
        if result.optional or result.outcome is Outcome.PASSED:
            continue
        if result.outcome is Outcome.ERROR:
            yield _unjudged(result, *said)
        else:
            text = f"{result.outcome.value}, though this is the reference solution"
            yield Fault(FaultKind.FALSE_ALARM, *said, text, result.reason)


def of_mistakes(criteria: Iterable[Criterion], results: Iterable[CheckResult]) -> Iterator[Fault]:
    """Yield the hints that no answer brings out: their ``when`` stands in no reason that was given.

    Args:
        results: everything that was said about these criteria.
    """
    told: dict[str, list[str]] = {}
    for result in results:
        reasons = told.setdefault(result.id, [])
        reasons += [result.reason, *(one.reason for one in result.conditions)]
    for criterion in criteria:
        said = " ".join(told.get(criterion.id, ())).lower()
        for mistake in criterion.mistakes:
            if mistake.when.lower() not in said:
                text = f"no answer brings out the hint for {mistake.when!r}"
                yield Fault(FaultKind.WORDS, criterion.id, criterion.source, text)


def _unjudged(result: CheckResult, criterion: str, where: str) -> Fault:
    kind = FaultKind.UNJUDGED if _not_here(result) else FaultKind.FALSE_ALARM
    text = f"not judged ({result.cause})"
    return Fault(kind, criterion, where, text, result.reason, result.cause)


def _not_here(result: CheckResult) -> bool:
    """Whether the cluster is the reason that nothing was judged (a crash is the check's own)."""
    return result.outcome is Outcome.ERROR and result.cause is not Cause.INTERNAL


def _itself(case: Case, found: CheckResult) -> Iterator[tuple[FaultKind, str, str]]:
    """Yield what is wrong with the judgement of the criterion that the case is for."""
    if found.outcome is not case.expect:
        right = case.expect is Outcome.PASSED
        kind = FaultKind.FALSE_ALARM if right else FaultKind.MISS
        by = f" by {found.blocked_by}" if found.blocked_by else ""
        text = f"{found.outcome.value}{by} instead of {case.expect.value}: {case.title}"
        yield kind, text, found.reason
        return
    if case.reason not in found.reason:
        yield FaultKind.WORDS, f"the reason does not say {case.reason!r}", found.reason
    if case.expect is Outcome.FAILED:
        if found.earned >= found.points:
            yield FaultKind.MISS, "fails, and earns all its points", found.reason
        lacking = [name for name in ("expected", "actual", "fix") if not getattr(found, name)]
        if lacking:
            yield FaultKind.WORDS, f"does not tell the learner: {', '.join(lacking)}", found.reason
        yield from _in_python(found)


def _in_python(found: CheckResult) -> Iterator[tuple[FaultKind, str, str]]:
    """Yield the values of Python's in what a learner reads."""
    parts: tuple[CheckResult | Item, ...] = (found, *found.conditions)
    for part in parts:
        texts = (part.reason, part.expected, part.actual, part.fix)
        odd = next((match[0] for text in texts if (match := _PYTHON.search(text))), "")
        if odd:
            yield FaultKind.WORDS, f"shows a value as Python writes it: {odd}", part.reason
            return


def _others(case: Case, before: Results, after: Results) -> Iterator[tuple[FaultKind, str, str]]:
    """Yield the checks that the answer hit and should not have, or the other way round.

    What depends on a failed check is blocked by the runner; so whatever fails does not depend.
    """
    hit = (Outcome.FAILED, Outcome.ERROR)
    right = case.expect is Outcome.PASSED
    for other in after.values():
        if other.id == case.criterion or other.optional:
            continue
        changed = other.outcome is not before[other.id].outcome
        if other.id in case.also:
            if other.outcome is Outcome.PASSED:
                text = f"`also` names {other.id}, which passes"
                yield FaultKind.BROKEN_CASE, text, ""
        elif changed and (other.outcome in hit or (right and other.outcome is Outcome.BLOCKED)):
            text = f"{other.id} is {other.outcome.value}, and the case does not name it in `also`"
            yield FaultKind.OTHERS_HIT, text, other.reason
