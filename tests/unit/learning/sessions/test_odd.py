"""Events that are stored well and mean nothing are set aside, and said; never more than that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labgrader.cli import root
from labgrader.errors import ExitCode
from labgrader.learning.sessions.sessions import Sessions
from labgrader.learning.sessions.store import Store

AT = "2026-01-01T00:00:00+00:00"
STARTED = {"lab": "operator-pipeline", "context": "k", "mode": "practice", "factor": 1}


def write(session: str, kind: str, data: Any, at: str = AT) -> None:
    text = data if isinstance(data, str) else json.dumps(data)
    with Store()._open() as connection:
        connection.execute(
            "INSERT INTO events (session, at, kind, data) VALUES (?,?,?,?)",
            (session, at, kind, text),
        )


ODD: list[tuple[str, Any, str]] = [
    ("working", {}, AT),
    ("passed", {"criterion": 1, "x": [[]]}, AT),
    ("hint", {}, AT),
    ("graded", {"tasks": 3}, AT),
    ("graded", {}, AT),
    ("over", [], AT),
    ("scored", {"earned": "much"}, AT),
    ("solution", "{", AT),
    ("solution", "[" * 100_000, AT),
    ("alive", {}, "no time"),
    ("alive", {}, "2026-01-01T00:00:00"),
    ("alive", {"_clock": "x"}, AT),
    ("never heard of", {"a": 1}, AT),
]


@pytest.mark.parametrize(("kind", "data", "at"), ODD)
def test_an_odd_event_is_set_aside(kind: str, data: Any, at: str) -> None:
    write("good", "started", STARTED)
    write("good", kind, data, at)
    write("good", "passed", {"criterion": "one"})
    (record,) = Sessions().records()
    assert (record.lab, list(record.first_passed)[-1]) == ("operator-pipeline", "one")


STARTS: list[Any] = [
    {},
    {**STARTED, "factor": "x"},
    {**STARTED, "factor": -1},
    {**STARTED, "factor": "nan"},
    {**STARTED, "tasks": None},
    [1, 2],
    "{",
]


@pytest.mark.parametrize("data", STARTS)
def test_a_session_that_does_not_begin_is_left_out(
    capsys: pytest.CaptureFixture[str], data: Any
) -> None:
    write("good", "started", STARTED)
    write("odd", "started", data)
    all_sessions = Sessions()
    assert [record.name for record in all_sessions.records()] == ["good"]
    newest = all_sessions.newest()
    assert newest is not None
    assert newest.name == "good"
    for command in (["list"], ["report"], ["export", "good"], ["end", "--yes"]):
        assert root.run(["session", *command]) in (ExitCode.OK, ExitCode.USAGE)
    assert "1 sessions cannot be read" in capsys.readouterr().err
    assert root.run(["session", "delete", "odd", "--yes"]) == ExitCode.OK
    assert all_sessions.unread() == 0


def test_a_name_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    write("a\x1b[31m", "started", STARTED)
    assert root.run(["session", "list"]) == ExitCode.OK
    assert "\x1b" not in capsys.readouterr().out


def test_an_unknown_mode_is_practice(tmp_path: Path) -> None:
    write("good", "started", {**STARTED, "mode": "weird"})
    (record,) = Sessions().records()
    assert not record.is_exam
