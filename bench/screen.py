"""Measures the TUI as a terminal sees it: first paint, keys, a green check, memory, idle time.

The program runs on a terminal of its own (pty); what it writes is searched for what a person waits
for. Changes are made through the API, and their time counts from its answer.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import statistics
import struct
import sys
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from labgrader.app.workbench import Workbench
from labgrader.kube.resources import NAMESPACE, Object
from labgrader.kube.rest_mapper import RestMapper

LABGRADER = Path(sys.executable).parent / "labgrader"
PATIENCE = 30.0
PAINTS, KEYS, CHANGES, OBJECTS = 7, 60, 30, 500
IDLE_SECONDS = 20
PAUSE = 0.4
CODES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]")

Row = tuple[str, list[float], str]


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, arguments: Sequence[str], columns: int = 120, rows: int = 40) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ |= {"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": str(rows)}
            os.execv(LABGRADER, [str(LABGRADER), *arguments])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.seen = b""

    def until(self, text: str) -> float:
        """Read until ``text`` was written since the last call; return when, by the clock."""
        wanted, limit = text.encode(), time.perf_counter() + PATIENCE
        while wanted not in CODES.sub(b"", self.seen):
            ready, _, _ = select.select([self.fd], [], [], max(0.0, limit - time.perf_counter()))
            if not ready:
                raise SystemExit(
                    f"{text!r} was never shown:\n{CODES.sub(b'', self.seen)[-2000:]!r}"
                )
            self.seen += os.read(self.fd, 65536)
        self.seen = b""
        return time.perf_counter()

    def drain(self, seconds: float) -> None:
        """Let the program write what it likes for a while."""
        limit = time.perf_counter() + seconds
        while (left := limit - time.perf_counter()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                os.read(self.fd, 65536)
        self.seen = b""

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.fd, keys.encode())

    def close(self) -> None:
        """End the program and wait for it."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


@contextmanager
def the_lab(kubeconfig: Path) -> Iterator[Terminal]:
    """Open the lab and go past the welcome and the tour."""
    terminal = Terminal(["start", "--kubeconfig", str(kubeconfig)])
    try:
        terminal.until("✔ ready")
        terminal.press("\r")
        terminal.until("Checks of 1.1")
        terminal.drain(3)
        terminal.press("\x1b")
        terminal.drain(2)
        yield terminal
    finally:
        terminal.close()


def measure(workbench: Workbench, kubeconfig: Path) -> tuple[list[Row], list[str]]:
    """Measure on an empty lab; return rows, and notes on memory and idle time."""
    lines, choices = first_paints(kubeconfig)
    rows: list[Row] = [
        ("the first line of `labgrader start`", lines, "≤ 500 ms"),
        ("… until there is something to choose", choices, ""),
    ]
    with the_lab(kubeconfig) as terminal:
        greens = green(workbench, terminal)
        rows += [
            ("a change until its check is green on the screen", greens, ""),
            ("… the slowest twentieth of these (p95)", [p95(greens)], "≤ 1000 ms"),
        ]
        with storm(workbench):
            cursor, windows = keys(terminal)
        rows += [
            ("a key until the cursor has moved, while grading runs", cursor, ""),
            ("… the slowest twentieth of these (p95)", [p95(cursor)], "≤ 50 ms"),
            ("a key until a window is open, while grading runs", windows, ""),
            ("… the slowest twentieth of these (p95)", [p95(windows)], ""),
        ]
        notes = at_rest(workbench, terminal)
    return rows, notes


def p95(times: list[float]) -> float:
    """Return what all but the slowest twentieth keep."""
    return statistics.quantiles(times, n=20)[-1]


def first_paints(kubeconfig: Path) -> tuple[list[float], list[float]]:
    """Return the milliseconds until the first line, and until there is something to choose."""
    lines, choices = [], []
    for turn in range(1 + PAINTS):
        began = time.perf_counter()
        terminal = Terminal(["start", "--kubeconfig", str(kubeconfig)])
        line = terminal.until("Opening the lab") - began
        choice = terminal.until("Practise") - began
        terminal.close()
        if turn:
            lines.append(line * 1000)
            choices.append(choice * 1000)
    return lines, choices


def green(workbench: Workbench, terminal: Terminal) -> list[float]:
    """Create the lab's namespace and label it away again; the check of step 1.1 follows."""
    cluster, name = workbench.cluster, workbench.catalog.lab.namespace
    wanted = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    times = []
    for _ in range(CHANGES):
        cluster.create(NAMESPACE, wanted)
        began = time.perf_counter()
        times.append((terminal.until("passed 1/1") - began) * 1000)
        terminal.drain(0.3)
        cluster.delete(NAMESPACE, name)
        while cluster.get(NAMESPACE, name) is not None:
            terminal.drain(0.1)
        terminal.drain(0.5)
    cluster.create(NAMESPACE, wanted)
    return times


def keys(terminal: Terminal) -> tuple[list[float], list[float]]:
    """Walk down and up the steps; open and close the help."""
    cursor, windows = [], []
    for turn in range(KEYS):
        key, step = ("j", "1.2 ") if turn % 2 == 0 else ("k", "1.1 ")
        cursor.append(_pressed(terminal, key, step))
    for _ in range(KEYS):
        windows.append(_pressed(terminal, "?", "esc closes"))
        terminal.press("q")
        terminal.drain(PAUSE)
    return cursor, windows


def _pressed(terminal: Terminal, key: str, shown: str) -> float:
    """Press a key as somebody who reads before; return when ``shown`` followed, in ms."""
    terminal.drain(PAUSE)
    began = time.perf_counter()
    terminal.press(key)
    return (terminal.until(shown) - began) * 1000


@contextmanager
def storm(workbench: Workbench) -> Iterator[None]:
    """Have something that is graded change all the time."""
    stop = threading.Event()
    thread = threading.Thread(target=_storm, args=(workbench, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _storm(workbench: Workbench, stop: threading.Event) -> None:
    """Change the namespace's labels ten times a second: its checks are judged again each time."""
    number = 0
    while not stop.wait(0.1):
        number += 1
        labels = {"metadata": {"labels": {"storm": str(number)}}}
        workbench.cluster.patch(NAMESPACE, workbench.catalog.lab.namespace, labels)


def at_rest(workbench: Workbench, terminal: Terminal) -> list[str]:
    """Make many objects, then leave it alone; return what it takes."""
    namespace = workbench.catalog.lab.namespace
    maps = RestMapper(workbench.cluster).find("v1", "ConfigMap")
    assert maps is not None
    for number in range(OBJECTS):
        workbench.cluster.create(maps, _config_map(number), namespace)
        if number % 20 == 0:
            terminal.drain(0.05)
    terminal.drain(5)
    process = psutil.Process(terminal.pid)
    before = sum(process.cpu_times()[:2])
    terminal.drain(IDLE_SECONDS)
    used = sum(process.cpu_times()[:2]) - before
    memory = process.memory_info().rss / 2**20
    share = f"{used / IDLE_SECONDS:.1%} of a core (goal 3 %)"
    return [f"At rest with {OBJECTS} objects it takes {share} and {memory:.0f} MiB (goal 150)"]


def _config_map(number: int) -> Object:
    data = {"key": "x" * 500}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"filler-{number}"},
        "data": data,
    }
