"""A program on a terminal of its own (a pty), as a learner has it: type, and wait for answers."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from typing import Self

from chromium import ESCAPES

# A session's leader takes the terminal as its controlling one, for Ctrl-C and job control.
_TAKE = "import fcntl,os,sys,termios as t;fcntl.ioctl(0,t.TIOCSCTTY,0);os.execvp(sys.argv[1],sys.argv[1:])"  # noqa: E501


class Terminal:
    """A program on a pty of 30 rows and 120 columns; ``with`` ends it."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: str = "/") -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-c", _TAKE, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={"TERM": "xterm", **env},
            cwd=cwd,
            start_new_session=True,
        )
        os.close(slave)
        self.text = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        os.close(self._master)  # hangs up on everything that runs there
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def type(self, line: str, end: str = "\r") -> None:
        """Type a line; what came before is no longer waited for."""
        self.text = ""
        os.write(self._master, (line + end).encode())

    def until(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """Return the match of ``pattern`` in what was shown since the last line was typed."""
        deadline = time.monotonic() + seconds
        while True:
            plain = ESCAPES.sub("", self.text).replace("\r", "")
            if (found := re.search(pattern, plain)) is not None:
                return found
            ready, _, _ = select.select([self._master], [], [], deadline - time.monotonic())
            assert ready, f"no {pattern!r} in {plain!r}"
            try:
                self.text += os.read(self._master, 65536).decode("utf-8", "replace")
            except OSError:  # Linux: the last program closed the terminal
                raise AssertionError(f"it ended without {pattern!r}: {plain!r}") from None

    def ended(self, seconds: float = 60) -> int:
        """Return the exit code once the program has ended; reads what it shows until then."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "it did not end"
            ready, _, _ = select.select([self._master], [], [], 0.1)
            try:
                self.text += (
                    os.read(self._master, 65536).decode("utf-8", "replace") if ready else ""
                )
            except OSError:
                return self.process.wait(10)
        return self.process.returncode
