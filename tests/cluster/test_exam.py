"""An exam from the command line on a real cluster: prepared, closed, graded once, then opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from labgrader.app import exams
from labgrader.cli import root
from labgrader.errors import ExitCode
from labgrader.kube.client import Kube
from labgrader.kube.resources import NAMESPACE

pytestmark = pytest.mark.cluster


def test_an_exam_on_the_second_task(clean_lab: Kube, kubeconfig: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(exams, "SETTLE_SECONDS", 0.0)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    clean_lab.create(NAMESPACE, {"metadata": {"name": "trading-platform"}})

    def say(*words: str) -> tuple[int, str]:
        code = root.run(words)
        out, err = capsys.readouterr()
        return code, out + err

    refused = say("session", "start", "--exam", "--tasks", "task2")
    assert refused[0] == ExitCode.USAGE, refused
    assert "--yes" in refused[1]
    code, told = say("session", "start", "--exam", "--tasks", "task2", "--yes")
    assert code == ExitCode.OK, told
    assert "1 task (task2), 20 points" in told
    for command in (
        ("check", "task2"),
        ("solve", "task2"),
        ("session", "start"),
        ("session", "report"),
        ("cluster", "down"),
        ("start", "--exam"),
    ):
        code, told = say(*command)
        assert code == ExitCode.USAGE, (command, told)
    code, told = say("session", "end", "--yes")
    assert code == ExitCode.OK, told
    assert "exam ended 0:" in told
    assert "0 of 20 points" in told
    assert say("check", "task1")[0] == ExitCode.OK  # what the first task leaves behind was deployed
    assert say("solve", "task2", "--yes")[0] == ExitCode.OK
    say("check", "task2")
    report = say("session", "report")[1]
    assert "0 of 20 points" in report
    assert "after the end: 20 points (not part of the score)" in report
