"""Points: shares add up, nothing unjudged is earned or lost."""

from __future__ import annotations

import pytest

from labgrader.errors import Cause, Forbidden, Unreachable
from labgrader.grading import scoring
from labgrader.grading.findings import Failure, fact, grouped, unjudged
from labgrader.model.result import CheckResult, Outcome, Score, Verdict, verdict
from labgrader.model.task import Criterion


def criterion(points: int = 6, **more: object) -> Criterion:
    return Criterion("c", "c", "Title", "1.1", points, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("points", [1, 2, 7, 20])
@pytest.mark.parametrize("weights", [[1], [1, 1, 1], [3, 1, 2], [1] * 30])
def test_shares_add_up_exactly(points: int, weights: list[int]) -> None:
    shares = scoring.split_points(points, weights)
    assert round(sum(round(share * 100) for share in shares)) == points * 100
    assert all(share >= 0 for share in shares)


def test_heavier_facts_get_more() -> None:
    assert scoring.split_points(4, [3, 1]) == [3.0, 1.0]


@pytest.mark.parametrize(
    ("points", "weights"),
    [(2, [1, 1, 1]), (7, [1] * 7), (1, [9, 1]), (3, [1, 0, 1, 2, 1]), (5, [100, 1, 1, 1])],
)
def test_shares_are_whole_or_half_points_where_there_are_enough(
    points: int, weights: list[int]
) -> None:
    shares = scoring.split_points(points, weights)
    assert sum(shares) == points
    assert all((2 * share).is_integer() for share in shares)
    assert [bool(share) for share in shares] == [bool(weight) for weight in weights]


def test_conditions_of_a_group_earn_together() -> None:
    facts = [
        *grouped("one", [fact("a", True), fact("b", True)]),
        *grouped("two", [fact("c", True), fact("d", False, reason="d is wrong", fix="do d")]),
        *grouped("two", [fact("e", False, reason="e is wrong")]),
    ]
    result = scoring.from_facts(criterion(4), facts)
    assert [(item.name, item.points, item.earned) for item in result.items] == [
        ("one", 2, 2),
        ("two", 2, 0),
    ]
    two = result.items[1]
    assert [part.outcome for part in two.conditions] == [
        Outcome.PASSED,
        Outcome.FAILED,
        Outcome.FAILED,
    ]
    assert (two.reason, two.fix) == ("d is wrong (2 of 3 conditions fail)", "do d")
    assert (result.earned, result.reason) == (2, "d is wrong (2 of 5 conditions fail)")


def test_a_group_that_is_not_judged_whole_is_withheld_and_a_wrong_one_lost() -> None:
    unknown = unjudged("b", Forbidden("may not look"))
    withheld = scoring.from_facts(criterion(2), [*grouped("g", [fact("a", True), unknown])])
    assert (withheld.outcome, withheld.earned, withheld.withheld) == (Outcome.ERROR, 0, 2)
    wrong = fact("a", False, reason="wrong")
    lost = scoring.from_facts(criterion(2), [*grouped("g", [unknown, wrong])])
    assert (lost.outcome, lost.earned, lost.withheld) == (Outcome.FAILED, 0, 0)


def test_notes_of_a_group_stay_by_themselves() -> None:
    facts = [*grouped("g", [fact("a", True), fact("a note", True, weight=0)], weight=3)]
    items = scoring.from_facts(criterion(2), facts).items
    assert [(item.name, item.points) for item in items] == [("g", 2), ("a note", 0)]


def test_all_true_passes_and_earns_everything() -> None:
    result = scoring.from_facts(criterion(), [fact("a", True), fact("b", True)])
    assert (result.outcome, result.earned, result.reason) == (Outcome.PASSED, 6, "")


def test_one_false_fails_and_keeps_the_rest() -> None:
    facts = [
        fact("a", True),
        fact("b", False, reason="b is wrong", expected="x", actual="y", fix="do b"),
        fact("c", False, reason="c is wrong"),
    ]
    result = scoring.from_facts(criterion(erratum="E1"), facts)
    assert (result.outcome, result.earned) == (Outcome.FAILED, 2)
    assert result.reason == "b is wrong (2 of 3 conditions fail)"
    assert (result.expected, result.actual, result.fix, result.erratum) == ("x", "y", "do b", "E1")


def test_unjudged_fact_withholds_its_share() -> None:
    facts = [fact("a", True), unjudged("b", Forbidden("may not look"))]
    result = scoring.from_facts(criterion(), facts)
    assert (result.outcome, result.cause) == (Outcome.ERROR, Cause.FORBIDDEN)
    assert (result.earned, result.withheld) == (3, 3)


def test_false_outweighs_unjudged_but_does_not_take_its_points() -> None:
    facts = [fact("a", False, reason="wrong"), unjudged("b", Unreachable("gone"))]
    result = scoring.from_facts(criterion(), facts)
    assert (result.outcome, result.cause, result.withheld) == (Outcome.FAILED, None, 3)


def test_failure_earns_nothing() -> None:
    failure = Failure("no", expected="a", actual="b", fix="c")
    result = scoring.from_failure(criterion(erratum="E3"), failure)
    assert (result.outcome, result.earned, result.erratum) == (Outcome.FAILED, 0, "E3")


def done(outcome: Outcome, **more: object) -> CheckResult:
    return CheckResult("n", "1.1", "T", outcome, 5, **more)  # type: ignore[arg-type]


def test_a_failed_need_blocks() -> None:
    result = scoring.from_needs(criterion(), [done(Outcome.FAILED)])
    assert result is not None
    assert (result.outcome, result.blocked_by, result.earned) == (Outcome.BLOCKED, "n", 0)


def test_an_unjudged_need_hands_its_cause_on() -> None:
    result = scoring.from_needs(criterion(), [done(Outcome.ERROR, cause=Cause.TIMEOUT)])
    assert result is not None
    assert (result.outcome, result.cause) == (Outcome.ERROR, Cause.TIMEOUT)
    assert result.withheld == result.points


def test_passed_needs_let_through() -> None:
    assert scoring.from_needs(criterion(), [done(Outcome.PASSED)]) is None


def test_score_keeps_bonus_apart() -> None:
    score = Score.of(
        [
            done(Outcome.PASSED, earned=5),
            done(Outcome.PASSED, earned=5, optional=True),
            done(Outcome.ERROR, cause=Cause.TIMEOUT),
        ]
    )
    assert score == Score(earned=5, possible=10, withheld=5, bonus=5)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([Outcome.PASSED], Verdict.PASSED),
        ([Outcome.PASSED, Outcome.ERROR], Verdict.UNJUDGED),
        ([Outcome.ERROR, Outcome.FAILED], Verdict.FAILED),
        ([Outcome.BLOCKED], Verdict.FAILED),
        ([], Verdict.UNJUDGED),
    ],
)
def test_verdict(outcomes: list[Outcome], expected: Verdict) -> None:
    assert verdict([done(outcome) for outcome in outcomes]) is expected


def test_optional_checks_decide_only_when_alone() -> None:
    failed_bonus = done(Outcome.FAILED, optional=True)
    assert verdict([done(Outcome.PASSED), failed_bonus]) is Verdict.PASSED
    assert verdict([failed_bonus]) is Verdict.FAILED
