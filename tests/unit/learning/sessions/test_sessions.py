"""Sessions: time that adds up, notes that survive, and a file that may be missing or damaged."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labgrader.errors import LabError, UsageError
from labgrader.learning.sessions.clock import Moment
from labgrader.learning.sessions.sessions import Sessions
from labgrader.learning.sessions.store import Store
from tests.support.reports import graded


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)
        self.boot, self.up = "", 0.0

    def __call__(self) -> Moment:
        return Moment(self.now, self.boot, self.up)

    def tick(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.up += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def all_sessions(tmp_path: Path, clock: Clock) -> Sessions:
    return Sessions(Store(tmp_path / "sessions"), clock)


def test_pauses_do_not_count(all_sessions: Sessions, clock: Clock) -> None:
    all_sessions.start("s", "lab", "c")
    clock.tick(60)
    assert all_sessions.pause().seconds == 60
    clock.tick(1000)
    assert all_sessions.resume().seconds == 60
    clock.tick(5)
    assert all_sessions.record("s").seconds == 65
    assert all_sessions.record("s").state == "running"


def test_a_clock_that_is_set_back_takes_nothing_away(all_sessions: Sessions, clock: Clock) -> None:
    all_sessions.start("s", "lab", "c")
    clock.tick(60)
    all_sessions.pause()
    all_sessions.resume()
    clock.tick(-3600)
    assert all_sessions.record("s").seconds == 60


def test_gradings_are_kept_while_it_runs(all_sessions: Sessions, clock: Clock) -> None:
    all_sessions.note_grading(graded(20))  # nothing runs yet
    all_sessions.start("s", "lab", "c")
    clock.tick(30)
    all_sessions.note_grading(graded(7))
    all_sessions.note_grading(graded(20, context="another cluster"))
    clock.tick(30)
    all_sessions.note_grading(graded(20))
    all_sessions.note_grading(graded(3))
    all_sessions.note_hint("it")
    all_sessions.pause()
    all_sessions.note_grading(graded(20))
    record = all_sessions.record("s")
    assert record.best == {"task1": (20, 20)}
    assert record.first_passed == {"it": 60}
    assert len(record.gradings) == 3
    assert record.hints == ["it"]


def test_starting_ends_the_one_before(all_sessions: Sessions) -> None:
    all_sessions.start("a", "lab", "c")
    all_sessions.start("b", "lab", "c")
    assert [record.state for record in all_sessions.records()] == ["ended", "running"]


def test_what_cannot_be_done_is_said(all_sessions: Sessions) -> None:
    for action in (
        all_sessions.pause,
        all_sessions.resume,
        lambda: all_sessions.record("x"),
        lambda: all_sessions.delete("x"),
    ):
        with pytest.raises(UsageError):
            action()
    all_sessions.start("s", "lab", "c")
    with pytest.raises(UsageError, match="already"):
        all_sessions.start("s", "lab", "c")


def test_delete_is_for_good(all_sessions: Sessions) -> None:
    all_sessions.start("s", "lab", "c")
    all_sessions.delete("s")
    assert all_sessions.records() == []


def test_the_file_is_private(tmp_path: Path, all_sessions: Sessions) -> None:
    all_sessions.start("s", "lab", "c")
    assert stat.S_IMODE((tmp_path / "sessions").stat().st_mode) == 0o600


def test_a_damaged_file_is_said_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "damaged"
    file.write_bytes(b"this is no database " * 100)
    with pytest.raises(LabError, match="cannot be used"):
        Sessions(Store(file)).records()


def test_a_file_of_the_future_is_left_alone(tmp_path: Path) -> None:
    import sqlite3

    file = tmp_path / "future"
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LabError, match="newer labgrader"):
        Sessions(Store(file)).records()


def test_what_was_said_to_be_written_survives_a_kill(tmp_path: Path) -> None:
    """A writer says each number once it is stored; whatever it said before kill -9 is there."""
    file = tmp_path / "sessions"
    code = (
        "import sys; from pathlib import Path; from labgrader.learning.sessions import clock\n"
        "from labgrader.learning.sessions.store import Entry, Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for n in range(10**6):\n"
        "    store.append(Entry('s', clock.now(), 'noted', {'n': n})); print(n, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(file)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) == 20:
            os.kill(process.pid, signal.SIGKILL)
            break
    said = [20, *(int(line) for line in process.stdout if line.endswith("\n"))]
    process.wait()
    process.stdout.close()
    stored = [entry.data["n"] for entry in Store(file).entries("s")]
    assert stored[: max(said) + 1] == list(range(max(said) + 1))
