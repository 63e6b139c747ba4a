"""The daemon that keeps one cluster's components alive: ``python -m … <root> ``.

One per running cluster, in a session of its own. It imports the standard library only, so that it
costs a dozen megabytes. Everything hangs on it: each component's standard input is a pipe whose
other end only the supervisor holds, and a component ends by itself when that pipe closes, so
``kill -9`` of the supervisor ends the cluster. Until ``up`` has said "ready" on the supervisor's
own standard input the same holds one level higher: ``kill -9`` of ``up`` ends the supervisor.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from labgrader.clusters.embedded.boundedlog import BoundedLog, owner_of_folder
from labgrader.clusters.embedded.child import Child, ParentPipe

READY = b"ready"
"""What ``up`` writes when the cluster is its user's; before that, its end is the cluster's."""

DOOR_TAKEN = 98
"""Exit status when a cluster with a real node cannot have its port on the host's loopback."""

STOP_SECONDS = 8.0
"""How long components may take to end in order before they are killed, unless the plan says."""


class Supervisor:
    """Starts, restarts and stops the components that ``plan.json`` names."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.run = root / "run"
        self.log = BoundedLog(root / "logs" / "supervisor.log")
        plan = json.loads((self.run / "plan.json").read_bytes())
        line = ParentPipe()
        children = [Child(spec, root, line, self.note) for spec in plan["components"]]
        # Those that stop last come last, so that one pass sees the others gone and stops them too.
        self.children = sorted(children, key=lambda child: child.last)
        self.stop_seconds: float = plan.get("stop_seconds", STOP_SECONDS)
        self.init = os.getpid() == 1
        self.selector = selectors.DefaultSelector()
        self.stopping_since: float | None = None
        self.adopted = False
        self._written: dict[str, Any] = {}

    def note(self, text: str) -> None:
        """Put one line into the supervisor's own log."""
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        self.log.write(f"{stamp}.{int(now % 1 * 1000):03d}Z {text}\n".encode())

    def main(self) -> None:
        """Run until told to stop and every component has ended."""
        self._listen()
        self.note(f"supervisor {os.getpid()} starts")
        while True:
            now = time.monotonic()
            for child in self.children:
                self._attend(child, now)
            if self.init:
                self._collect_orphans()
            if self._finished():
                break
            self._write_status()
            for key, _ in self.selector.select(self._patience(time.monotonic())):
                key.data(key.fileobj)
        self._clean()
        self.note("supervisor ends: all components have ended")

    def _listen(self) -> None:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked_to_stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.selector.register(reader, selectors.EVENT_READ, lambda fd: os.read(fd, 4096))
        self.selector.register(0, selectors.EVENT_READ, self._hear_starter)

    def _asked_to_stop(self, number: int, _frame: FrameType | None) -> None:
        self._stop(signal.Signals(number).name)

    def _stop(self, why: str) -> None:
        if self.stopping_since is None:
            self.note(f"stopping: {why}")
            self.stopping_since = time.monotonic()

    def _hear_starter(self, handle: int) -> None:
        """Learn whether the ``up`` that started this supervisor succeeded or is gone."""
        if os.read(handle, 64).startswith(READY):
            self.adopted = True
        elif not self.adopted:
            self._stop("the `up` that started it ended before the cluster was ready")
        self.selector.unregister(handle)

    def _attend(self, child: Child, now: float) -> None:
        if child.reap(now):
            self.note(f"{child.name} ended: {child.last_exit}")
            if self.stopping_since is None:
                self.note(f"{child.name} starts again in {child.due - now:.2f} s")
        if self.stopping_since is not None:
            self._end(child, now - self.stopping_since)
        elif child.may_start(now):
            pipe = child.start(now)
            if pipe is not None:
                self.selector.register(pipe, selectors.EVENT_READ, self._reader(child))

    def _collect_orphans(self) -> None:
        """Do the duty of a PID namespace's init: what lost its parent becomes ours."""
        from labgrader.clusters.embedded.nodes.namespaces import reap

        reap({child.pid for child in self.children if child.pid is not None})

    def _reader(self, child: Child) -> Any:
        def read(pipe: int) -> None:
            if not child.pump(pipe):
                self.selector.unregister(pipe)

        return read

    def _end(self, child: Child, waited: float) -> None:
        """Stop the store only when nobody needs it any more: an API server retries for seconds."""
        others = any(other.running and not other.last for other in self.children)
        if waited > self.stop_seconds:
            child.signal(signal.SIGKILL)
        elif not (child.last and others):
            child.signal(signal.SIGTERM)

    def _finished(self) -> bool:
        return self.stopping_since is not None and not any(c.running for c in self.children)

    def _patience(self, now: float) -> float | None:
        """Return how long nothing can happen that no file descriptor announces; seconds."""
        if self.stopping_since is not None:
            return max(0.02, self.stopping_since + self.stop_seconds - now)
        waits = [child.patience(now) for child in self.children if not child.running]
        return min(waits, default=None)

    def _write_status(self) -> None:
        state = "running" if self.stopping_since is None else "stopping"
        status: dict[str, Any] = {
            "supervisor": os.getpid(),
            "state": state,
            "adopted": self.adopted,
            "components": [child.report() for child in self.children],
        }
        if status == self._written:
            return
        with contextlib.suppress(OSError):  # a full disk: the cluster matters more than its report
            temporary = self.run / ".status.json"
            temporary.write_text(json.dumps(status, indent=1))
            owner_of_folder(temporary)
            temporary.replace(self.run / "status.json")
            self._written = status

    def _clean(self) -> None:
        for name in ("status.json", "etcd.sock", "peer.sock"):
            with contextlib.suppress(OSError):
                (self.run / name).unlink()


def _only_one(run: Path) -> int:
    """Hold the lock that makes this the cluster's only supervisor, for as long as it lives."""
    handle = os.open(run / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("another supervisor runs this cluster")
    return handle


def main(arguments: list[str]) -> None:
    """Run the supervisor of the cluster whose root folder is the only argument.

    It leaves its parent at once: one that lives long (the TUI) would keep it as a zombie. Where the
    plan says so, it enters namespaces of the cluster's own before anything starts.
    """
    root = Path(arguments[0])
    namespaces = json.loads((root / "run" / "plan.json").read_bytes()).get("namespaces")
    if namespaces:
        from labgrader.clusters.embedded.nodes.namespaces import enter, open_door

        try:
            open_door(namespaces["port"])
        except OSError as error:
            sys.stderr.write(f"error: port {namespaces['port']}: {error.strerror}\n")
            sys.exit(DOOR_TAKEN)
    if os.fork():
        os._exit(0)
    os.umask(0o077)
    os.chdir(root / "run")
    _only_one(root / "run")
    if namespaces:
        try:
            enter(root, namespaces)
        except OSError as error:
            sys.exit(f"error: the cluster's namespaces: {error}")
    Supervisor(root).main()


if __name__ == "__main__":
    main(sys.argv[1:])
