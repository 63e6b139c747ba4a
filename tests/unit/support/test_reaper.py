"""Tests that are killed leave no cluster and no program behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil

from labgrader.clusters.embedded.layout import CLUSTER_VARIABLE
from tests.support import reaper

KILLED = """
import os, signal, sys
from pathlib import Path
from tests.support.reaper import reaper
with reaper(Path(sys.argv[1])):
    print("watched", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def component(root: Path) -> subprocess.Popen[bytes]:
    """Start a process that belongs to a cluster."""
    root.mkdir(parents=True)
    return subprocess.Popen(["sleep", "1000"], env={**os.environ, CLUSTER_VARIABLE: str(root)})


def program(folder: Path) -> subprocess.Popen[bytes]:
    """Start a program that works in a test's folder, and does not end when it is asked to."""
    folder.mkdir(parents=True)
    return subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 1000 & wait; wait"], cwd=folder)


def test_what_a_killed_test_process_started_is_ended_and_nothing_else(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine/state/clusters/a", tmp_path / "other/state/clusters/a"
    with (
        component(mine) as gone,
        component(other) as stays,
        program(tmp_path / "mine/home") as stubborn,
    ):
        try:
            environment = {**os.environ, "PYTHONPATH": str(Path(reaper.__file__).parent)}
            command = [sys.executable, "-c", KILLED, str(tmp_path / "mine")]
            killed = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False, timeout=60
            )
            assert killed.stdout == "watched\n", killed.stderr
            gone.wait(60)
            stubborn.wait(60)
            assert stays.poll() is None
            assert reaper.roots(tmp_path) == {other}
        finally:
            for process in (gone, stays, stubborn):
                process.kill()


def test_where_all_was_taken_down_it_ends_and_says_nothing(tmp_path: Path) -> None:
    with reaper.reaper(tmp_path) as watching:
        assert psutil.Process(watching.pid).is_running()
    assert watching.returncode == 0
