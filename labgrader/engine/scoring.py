"""From what a check said to a result with points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from labgrader.engine.verdicts import Fact, Failure
from labgrader.model.errors import Cause, ClusterError
from labgrader.model.result import CheckResult, Item, Outcome
from labgrader.model.task import Criterion


def split_points(points: int, weights: Sequence[int]) -> list[float]:
    """Share ``points`` out by weight, in hundredths, so that the shares add up exactly."""
    total = sum(weights)
    cents = [points * 100 * weight // total for weight in weights]
    rests = [(points * 100 * weight) % total for weight in weights]
    missing = points * 100 - sum(cents)
    for index in sorted(range(len(weights)), key=lambda i: -rests[i])[:missing]:
        cents[index] += 1
    return [share / 100 for share in cents]


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
    """Judge by facts: one false fact fails the check, each true one earns its share."""
    shares = split_points(criterion.points, [fact.weight for fact in facts])
    items = tuple(_item(fact, share) for fact, share in zip(facts, shares, strict=True))
    wrong = [item for item in items if item.outcome is Outcome.FAILED]
    unknown = [item for item in items if item.outcome is Outcome.ERROR]
    outcome = Outcome.FAILED if wrong else Outcome.ERROR if unknown else Outcome.PASSED
    told = wrong or unknown
    result = replace(
        pending(criterion, outcome),
        earned=round(sum(item.earned for item in items), 2),
        items=items,
        evidence=tuple(evidence for fact in facts for evidence in fact.evidence),
        erratum=criterion.erratum_for(item.reason for item in wrong) if wrong else None,
    )
    if not told:
        return result
    telling = told[0]
    return replace(
        result,
        reason=_headline(telling, told, items),
        expected=telling.expected,
        actual=telling.actual,
        fix=telling.fix,
        cause=None if wrong else telling.cause,
    )


def _item(fact: Fact, share: float) -> Item:
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


def _headline(first: Item, told: Sequence[Item], items: Sequence[Item]) -> str:
    """Say the first wrong fact, and how many more there are."""
    more = f" (and {len(told) - 1} more of {len(items)} facts)" if len(told) > 1 else ""
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
