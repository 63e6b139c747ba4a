"""Formats states and texts: always a mark and a word, with color on top."""

from __future__ import annotations

from textual.content import Content

from labgrader.model.result import Outcome, Score
from labgrader.report.as_json import number
from labgrader.report.as_text import MARKS as OUTCOME_MARKS
from labgrader.report.clean import one_line
from labgrader.tui.state import Mark

MUTED = "$foreground 65%"

MARKS = {
    Mark.PASSED: OUTCOME_MARKS[Outcome.PASSED],
    Mark.FAILED: OUTCOME_MARKS[Outcome.FAILED],
    Mark.BLOCKED: OUTCOME_MARKS[Outcome.BLOCKED],
    Mark.ERROR: OUTCOME_MARKS[Outcome.ERROR],
    Mark.OPEN: "·",
    Mark.NOTHING: " ",
}
STYLES = {
    Mark.PASSED: "$text-success",
    Mark.FAILED: "$text-error",
    Mark.BLOCKED: "$text-warning",
    Mark.ERROR: "$text-accent",
    Mark.OPEN: MUTED,
    Mark.NOTHING: MUTED,
}
OUTCOMES = {
    Outcome.PASSED: Mark.PASSED,
    Outcome.FAILED: Mark.FAILED,
    Outcome.BLOCKED: Mark.BLOCKED,
    Outcome.ERROR: Mark.ERROR,
}


def mark(state: Mark) -> tuple[str, str]:
    """Return a state's mark with its colour, for ``Content.assemble``."""
    return MARKS[state], f"bold {STYLES[state]}"


def word(state: Mark) -> tuple[str, str]:
    """Return a state's word with its colour, for ``Content.assemble``."""
    return state.value, STYLES[state]


def points(score: Score) -> str:
    """Return ``6/20``, the same way everywhere."""
    return f"{number(score.earned)}/{number(score.possible)}"


def reachable(score: Score) -> str:
    """Return ``20 points``: what can be reached, and nothing of what was."""
    return f"{number(score.possible)} points"


def foreign(text: object) -> Content:
    """Return text from the cluster: one line, no escapes, never read as markup."""
    return Content(one_line(text))


def inline(text: str) -> Content:
    """Return a line of the lab's own text with its `code` set apart."""
    parts = one_line(text).split("`")
    if len(parts) % 2 == 0:  # an unpaired backtick is just a backtick
        return Content(one_line(text))
    return Content.assemble(
        *((part, "$text-primary") if index % 2 else part for index, part in enumerate(parts))
    )
