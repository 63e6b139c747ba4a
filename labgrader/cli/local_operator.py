"""Runs the reference operator as a local process, for a demo on simulated nodes."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from labgrader.app.workbench import Workbench
from labgrader.model.manifest import Operator

STOP_SECONDS = 10.0


def can_run(operator: Operator | None) -> bool:
    """Whether a lab has an operator of its own, and what that imports is installed."""
    return operator is not None and all(find_spec(name) for name in operator.libraries)


@contextmanager
def operator(workbench: Workbench) -> Iterator[None]:
    """Have ``labgrader operator run`` at work on the chosen cluster for as long as this lasts."""
    target = workbench.target
    command = [sys.executable, "-m", "labgrader", "operator", "run", "--yes"]
    command += [*target.options, *workbench.choice.lab_options]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=quiet, stdout=quiet, stderr=quiet
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
