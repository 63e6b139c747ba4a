"""Scores the facts of a check: items, points, outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from labgrader.errors import Cause, ClusterError
from labgrader.grading.findings import Fact, Failure
from labgrader.model.result import CheckResult, Item, Outcome
from labgrader.model.task import Criterion

HALF, HUNDREDTH = 50, 1


def split_points(points: int, weights: Sequence[int]) -> list[float]:
    """Share ``points`` out by weight, so that the shares add up exactly.

    Shares are whole or half points, and nothing that has a weight gets none. Only where there are
    more shares than half points they are in hundredths.
    """
    heavy = sum(weight > 0 for weight in weights)
    step = HALF if heavy * HALF <= points * 100 else HUNDREDTH
    total, steps = sum(weights), points * 100 // step
    shares = [max(steps * weight // total, int(weight > 0)) for weight in weights]
    rests = [steps * weight / total - share for weight, share in zip(weights, shares, strict=True)]
    while (missing := steps - sum(shares)) != 0:
        up = 1 if missing > 0 else -1
        index = max(
            (i for i in range(len(weights)) if weights[i] and (up > 0 or shares[i] > 1)),
            key=lambda i: (up * rests[i], -i),
        )
        shares[index] += up
        rests[index] -= up
    return [share * step / 100 for share in shares]


def pending(criterion: Criterion, outcome: Outcome = Outcome.ERROR) -> CheckResult:
    """Return a result that carries the criterion's own facts and no judgement yet."""
    return CheckResult(
        id=criterion.id,
        step=criterion.step,
        title=criterion.title,
        outcome=outcome,
        points=criterion.points,
        optional=criterion.optional,
    )


def from_facts(criterion: Criterion, facts: Sequence[Fact]) -> CheckResult:
    """Judge by facts: one false fact fails the check, each item that is true earns its share."""
    units = _units(facts)
    shares = split_points(criterion.points, [max(one.weight for one in unit) for unit in units])
    items = tuple(_item(unit, share) for unit, share in zip(units, shares, strict=True))
    parts = [part for item in items for part in item.parts]
    wrong = [part for part in parts if part.outcome is Outcome.FAILED]
    unknown = [part for part in parts if part.outcome is Outcome.ERROR]
    outcome = Outcome.FAILED if wrong else Outcome.ERROR if unknown else Outcome.PASSED
    told = wrong or unknown
    result = replace(
        pending(criterion, outcome),
        earned=round(sum(item.earned for item in items), 2),
        items=items,
        evidence=tuple(evidence for fact in facts for evidence in fact.evidence),
        erratum=criterion.erratum_for(part.reason for part in wrong) if wrong else None,
    )
    if not told:
        return result
    telling = told[0]
    return replace(
        result,
        reason=_headline(telling, told, parts),
        expected=telling.expected,
        actual=telling.actual,
        fix=telling.fix,
        cause=None if wrong else telling.cause,
    )


def _units(facts: Sequence[Fact]) -> list[list[Fact]]:
    """Return facts by group, in the order in which each first came up."""
    units: dict[object, list[Fact]] = {}
    for index, one in enumerate(facts):
        units.setdefault(one.group or index, []).append(one)
    return list(units.values())


def _item(unit: Sequence[Fact], share: float) -> Item:
    """Return one item: of a single fact, or of a group's conditions."""
    if len(unit) == 1 and not unit[0].group:
        return _part(unit[0], share)
    parts = tuple(_part(one, 0.0) for one in unit)
    wrong = [one for one in parts if one.outcome is Outcome.FAILED]
    told = wrong or [one for one in parts if one.outcome is Outcome.ERROR]
    if not told:
        return Item(unit[0].group, Outcome.PASSED, share, share, conditions=parts)
    first = told[0]
    return replace(
        first,
        name=unit[0].group,
        points=share,
        reason=_headline(first, told, parts),
        conditions=parts,
    )


def _part(fact: Fact, share: float) -> Item:
    outcome = {True: Outcome.PASSED, False: Outcome.FAILED, None: Outcome.ERROR}[fact.ok]
    told = outcome is not Outcome.PASSED
    return Item(
        name=fact.name,
        outcome=outcome,
        points=share,
        earned=share if fact.ok else 0.0,
        reason=(fact.reason or f"{fact.name}: not so") if told else "",
        expected=fact.expected,
        actual=fact.actual,
        fix=fact.fix if told else "",
        cause=fact.error.cause if fact.error else None,
    )


def _headline(first: Item, told: Sequence[Item], parts: Sequence[Item]) -> str:
    """Say the first wrong condition, and how many are wrong."""
    verb = "cannot be judged" if first.outcome is Outcome.ERROR else "fail"
    more = f" ({len(told)} of {len(parts)} conditions {verb})" if len(told) > 1 else ""
    return first.reason + more


def from_failure(criterion: Criterion, failure: Failure) -> CheckResult:
    """Judge by a failure of the whole check."""
    return replace(
        pending(criterion, Outcome.FAILED),
        reason=failure.reason,
        expected=failure.expected,
        actual=failure.actual,
        fix=failure.fix,
        evidence=failure.evidence,
        erratum=criterion.erratum_for([failure.reason]),
    )


def from_error(criterion: Criterion, error: ClusterError) -> CheckResult:
    """Withhold the points: the API could not be asked."""
    return replace(pending(criterion), cause=error.cause, reason=error.message, fix=error.next_step)


def from_crash(criterion: Criterion, error: BaseException) -> CheckResult:
    """Withhold the points: the check itself is broken, which is not the learner's fault."""
    return replace(
        pending(criterion),
        cause=Cause.INTERNAL,
        reason=f"The check {criterion.check} broke: {type(error).__name__}: {error}",
        fix="This is a fault of labgrader or of the lab's author; run with --debug and report it",
    )


def from_needs(criterion: Criterion, needed: Sequence[CheckResult]) -> CheckResult | None:
    """Return a result where a needed check did not pass; None where all did."""
    for other in needed:
        if other.outcome in (Outcome.FAILED, Outcome.BLOCKED):
            return replace(
                pending(criterion, Outcome.BLOCKED),
                blocked_by=other.id,
                reason=f"Waits for {other.id}, which did not pass",
            )
    for other in needed:
        if other.outcome is Outcome.ERROR:
            return replace(
                pending(criterion),
                cause=other.cause,
                reason=f"{other.id}, which it needs, could not be judged: {other.reason}",
                fix=other.fix,
            )
    return None
