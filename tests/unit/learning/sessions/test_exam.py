"""An exam as a sum over events (ADR 23): its clock, its breaks, its end, and what comes after."""

from __future__ import annotations

from pathlib import Path

import pytest

from labgrader.app import exams
from labgrader.app.exam_monitor import ExamEvent, ExamMonitor
from labgrader.errors import Unreachable, UsageError
from labgrader.learning.sessions.recorder import SessionRecorder
from labgrader.learning.sessions.sessions import Sessions
from labgrader.learning.sessions.store import Store
from labgrader.model.modes import Mode, Terms
from labgrader.model.result import CheckResult, Outcome
from tests.support.reports import graded
from tests.support.sessions import Bench, Machine, attend, lab


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def all_sessions(tmp_path: Path, machine: Machine) -> Sessions:
    return Sessions(Store(tmp_path / "sessions"), machine)


@pytest.fixture
def exam(all_sessions: Sessions) -> SessionRecorder:
    all_sessions.start("final", "lab", "c", Mode.EXAM, 1.0, Terms(breaks=2))
    session_recorder = SessionRecorder(all_sessions, "final")
    session_recorder.note("alive")
    return session_recorder


def rests(slept: list[float]):
    return slept.append


def test_nothing_that_was_judged_is_kept_while_an_exam_runs(all_sessions, exam) -> None:
    exam.note_result(CheckResult("it", "1.1", "It", Outcome.PASSED, 20, 20))
    exam.note_grading(graded(20).tasks)
    all_sessions.note_grading(graded(20))
    kinds = {entry.kind for entry in all_sessions.store.entries("final")}
    assert kinds == {"started", "alive"}


def test_the_clock_stops_while_labgrader_is_gone_and_says_for_how_long(
    machine, all_sessions, exam
) -> None:
    attend(machine, exam, 60)
    machine.tick(200)  # killed
    again = SessionRecorder(all_sessions, "final")
    again.note("alive")
    attend(machine, again, 10)
    record = again.record()
    assert (record.seconds, record.absent) == (70, 200)


def test_the_clock_runs_on_where_it_was_left(machine, all_sessions, exam) -> None:
    attend(machine, exam, 60)
    exam.leave()
    machine.tick(200)
    assert (all_sessions.exam().seconds, all_sessions.exam().absent) == (260, 0)


def test_the_clock_stops_while_the_cluster_does_not_answer(machine, exam) -> None:
    attend(machine, exam, 60)
    exam.note("lost")
    attend(machine, exam, 30)
    exam.note("back")
    attend(machine, exam, 5)
    assert (exam.record().seconds, exam.record().credited) == (65, 30)


def test_a_break_stops_the_clock_until_it_is_used_up(machine, exam) -> None:
    assert exam.rest()
    machine.tick(90)
    assert exam.record().state == "paused"
    assert exam.record().break_left == 30
    assert exam.rest()  # ends it
    assert exam.rest()
    machine.tick(50)
    record = exam.record()
    assert (record.state, record.seconds, record.rested) == ("running", 20, 120)
    assert not exam.rest()


def test_an_exam_without_breaks_cannot_be_paused(all_sessions) -> None:
    all_sessions.start("final", "lab", "c", Mode.EXAM)
    with pytest.raises(UsageError, match="cannot be paused"):
        all_sessions.pause()


def test_nothing_else_is_started_and_nothing_is_deleted_while_it_runs(all_sessions, exam) -> None:
    with pytest.raises(UsageError, match="An exam is running"):
        all_sessions.start("other", "lab", "another cluster")
    with pytest.raises(UsageError, match="An exam is running"):
        all_sessions.delete("final")
    assert all_sessions.store.sessions() == ["final"]


def test_it_is_graded_once_at_the_end_and_later_work_is_kept_apart(
    machine, all_sessions, exam
) -> None:
    attend(machine, exam, 360)
    bench, slept = Bench(7, 12, 20), []
    record = exams.conclude(bench, exam, "time", rests(slept))
    assert (bench.graded, slept) == (3, [10, 10])  # until everything passes
    assert (record.state, record.how, record.earned) == ("ended", "time", 20)
    all_sessions.note_grading(graded(3))
    found = all_sessions.record("final")
    assert (found.earned, found.later.earned) == (20, 3)
    assert exams.result_line(found, lab()) == "exam ended 6:00: 20 of 20 points"


def test_what_does_not_settle_within_a_minute_counts_as_it_is(exam) -> None:
    bench, slept = Bench(7), []
    record = exams.conclude(bench, exam, "finish", rests(slept))
    assert sum(slept) == exams.SETTLE_SECONDS
    assert record.earned == 7


