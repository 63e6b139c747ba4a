"""The whole exam as plain text: what is typed is answered, and its end is said."""

from __future__ import annotations

from dataclasses import replace
from threading import Event

import pytest

from labgrader.app import exams
from labgrader.cli.plain_exam import PlainExam, time_line
from labgrader.learning.sessions.recorder import SessionRecorder
from labgrader.learning.sessions.sessions import Sessions
from labgrader.learning.sessions.store import Store
from labgrader.model.modes import Mode, Terms
from labgrader.model.task import Snippet
from tests.support.sessions import Bench, Machine, lab


@pytest.fixture
def all_sessions(tmp_path) -> Sessions:
    return Sessions(Store(tmp_path / "sessions"), Machine())


@pytest.fixture
def sit(all_sessions, monkeypatch, capsys):
    """Return what types lines in an exam and returns what was printed."""
    monkeypatch.setattr(exams, "SETTLE_SECONDS", 0.0)

    def type_in(*lines: str, wait: bool = False) -> list[str]:
        if not all_sessions.exam():
            all_sessions.start("final", "lab", "c", Mode.EXAM, 1.0, Terms(breaks=2))
        bench = Bench(7)
        snippet = Snippet("A snippet", "bash", "kubectl planted")
        (task,) = lab().tasks
        step = replace(task.steps[0], snippets=(snippet,))
        bench.lab = replace(lab(), tasks=(replace(task, steps=(step,)),))
        typed = iter(lines)
        ended = Event()

        def read() -> str:
            """Return the next line; with ``wait`` the learner types nothing after the last."""
            line = next(typed, "")
            if not line and wait:
                ended.wait(60)
            return line

        PlainExam(bench, SessionRecorder(all_sessions, "final")).run(read)
        ended.set()
        return capsys.readouterr().out.splitlines()

    return type_in


def test_the_commands_are_said_first_and_the_end_of_the_input_leaves(sit, all_sessions) -> None:
    told = sit()
    assert told[0] == "tasks: print the requirements of all tasks"
    assert told[-1].startswith("the clock of the exam runs on")
    assert all_sessions.exam()
    assert all_sessions.store.entries("final")[-1].kind == "left"


def test_tasks_are_requirements_only_and_a_break_hides_them(sit) -> None:
    told = "\n".join(sit("task1\n", "break\n", "tasks\n", "break\n", "time\n", "quit\n"))
    assert told.count("# task1: Task") == 1
    assert "planted" not in told
    assert "break: the clock stands still; 2:00 of breaks left" in told
    assert "the tasks are hidden" in told
    assert "6:00 left" in told


def test_finish_asks_and_grades(sit, all_sessions) -> None:
    told = sit("finish\n", "n\n", "quit\n")
    assert "canceled" in told
    assert all_sessions.exam()
    told = sit("finish\n", "y\n", wait=True)
    assert told[-2] == "exam ended 0:00: 7 of 20 points"
    assert all_sessions.record("final").how == "finish"


def test_the_time_that_is_left(all_sessions) -> None:
    all_sessions.start("final", "lab", "c", Mode.EXAM, None)
    assert time_line(all_sessions.record("final"), None) == "0:00 so far, no time limit"
    assert time_line(replace(all_sessions.record("final"), lost=True), 60.0).startswith(
        "1:00 left, stopped"
    )
