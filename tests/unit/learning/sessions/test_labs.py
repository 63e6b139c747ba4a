"""Two labs side by side: each has an open session of its own, and an exam stands alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from labgrader.errors import UsageError
from labgrader.learning.sessions.sessions import Sessions
from labgrader.learning.sessions.store import Store
from labgrader.model.modes import Mode


@pytest.fixture
def all_sessions(tmp_path: Path) -> Sessions:
    return Sessions(Store(tmp_path / "sessions.sqlite3"))


def test_each_lab_has_its_own_open_session(all_sessions: Sessions) -> None:
    all_sessions.start("a", "first", "ctx")
    all_sessions.start("b", "second", "ctx")
    for lab, name in (("first", "a"), ("second", "b")):
        found = all_sessions.of(lab).open_one()
        assert found is not None
        assert (found.name, found.state) == (name, "running")
    assert all_sessions.of("third").open_one() is None
    all_sessions.start("c", "first", "ctx")
    assert all_sessions.record("a").state == "ended"
    assert all_sessions.record("b").state == "running"


def test_notes_go_to_the_session_of_their_lab(all_sessions: Sessions) -> None:
    all_sessions.start("a", "first", "ctx")
    all_sessions.start("b", "second", "ctx")
    all_sessions.of("first").note_hint("x")
    all_sessions.of("first").note_solved("task1", "ctx")
    assert (all_sessions.record("a").hints, all_sessions.record("a").solved) == (["x"], ["task1"])
    assert (all_sessions.record("b").hints, all_sessions.record("b").solved) == ([], [])


def test_pausing_one_lab_leaves_the_other_running(all_sessions: Sessions) -> None:
    all_sessions.start("a", "first", "ctx")
    all_sessions.start("b", "second", "ctx")
    assert all_sessions.of("first").pause().name == "a"
    assert all_sessions.record("b").state == "running"
    assert all_sessions.of("first").resume().name == "a"
    assert all_sessions.of("second").end().name == "b"


def test_beside_an_exam_nothing_begins_in_any_lab(all_sessions: Sessions) -> None:
    all_sessions.start("a", "first", "ctx")
    all_sessions.start("exam", "second", "ctx", Mode.EXAM)
    for lab in ("first", "second"):
        exam = all_sessions.of(lab).exam()
        assert exam is not None
        assert exam.name == "exam"
        with pytest.raises(UsageError, match=r"An exam is running \(exam\)"):
            all_sessions.of(lab).start("c", lab, "ctx")
