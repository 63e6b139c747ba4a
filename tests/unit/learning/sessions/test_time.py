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
def all_sessions(tmp_path: Path, machine: Machine) -> Sessions:
    return Sessions(Store(tmp_path / "sessions"), machine)


def begin(
    all_sessions: Sessions, mode: Mode = Mode.PRACTICE, factor: float | None = 1.0
) -> SessionRecorder:
    all_sessions.start("s", "lab", "c", mode, factor)
    return SessionRecorder(all_sessions, "s")


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("hours", [-30, 30])
def test_a_clock_that_is_set_changes_nothing(all_sessions, machine, mode, hours) -> None:
    session_recorder = begin(all_sessions, mode)
    session_recorder.work_on("task1")
    attend(machine, session_recorder, 60)
    machine.set_clock(hours)
    attend(machine, session_recorder, 60)
    assert session_recorder.record().seconds == 120
    assert all_sessions.record("s").seconds == 120


def test_across_a_restart_the_time_of_day_decides_and_never_backwards(
    all_sessions, machine
) -> None:
    begin(all_sessions, Mode.TIMED).work_on("task1")
    machine.restart(600)
    assert SessionRecorder(all_sessions, "s").record().seconds == 600
    SessionRecorder(all_sessions, "s").note("alive")
    machine.restart(0)
    machine.set_clock(-5)
    assert SessionRecorder(all_sessions, "s").record().seconds == 600


def test_practice_does_not_count_what_nobody_attended(all_sessions, machine) -> None:
    session_recorder = begin(all_sessions)
    session_recorder.work_on("task1")
    attend(machine, session_recorder, 60)
    assert not session_recorder.record().silent
    machine.tick(8 * 3600)  # killed, or the laptop slept
    again = SessionRecorder(all_sessions, "s")
    assert again.record().seconds == 60
    assert again.record().silent
    again.work_on("task1")
    assert not again.record().silent
    attend(machine, again, 10)
    assert again.record().seconds == 70
    assert again.record().spent == {"task1": 70}


def test_a_timed_session_runs_on_while_nobody_attends(all_sessions, machine) -> None:
    session_recorder = begin(all_sessions, Mode.TIMED)
    session_recorder.work_on("task1")
    attend(machine, session_recorder, 60)
    machine.tick(600)
    assert SessionRecorder(all_sessions, "s").record().seconds == 660


def test_a_session_without_a_program_counts_until_it_is_paused(all_sessions, machine) -> None:
    all_sessions.start("s", "lab", "c")
    machine.tick(3600)
    assert all_sessions.pause().seconds == 3600


def test_only_the_task_that_is_worked_on_takes_time(all_sessions, machine) -> None:
    session_recorder = begin(all_sessions)
    session_recorder.work_on("task1")
    attend(machine, session_recorder, 30)
    session_recorder.work_on("task2")
    attend(machine, session_recorder, 50)
    session_recorder.pause()
    machine.tick(100)
    session_recorder.work_on("task1")
    attend(machine, session_recorder, 10)
    assert session_recorder.record().spent == {"task1": 40, "task2": 50}
    assert session_recorder.record().seconds == 90


@pytest.mark.parametrize("mode", Mode)
def test_an_outage_is_credited_while_the_program_sees_it(all_sessions, machine, mode) -> None:
    session_recorder = begin(all_sessions, mode)
    session_recorder.work_on("task1")
    attend(machine, session_recorder, 30)
    session_recorder.note("lost")
    attend(machine, session_recorder, 100)
    session_recorder.note("back")
    attend(machine, session_recorder, 20)
    record = session_recorder.record()
    assert (record.seconds, record.credited, record.spent) == (50, 100, {"task1": 50})


def test_an_outage_is_no_way_to_stop_a_timed_sessions_clock(all_sessions, machine) -> None:
    session_recorder = begin(all_sessions, Mode.TIMED)
    session_recorder.work_on("task1")
    session_recorder.note("lost")
    machine.tick(1000)  # the program was killed in the outage
    again = SessionRecorder(all_sessions, "s")
    assert again.record().seconds == 1000
    assert not again.record().lost


def test_a_timed_session_cannot_be_paused(all_sessions, machine) -> None:
    session_recorder = begin(all_sessions, Mode.TIMED)
    session_recorder.pause()
    machine.tick(10)
    assert session_recorder.record().seconds == 10
    with pytest.raises(UsageError, match="cannot be paused"):
        all_sessions.pause()


def test_budgets_are_stretched_or_gone(all_sessions) -> None:
    assert begin(all_sessions, factor=1.5).record().budget(360) == 540
    all_sessions.end()
    all_sessions.start("t", "lab", "c", Mode.PRACTICE, None)
    assert all_sessions.record("t").budget(360) is None


