"""The demo where containers run, on a cluster of its own; it may run beside the other tests."""

from __future__ import annotations

import subprocess
import sys

import pytest

from labgrader.errors import ExitCode

pytestmark = [pytest.mark.cluster, pytest.mark.nodes]


def test_the_demo_tells_the_whole_story_on_a_real_node() -> None:
    """Nothing is withheld there."""
    command = [sys.executable, "-m", "labgrader", "demo", "--nodes", "real"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.OK, done.stdout + done.stderr
    assert "not judged here" not in done.stdout
    assert "100 of 100 points" in done.stdout
