"""The line that the prompts of shells count by."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labgrader.engine import catalog
from labgrader.model.modes import Mode
from labgrader.session.book import Book
from labgrader.session.journal import Journal
from labgrader.session.moments import Moment
from labgrader.session.prompt_clock import PromptClock, line_of
from labgrader.session.record import SILENCE_SECONDS, Record
from labgrader.session.store import Store

LAB = catalog.load(Path(__file__).parent.parent / "data" / "tui_lab").lab
TASK = LAB.tasks[0]
NOW = 5000
FRESH = NOW + int(SILENCE_SECONDS)


def at_work(**changes: object) -> Record:
    return replace(Record("r", task=TASK.id, seconds=100.0, spent={TASK.id: 60.0}), **changes)


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (at_work(), f"{FRESH} {NOW + 300} {NOW - 60} "),
        (at_work(factor=2.0), f"{FRESH} {NOW + 660} {NOW - 60} "),
        (at_work(factor=None), f"{FRESH} 0 {NOW - 60} "),
        (at_work(spent={TASK.id: 400.0}), f"{FRESH} {NOW - 40} {NOW - 400} "),
        (at_work(mode=Mode.EXAM), f"{FRESH} {NOW + LAB.budget_seconds - 100} {NOW - 100} "),
        (at_work(task=""), f"{FRESH} {NOW + LAB.budget_seconds - 100} {NOW - 100} "),
        (at_work(state="paused"), "0 0 0 "),
        (at_work(state="paused", done="task1"), "0 0 0 task1"),
        (at_work(state="ended"), "0 0 0 "),
    ],
)
def test_a_record_as_a_line(record: Record, line: str) -> None:
    assert line_of(record, LAB, NOW) == f"{line}\n"


def test_each_event_is_written_at_once_and_a_lost_folder_stops_nobody(tmp_path: Path) -> None:
    seconds = [0.0]

    def now() -> Moment:
        day = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds[0])
        return Moment(day, "this start", seconds[0])

    book = Book(Store(tmp_path / "store"), now)
    book.start("s", LAB.id, "lab")
    journal, folder = Journal(book, "s"), tmp_path / "open"
    folder.mkdir()
    journal.listen(PromptClock(folder / "x.clock", LAB, lambda: NOW).show)
    journal.work_on(TASK.id)
    seconds[0] = 10.0
    journal.note("alive")
    assert (folder / "x.clock").read_text() == f"{FRESH} {NOW + 350} {NOW - 10} \n"
    journal.pause()
    assert (folder / "x.clock").read_text() == "0 0 0 \n"
    journal.work_on(TASK.id)
    journal.pause(done=TASK.id)
    assert (folder / "x.clock").read_text() == f"0 0 0 {TASK.id}\n"
    assert [each.name for each in folder.iterdir()] == ["x.clock"]
    (folder / "x.clock").unlink()
    folder.rmdir()
    journal.work_on(TASK.id)
    assert (journal.record().state, journal.trouble) == ("running", "")
