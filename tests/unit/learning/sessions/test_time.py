"""The learner's time (ADR 19): practice, exams, outages, clocks that are set, sudden ends."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from labgrader.errors import UsageError
from labgrader.learning.sessions.clock import Moment, now
from labgrader.learning.sessions.recorder import SessionRecorder
from labgrader.learning.sessions.sessions import Sessions
from labgrader.learning.sessions.store import Entry, Store
from labgrader.model.modes import Mode
from labgrader.model.result import CheckResult, Outcome
from tests.support.sessions import Machine, attend


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def book(tmp_path: Path, machine: Machine) -> Sessions:
    return Sessions(Store(tmp_path / "sessions"), machine)


def begin(
    book: Sessions, mode: Mode = Mode.PRACTICE, factor: float | None = 1.0
) -> SessionRecorder:
    book.start("s", "lab", "c", mode, factor)
    return SessionRecorder(book, "s")


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("hours", [-30, 30])
def test_a_clock_that_is_set_changes_nothing(book, machine, mode, hours) -> None:
    journal = begin(book, mode)
    journal.work_on("task1")
    attend(machine, journal, 60)
    machine.set_clock(hours)
    attend(machine, journal, 60)
    assert journal.record().seconds == 120
    assert book.record("s").seconds == 120


def test_across_a_restart_the_time_of_day_decides_and_never_backwards(book, machine) -> None:
    begin(book, Mode.TIMED).work_on("task1")
    machine.restart(600)
    assert SessionRecorder(book, "s").record().seconds == 600
    SessionRecorder(book, "s").note("alive")
    machine.restart(0)
    machine.set_clock(-5)
    assert SessionRecorder(book, "s").record().seconds == 600


def test_practice_does_not_count_what_nobody_attended(book, machine) -> None:
    journal = begin(book)
    journal.work_on("task1")
    attend(machine, journal, 60)
    assert not journal.record().silent
    machine.tick(8 * 3600)  # killed, or the laptop slept
    again = SessionRecorder(book, "s")
    assert again.record().seconds == 60
    assert again.record().silent
    again.work_on("task1")
    assert not again.record().silent
    attend(machine, again, 10)
    assert again.record().seconds == 70
    assert again.record().spent == {"task1": 70}


def test_a_timed_session_runs_on_while_nobody_attends(book, machine) -> None:
    journal = begin(book, Mode.TIMED)
    journal.work_on("task1")
    attend(machine, journal, 60)
    machine.tick(600)
    assert SessionRecorder(book, "s").record().seconds == 660


def test_a_session_without_a_program_counts_until_it_is_paused(book, machine) -> None:
    book.start("s", "lab", "c")
    machine.tick(3600)
    assert book.pause().seconds == 3600


def test_only_the_task_that_is_worked_on_takes_time(book, machine) -> None:
    journal = begin(book)
    journal.work_on("task1")
    attend(machine, journal, 30)
    journal.work_on("task2")
    attend(machine, journal, 50)
    journal.pause()
    machine.tick(100)
    journal.work_on("task1")
    attend(machine, journal, 10)
    assert journal.record().spent == {"task1": 40, "task2": 50}
    assert journal.record().seconds == 90


@pytest.mark.parametrize("mode", Mode)
def test_an_outage_is_credited_while_the_program_sees_it(book, machine, mode) -> None:
    journal = begin(book, mode)
    journal.work_on("task1")
    attend(machine, journal, 30)
    journal.note("lost")
    attend(machine, journal, 100)
    journal.note("back")
    attend(machine, journal, 20)
    record = journal.record()
    assert (record.seconds, record.credited, record.spent) == (50, 100, {"task1": 50})


def test_an_outage_is_no_way_to_stop_a_timed_sessions_clock(book, machine) -> None:
    journal = begin(book, Mode.TIMED)
    journal.work_on("task1")
    journal.note("lost")
    machine.tick(1000)  # the program was killed in the outage
    again = SessionRecorder(book, "s")
    assert again.record().seconds == 1000
    assert not again.record().lost


def test_a_timed_session_cannot_be_paused(book, machine) -> None:
    journal = begin(book, Mode.TIMED)
    journal.pause()
    machine.tick(10)
    assert journal.record().seconds == 10
    with pytest.raises(UsageError, match="cannot be paused"):
        book.pause()


def test_budgets_are_stretched_or_gone(book) -> None:
    assert begin(book, factor=1.5).record().budget(360) == 540
    book.end()
    book.start("t", "lab", "c", Mode.PRACTICE, None)
    assert book.record("t").budget(360) is None


def test_time_that_is_over_is_kept_once_and_stops_nothing(book, machine) -> None:
    journal = begin(book, Mode.TIMED)
    journal.work_on("task1")
    attend(machine, journal, 360)
    journal.note_over("task1")
    attend(machine, journal, 60)
    journal.note_over("task1")
    journal.note_result(CheckResult("it", "1.1", "It", Outcome.PASSED, 2, 2))
    record = SessionRecorder(book, "s").record()
    assert record.over == {"task1": 360}
    assert record.first_passed == {"it": 420}


def test_a_check_that_passed_is_on_the_disk_once(book) -> None:
    journal = begin(book)
    journal.work_on("task1")
    passed = CheckResult("it", "1.1", "It", Outcome.PASSED, 2, 2)
    for _ in range(3):
        journal.note_result(passed)
    journal.note_result(CheckResult("other", "1.1", "It", Outcome.FAILED, 2, 0))
    kinds = [(e.kind, e.data.get("criterion")) for e in book.store.entries("s")]
    assert kinds.count(("passed", "it")) == 1
    assert ("passed", "other") not in kinds


def test_what_turns_green_in_a_pause_is_kept_and_after_the_end_it_is_not(book, machine) -> None:
    """A task's last check stops its clock; the grading that tells the points comes after it."""
    journal = begin(book)
    journal.work_on("task1")
    attend(machine, journal, 10)
    journal.pause()
    journal.note_result(CheckResult("it", "1.1", "It", Outcome.PASSED, 2, 2))
    assert SessionRecorder(book, "s").record().first_passed == {"it": 10}
    journal.note("ended")
    journal.note_result(CheckResult("late", "1.1", "It", Outcome.PASSED, 2, 2))
    assert "late" not in SessionRecorder(book, "s").record().first_passed


