"""One component as the supervisor sees it: start, log, restart with back-off, stop."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labgrader.clusters.embedded.boundedlog import BoundedLog, telling_line

BACK_OFF = (0.25, 10.0)
"""Seconds before the first restart; doubles at each further one up to the second value."""

SETTLED_SECONDS = 60.0
"""A component that lived this long starts again with the first back-off."""

DOOR = 3
"""The descriptor of the socket on the host's loopback that leads into the cluster's namespaces."""

_POLL_SECONDS = 0.02


class ParentPipe:
    """The pipe that every component reads and that only the supervisor can keep open."""

    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()


class Child:
    """A component: what ``plan.json`` says of it, and the process that is it now."""

    def __init__(
        self, spec: dict[str, Any], root: Path, line: ParentPipe, note: Callable[[str], None]
    ) -> None:
        self.name: str = spec["name"]
        self.last: bool = spec["last"]
        self.due = 0.0
        self.last_exit = ""
        self._spec = spec
        self._root = root
        self._line = line
        self._note = note
        self._log = BoundedLog(root / "logs" / f"{self.name}.log")
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: int | None = None
        self._signalled = 0
        self._born = 0.0
        self._started = 0.0
        self._starts = 0
        self._wait = BACK_OFF[0]

    @property
    def pid(self) -> int | None:
        """The process that is this component now."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        """Whether there is a process (it may have ended since the last ``reap``)."""
        return self._process is not None

    def may_start(self, now: float) -> bool:
        """Tell whether its time has come and what it needs is there (``now``: monotonic)."""
        return not self.running and now >= self.due and _there(self._spec["after"])

    def patience(self, now: float) -> float:
        """Return the seconds until ``may_start`` is worth asking again."""
        return max(_POLL_SECONDS, self.due - now)

    def start(self, now: float) -> int | None:
        """Start the process; return the pipe with its output, or None when it cannot be started."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        self._log.tail = b""
        self._starts += 1
        try:
            self._process = subprocess.Popen(  # noqa: S603 - argv comes from a file of 0600
                self._spec["argv"],
                env=self._spec["env"],
                stdin=self._line.reader,
                stdout=writer,
                stderr=writer,
                cwd=self._root / "run",
                pass_fds=self._handed(),
                umask=self._spec.get("umask", -1),
            )
        except OSError as error:
            os.close(reader)
            self._failed(f"cannot be started: {error}", now)
            return None
        finally:
            os.close(writer)
        self._bound(self._process.pid)
        self._pipe = reader
        self._born, self._started, self._signalled = now, time.time(), 0
        self._note(f"{self.name} starts as {self._process.pid}")
        return reader

    def _bound(self, pid: int) -> None:
        """Bound the files of the process, and of all that it will start (nodes, so Linux only)."""
        most = int(self._spec.get("most_bytes", 0))
        if most:
            with contextlib.suppress(OSError):  # it has ended already, or is not ours to bound
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))

    def _handed(self) -> tuple[int, ...]:
        """Return what the process inherits: the door (see ``nodes.world``) if the table says so."""
        return (DOOR,) if self._spec.get("door") else ()

    def pump(self, pipe: int) -> bool:
        """Move what a process has said to the log; return False at the end, when it is closed."""
        try:
            content = os.read(pipe, 65536)
        except BlockingIOError:
            return True
        if content:
            self._log.write(content)
            return True
        os.close(pipe)
        if pipe == self._pipe:
            self._pipe = None
        return False

    def reap(self, now: float) -> bool:
        """Return whether the process has ended since the last call, and plan its next start."""
        if self._process is None or self._process.poll() is None:
            return False
        code = self._process.returncode
        self._process = None
        self._read_last_words()
        said = telling_line(self._log.tail)
        how = f"killed by signal {-code}" if code < 0 else f"exit status {code}"
        if now - self._born > SETTLED_SECONDS:
            self._wait = BACK_OFF[0]
        self._failed(f"{how}: {said}" if said and code >= 0 else how, now)
        return True

    def _read_last_words(self) -> None:
        """Log what is still in the pipe, so that ``last_exit`` can quote it."""
        if self._pipe is None:
            return
        with contextlib.suppress(BlockingIOError):
            while content := os.read(self._pipe, 65536):
                self._log.write(content)

    def _failed(self, how: str, now: float) -> None:
        self.last_exit = how
        self.due = now + self._wait
        self._wait = min(self._wait * 2, BACK_OFF[1])

    def signal(self, number: int) -> None:
        """Send a signal once; a child that was not reaped keeps its pid, so it is the right one."""
        if self._process is not None and self._signalled != number:
            self._signalled = number
            self._process.send_signal(number)

    def report(self) -> dict[str, Any]:
        """Return what ``status`` shows."""
        return {
            "name": self.name,
            "state": "running" if self.running else "backing-off" if self.last_exit else "stopped",
            "pid": self.pid,
            "started": self._started,
            "restarts": max(0, self._starts - 1),
            "last_exit": self.last_exit,
        }


def _there(needed: str) -> bool:
    """Tell whether ``file:PATH`` exists or ``unix:PATH`` takes connections; "" is always there."""
    kind, _, where = needed.partition(":")
    if kind == "file":
        return Path(where).exists()
    return kind != "unix" or _takes_connections(where)


def _takes_connections(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
            Path(path).chmod(0o600)  # the umask leaves it executable, and audits look for 0600
        except OSError:
            return False
    return True
