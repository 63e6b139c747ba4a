"""Answers that are kept on disk: they save time, and never say anything else."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from labgrader import paths
from labgrader.clusters import rule_evaluator
from labgrader.clusters.rule_evaluator import Prometheus
from labgrader.util import result_cache
from labgrader.util.result_cache import Remembered

QUESTION = {"queries": ["up"]}


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv(paths.STATE_VARIABLE, str(tmp_path / "state"))
    return tmp_path / "state" / "answers"


class Program:
    """A judge that counts how often it runs; ``answer`` is what it says."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "judge"
        self._log = folder / "runs"

    def says(self, **answer: Any) -> None:
        text = json.dumps(answer)
        self.path.write_text(f"#!/bin/sh\ncat >/dev/null\necho x >>{self._log}\necho '{text}'\n")
        self.path.chmod(0o755)

    @property
    def runs(self) -> int:
        return len(self._log.read_text().splitlines())


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Program:
    made = Program(tmp_path)
    monkeypatch.setattr(rule_evaluator, "rules_binary", lambda: made.path)
    return made


def ask(question: dict[str, Any] = QUESTION) -> Any:
    """Ask as a new process would."""
    return Prometheus().evaluate(question, timeout=30)


def test_what_was_put_is_had_again_and_nothing_else(folder: Path) -> None:
    kept = Remembered("answers")
    assert kept.get("a", "b") is None
    kept.put({"x": 1}, "a", "b")
    assert Remembered("answers").get("a", "b") == {"x": 1}
    assert kept.get("ab") is None
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", ["", "[1]", "{"])
def test_a_broken_file_is_as_none(folder: Path, content: str) -> None:
    kept = Remembered("answers")
    kept.put({"x": 1}, "a")
    next(folder.iterdir()).write_text(content)
    assert kept.get("a") is None


def test_where_nothing_can_be_kept_nothing_breaks(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("a file stands where the folder would")
    Remembered("answers").put({"x": 1}, "a")
    assert Remembered("answers").get("a") is None


def test_the_oldest_are_forgotten(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_cache, "KEPT", 2)
    kept = Remembered("answers")
    for at, name in enumerate("abc"):
        before = set(folder.iterdir()) if folder.exists() else set()
        kept.put({"x": at}, name)
        for file in set(folder.iterdir()) - before:
            os.utime(file, (at, at))
    assert [kept.get(name) for name in "abc"] == [None, {"x": 1}, {"x": 2}]


def test_behind_sudo_nothing_is_left_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "behind_sudo", lambda: (1000, 1000))
    Remembered("answers").put({"x": 1}, "a")
    assert not folder.exists()


def test_prometheus_is_asked_once_for_the_same(program: Program) -> None:
    program.says(queries=[], scenarios=[{"name": "healthy", "errors": {}}])
    assert ask() == ask()
    assert program.runs == 1
    ask({"queries": ["down"]})
    assert program.runs == 2


def test_another_program_is_asked_again(program: Program) -> None:
    program.says(queries=[])
    ask()
    program.says(queries=["other"])
    assert ask() == {"queries": ["other"]}
    assert program.runs == 2


def test_an_answer_that_may_be_another_next_time_is_not_kept(program: Program) -> None:
    program.says(scenarios=[{"name": "healthy", "errors": {"Slow": "query timed out"}}])
    ask()
    ask()
    assert program.runs == 2
