"""A timed session from the command line: graded, paused, reported, exported, deleted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from labgrader.errors import ExitCode
from labgrader.kube.client import Kube

pytestmark = pytest.mark.cluster


def labgrader(kubeconfig: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "labgrader", *words]
    if words[:2] in (("session", "start"), ("session", "report")) or words[0] == "check":
        command += ["--kubeconfig", str(kubeconfig)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_session_from_start_to_end(clean_lab: Kube, kubeconfig: Path) -> None:
    def say(*words: str) -> str:
        done = labgrader(kubeconfig, *words)
        assert done.returncode == ExitCode.OK, done.stderr
        return done.stdout

    assert "the clock runs" in say("session", "start", "--name", "morning")
    assert labgrader(kubeconfig, "check", "task1").returncode == ExitCode.FAILED
    assert "paused" in say("session", "pause")
    again = labgrader(kubeconfig, "session", "pause")
    assert again.returncode != ExitCode.OK
    assert len(again.stderr.splitlines()) == 1
    assert "goes on" in say("session", "resume")
    assert "morning: " in say("session", "list")
    report = say("session", "report")
    assert "task1: 0 of 20 points" in report
    assert "task2: 0 of 20 points" in report
    assert "hints: none" in report
    page = say("session", "report", "--format", "html")
    assert page.startswith("<!doctype html>")
    assert "0 of 100 points" in page
    assert "ended" in say("session", "end")
    kinds = [event["kind"] for event in json.loads(say("session", "export"))["events"]]
    assert kinds[0] == "started"
    assert "graded" in kinds
    assert "deleted" in say("session", "delete", "morning", "--yes")
    assert "no sessions" in say("session", "list")
