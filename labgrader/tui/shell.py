"""The learner's own shell, pointed at the lab's cluster."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

from labgrader.model.errors import LabError
from labgrader.workbench import Workbench


def run(workbench: Workbench, environ: Mapping[str, str] = os.environ) -> None:
    """Run the shell until its ``exit``; the terminal must be the shell's alone meanwhile.

    Raises:
        LabError: there is no shell that could be started.
    """
    shell = environ.get("SHELL") or shutil.which("bash") or "/bin/sh"
    with environment(workbench, environ) as env, _lent_terminal():
        print(f"\nKUBECONFIG is {env['KUBECONFIG']}\n`exit` goes back to the lab.\n")  # noqa: T201
        try:
            subprocess.run([shell], env=env, check=False)  # noqa: S603 - the learner's own choice
        except OSError as error:
            raise LabError(
                f"The shell {shell} does not start: {error.strerror or error}",
                "Set SHELL to one that does",
            ) from error


@contextmanager
def environment(workbench: Workbench, environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield the shell's environment: the cluster's kubeconfig, and its ``kubectl`` first."""
    target = workbench.target
    kubeconfig = target.kubeconfig.expanduser().absolute()
    env = {**environ, "KUBECONFIG": str(kubeconfig)}
    tools = kubeconfig.parent / "bin"
    if tools.is_dir():
        env["PATH"] = os.pathsep.join([str(tools), environ.get("PATH", os.defpath)])
    if target.context is None:
        yield env
        return
    with tempfile.TemporaryDirectory(prefix="labgrader-shell-") as folder:
        # Of several files kubectl takes the first current-context: the chosen one, and never
        # what happens to be current in the user's own file, which stays as it is.
        chosen = Path(folder) / "context"
        chosen.write_text(
            yaml.safe_dump(
                {"apiVersion": "v1", "kind": "Config", "current-context": target.context}
            ),
            encoding="utf-8",
        )
        env["KUBECONFIG"] = os.pathsep.join([str(chosen), str(kubeconfig)])
        yield env


@contextmanager
def _lent_terminal() -> Iterator[None]:
    """Leave Ctrl-C to what runs in the shell, and have the terminal back whatever ends it."""
    # A handler that does nothing, not SIG_IGN: a child would inherit that one.
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        _take_terminal_back()


def _take_terminal_back() -> None:
    """Be in the foreground again: a shell that was killed leaves that to its dead process group.

    Without it the next write to the terminal would stop the lab (SIGTTOU).
    """
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    with suppress(OSError):  # standard input is no terminal
        os.tcsetpgrp(0, os.getpgrp())
    signal.signal(signal.SIGTTOU, before)