def test_a_done_task_rests_until_the_time_goes_on_or_it_is_done_no_longer(book, machine) -> None:
    journal = begin(book)
    journal.work_on("task1")
    journal.note("graded", tasks={"task1": (1, 2)}, passed=[])  # before its last check
    journal.pause(done="task1")
    assert journal.record().done == "task1"
    journal.note("graded", tasks={"task1": (2, 2), "task2": (0, 2)}, passed=["it"])
    machine.tick(100)
    journal.pause()
    assert SessionRecorder(book, "s").record().done == "task1"
    journal.note("graded", tasks={"task1": (1, 2)}, passed=[])
    assert journal.record().done == ""
    journal.work_on("task1")
    journal.pause(done="task1")
    journal.work_on("task2")
    assert SessionRecorder(book, "s").record().done == ""


def test_what_cannot_be_kept_is_said_and_stops_nobody(book, machine, tmp_path) -> None:
    journal = begin(book)
    (tmp_path / "sessions").unlink()
    for left in tmp_path.glob("sessions*"):
        left.unlink()
    (tmp_path / "sessions").write_bytes(b"no database at all " * 100)
    journal.work_on("task1")
    assert "cannot be used" in journal.trouble
    attend(machine, journal, 30)
    assert journal.record().seconds == 30


def test_a_journal_that_is_not_kept_writes_nothing(book, machine) -> None:
    journal = SessionRecorder(book, "somebody else's", kept=False)
    journal.note("started", lab="lab", context="c")
    journal.work_on("task1")
    attend(machine, journal, 30)
    assert journal.record().seconds == 30
    assert book.store.sessions() == []


def test_events_of_the_first_version_are_read(book, machine) -> None:
    old = Moment(machine.at)
    book.store.append(Entry("s", old, "started", {"lab": "lab", "context": "c"}))
    later = Moment(machine.at + timedelta(seconds=90))
    graded = {"tasks": {"task1": [3, 20]}, "passed": ["it"]}
    book.store.append(Entry("s", later, "graded", graded))
    record = book.record("s")
    assert (record.mode, record.factor, record.first_passed) == (Mode.PRACTICE, 1.0, {"it": 90})


def test_this_machine_tells_the_time() -> None:
    first = now()
    assert 0 <= first.until(now()) < 60