def test_an_end_that_was_interrupted_is_brought_to_its_end_later(
    machine, all_sessions, exam
) -> None:
    exam.note("closing", how="time")
    machine.tick(1000)
    again = SessionRecorder(all_sessions, "final")
    assert again.record().seconds == 0
    assert exams.is_over(again.record(), lab())
    assert exams.conclude(Bench(20), again, "end").how == "time"


def test_a_void_exam_has_a_reason_and_no_score(all_sessions, exam) -> None:
    record = all_sessions.end("void", "fire alarm")
    assert exams.result_line(record, lab()) == "exam void at 0:00: fire alarm"
    assert record.final is None


def test_a_pass_mark_only_where_one_is_set(all_sessions) -> None:
    all_sessions.start("final", "lab", "c", Mode.EXAM, 1.0, Terms(pass_mark=15))
    record = exams.conclude(
        Bench(7), SessionRecorder(all_sessions, "final"), "end", lambda seconds: None
    )
    assert exams.result_line(record, lab()).endswith("7 of 20 points, not passed (15 needed)")


def test_the_monitor_ends_it_by_time(machine, exam) -> None:
    told: list[tuple[ExamEvent, str]] = []
    monitor = ExamMonitor(Bench(20), exam, lambda *news: told.append(news))
    assert monitor.step()
    attend(machine, exam, 360)
    assert not monitor.step()
    assert told == [(ExamEvent.CLOSING, ""), (ExamEvent.ENDED, "")]
    assert exam.record().how == "time"


def test_the_monitor_ends_it_when_the_learner_wants_it(exam) -> None:
    monitor = ExamMonitor(Bench(20), exam, lambda *news: None)
    monitor.finish()
    assert not monitor.step()
    assert exam.record().how == "finish"


def test_the_monitor_sees_that_the_cluster_is_gone_and_back(exam) -> None:
    told: list[tuple[ExamEvent, str]] = []
    bench = Bench(20)
    monitor = ExamMonitor(bench, exam, lambda *news: told.append(news))
    bench.error = Unreachable("refused")
    for _ in range(6):
        assert monitor.step()
    assert exam.record().lost
    bench.error = None
    for _ in range(5):
        assert monitor.step()
    assert told == [(ExamEvent.LOST, "refused"), (ExamEvent.BACK, "")]


def test_an_exam_that_is_left_while_it_is_graded_is_not_scored(exam) -> None:
    told: list[ExamEvent] = []
    monitor = ExamMonitor(Bench(7), exam, lambda news, line: told.append(news))
    monitor.finish()
    monitor.close()
    assert monitor.step()
    assert told == [ExamEvent.CLOSING, ExamEvent.TROUBLE]
    assert (exam.record().state, exam.record().final) == ("closing", None)


def test_a_fault_of_ours_does_not_end_the_monitor(exam) -> None:
    told: list[tuple[ExamEvent, str]] = []
    bench = Bench(7)
    bench.error = RuntimeError("odd")
    monitor = ExamMonitor(bench, exam, lambda *news: told.append(news))
    monitor.close()
    assert monitor._stepped()
    assert told == [(ExamEvent.TROUBLE, "RuntimeError: odd")]


def test_another_program_may_end_it(all_sessions, exam) -> None:
    told: list[ExamEvent] = []
    monitor = ExamMonitor(Bench(20), exam, lambda news, line: told.append(news))
    all_sessions.end("void", "fire alarm")
    exam.catch_up()
    assert not monitor.step()
    assert told == [ExamEvent.ENDED]


def test_the_terms_are_the_manifests_unless_tasks_are_chosen() -> None:
    whole = lab(6, 7, 8, exam_minutes=35, exam_pass=66)
    assert exams.terms_of(whole, Terms()) == Terms(35, 66)
    some = exams.terms_of(whole, Terms(tasks=("task3", "task2")))
    assert some == Terms(tasks=("task2", "task3"))
    assert "2 tasks (task2, task3)" in exams.terms_lines(whole, some, 2)[0]
    assert "30 minutes" in exams.terms_lines(whole, some, 2)[1]
    for wrong in (("task9",), ("task1", "task3")):
        with pytest.raises(UsageError):
            exams.terms_of(whole, Terms(tasks=wrong))


def test_a_mode_of_a_later_version_is_read_as_practice(all_sessions) -> None:
    all_sessions.write("odd", "started", lab="lab", context="c", mode="of later")
    all_sessions.write("odd", "of later", anything=1)
    assert all_sessions.record("odd").mode is Mode.PRACTICE
