"""A tmux of 120 columns and 40 rows, in which tests type as learners do and read the screen."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import pytest

from labgrader.kube.waiting import wait_until

NUMBERS = itertools.count()
"""A name is not used twice: the server that had it may still be ending."""


class Tmux:
    """A server on a socket of its own; ``with`` ends it and all that runs in it.

    Args:
        env: the whole environment of what runs in it.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", **env}
        self._name = f"labgrader-tests-{os.getpid()}-{next(NUMBERS)}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self.do("kill-server", check=False)

    def do(self, *arguments: str, check: bool = True) -> str:
        """Run a command of tmux and return what it prints."""
        command = ["tmux", "-u", "-f", "/dev/null", "-L", self._name, *arguments]
        done = subprocess.run(
            command, env=self._env, capture_output=True, text=True, check=False, timeout=60
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def start(self, command: Sequence[str], folder: Path) -> None:
        """Run a program in a new session; when it ends, the pane says with what exit code."""
        size = ("-x", "120", "-y", "40")
        kept = ("sh", "-c", '"$@"; echo "ended with $?"; exec cat', "sh", *command)
        self.do("new-session", "-d", "-s", "t", *size, "-c", str(folder), *kept)

    def press(self, *keys: str, pane: str = "0") -> None:
        """Press keys by tmux's names for them."""
        self.do("send-keys", "-t", f"t.{pane}", *keys)

    def type(self, line: str, pane: str = "0") -> None:
        """Type a line and Enter."""
        self.do("send-keys", "-t", f"t.{pane}", "-l", line)
        self.press("Enter", pane=pane)

    def screen(self, pane: str = "0") -> str:
        """Return what a pane shows; a line that was too long is one line."""
        return self.do("capture-pane", "-p", "-J", "-t", f"t.{pane}")

    def until(self, pattern: str, pane: str = "0", seconds: float = 90) -> str:
        """Wait until a pane shows something that matches; return the screen."""
        found = wait_until(lambda: bool(re.search(pattern, self.screen(pane))), seconds)
        shown = self.screen(pane)
        assert found, f"never shown: {pattern!r}\n{shown}"
        return shown


def need_tmux() -> None:
    """Skip where there is no tmux; where root on Debian could have it, that is a failure."""
    if shutil.which("tmux"):
        return
    reason = "tmux is not installed; as root on Debian: make test-tools"
    if os.geteuid() == 0 and Path("/etc/debian_version").exists():
        pytest.fail(reason)
    pytest.skip(reason)