def test_time_that_is_over_is_kept_once_and_stops_nothing(all_sessions, machine) -> None:
    session_recorder = begin(all_sessions, Mode.TIMED)
    session_recorder.work_on("task1")
    attend(machine, session_recorder, 360)
    session_recorder.note_over("task1")
    attend(machine, session_recorder, 60)
    session_recorder.note_over("task1")
    session_recorder.note_result(CheckResult("it", "1.1", "It", Outcome.PASSED, 2, 2))
    record = SessionRecorder(all_sessions, "s").record()
    assert record.over == {"task1": 360}
    assert record.first_passed == {"it": 420}


def test_a_check_that_passed_is_on_the_disk_once(all_sessions) -> None:
    session_recorder = begin(all_sessions)
    session_recorder.work_on("task1")
    passed = CheckResult("it", "1.1", "It", Outcome.PASSED, 2, 2)
    for _ in range(3):
        session_recorder.note_result(passed)
    session_recorder.note_result(CheckResult("other", "1.1", "It", Outcome.FAILED, 2, 0))
    kinds = [(e.kind, e.data.get("criterion")) for e in all_sessions.store.entries("s")]
    assert kinds.count(("passed", "it")) == 1
    assert ("passed", "other") not in kinds


def test_what_turns_green_in_a_pause_is_kept_and_after_the_end_it_is_not(
    all_sessions, machine
) -> None:
    """A task's last check stops its clock; the grading that tells the points comes after it."""
    session_recorder = begin(all_sessions)
    session_recorder.work_on("task1")
    attend(machine, session_recorder, 10)
    session_recorder.pause()
    session_recorder.note_result(CheckResult("it", "1.1", "It", Outcome.PASSED, 2, 2))
    assert SessionRecorder(all_sessions, "s").record().first_passed == {"it": 10}
    session_recorder.note("ended")
    session_recorder.note_result(CheckResult("late", "1.1", "It", Outcome.PASSED, 2, 2))
    assert "late" not in SessionRecorder(all_sessions, "s").record().first_passed


def test_a_done_task_rests_until_the_time_goes_on_or_it_is_done_no_longer(
    all_sessions, machine
) -> None:
    session_recorder = begin(all_sessions)
    session_recorder.work_on("task1")
    session_recorder.note("graded", tasks={"task1": (1, 2)}, passed=[])  # before its last check
    session_recorder.pause(done="task1")
    assert session_recorder.record().done == "task1"
    session_recorder.note("graded", tasks={"task1": (2, 2), "task2": (0, 2)}, passed=["it"])
    machine.tick(100)
    session_recorder.pause()
    assert SessionRecorder(all_sessions, "s").record().done == "task1"
    session_recorder.note("graded", tasks={"task1": (1, 2)}, passed=[])
    assert session_recorder.record().done == ""
    session_recorder.work_on("task1")
    session_recorder.pause(done="task1")
    session_recorder.work_on("task2")
    assert SessionRecorder(all_sessions, "s").record().done == ""


def test_what_cannot_be_kept_is_said_and_stops_nobody(all_sessions, machine, tmp_path) -> None:
    session_recorder = begin(all_sessions)
    (tmp_path / "sessions").unlink()
    for left in tmp_path.glob("sessions*"):
        left.unlink()
    (tmp_path / "sessions").write_bytes(b"no database at all " * 100)
    session_recorder.work_on("task1")
    assert "cannot be used" in session_recorder.trouble
    attend(machine, session_recorder, 30)
    assert session_recorder.record().seconds == 30


def test_a_journal_that_is_not_kept_writes_nothing(all_sessions, machine) -> None:
    session_recorder = SessionRecorder(all_sessions, "somebody else's", kept=False)
    session_recorder.note("started", lab="lab", context="c")
    session_recorder.work_on("task1")
    attend(machine, session_recorder, 30)
    assert session_recorder.record().seconds == 30
    assert all_sessions.store.sessions() == []


def test_events_of_the_first_version_are_read(all_sessions, machine) -> None:
    old = Moment(machine.at)
    all_sessions.store.append(Entry("s", old, "started", {"lab": "lab", "context": "c"}))
    later = Moment(machine.at + timedelta(seconds=90))
    graded = {"tasks": {"task1": [3, 20]}, "passed": ["it"]}
    all_sessions.store.append(Entry("s", later, "graded", graded))
    record = all_sessions.record("s")
    assert (record.mode, record.factor, record.first_passed) == (Mode.PRACTICE, 1.0, {"it": 90})


def test_this_machine_tells_the_time() -> None:
    first = now()
    assert 0 <= first.until(now()) < 60
