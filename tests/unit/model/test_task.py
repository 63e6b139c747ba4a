"""Hints and errata, keyed to the mistake that was seen."""

from __future__ import annotations

from labgrader.model.task import Criterion, Mistake

CRITERION = Criterion(
    "c",
    "c",
    "Title",
    "1.1",
    2,
    hints=("look", "type this"),
    mistakes=(
        Mistake("short name", "look at the names"),
        Mistake("failed calling webhook", "nobody serves it", erratum="E2"),
    ),
)


def test_hints_for_the_mistake_come_first() -> None:
    assert CRITERION.hints_for(["The Short Name ta is missing"]) == (
        "look at the names",
        "look",
        "type this",
    )
    assert CRITERION.hints_for([]) == ("look", "type this")


def test_the_text_is_blamed_only_for_its_own_mistakes() -> None:
    assert CRITERION.erratum_for(["failed calling webhook x"]) == "E2"
    assert CRITERION.erratum_for(["unknown field"]) is None
