"""The line that the prompts of shells count by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from labgrader.content import catalog
from labgrader.learning.sessions.prompt_clock import line_of
from labgrader.learning.sessions.state import SILENCE_SECONDS, SessionState
from labgrader.model.modes import Mode

LAB = catalog.load(Path(__file__).parent.parent.parent.parent / "data" / "tui_lab").lab
TASK = LAB.tasks[0]
NOW = 5000
FRESH = NOW + int(SILENCE_SECONDS)
OF_LAB = f"{FRESH} {NOW + LAB.budget_seconds - 100} {NOW - 100} "


def at_work(**changes: object) -> SessionState:
    return replace(SessionState("r", task=TASK.id, seconds=100.0, spent={TASK.id: 60.0}), **changes)


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (at_work(), f"{FRESH} {NOW + 300} {NOW - 60} "),
        (at_work(factor=2.0), f"{FRESH} {NOW + 660} {NOW - 60} "),
        (at_work(factor=None), f"{FRESH} 0 {NOW - 60} "),
        (at_work(spent={TASK.id: 400.0}), f"{FRESH} {NOW - 40} {NOW - 400} "),
        (at_work(mode=Mode.EXAM), OF_LAB),
        (at_work(task=""), OF_LAB),
        (at_work(state="paused"), "0 0 0 "),
        (at_work(state="paused", done="task1"), "0 0 0 task1"),
        (at_work(state="ended"), "0 0 0 "),
        (at_work(silent=True), "0 0 0 "),
        (at_work(silent=True, mode=Mode.EXAM), "0 0 0 "),
        (at_work(silent=True, mode=Mode.TIMED), OF_LAB),
    ],
)
def test_a_record_as_a_line(record: SessionState, line: str) -> None:
    assert line_of(record, LAB, NOW) == f"{line}\n"
