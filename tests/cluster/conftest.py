"""What tests of commands on the running cluster share."""

from __future__ import annotations

from pathlib import Path

import pytest

from labgrader.cli import root
from tests.support.commands import Run


@pytest.fixture
def run(kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command against the cluster; return its exit code and what it printed."""

    def call(*words: str) -> tuple[int, str]:
        code = root.run([*words, "--kubeconfig", str(kubeconfig), "--yes"])
        return code, capsys.readouterr().out

    return call
