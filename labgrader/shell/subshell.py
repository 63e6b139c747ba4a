"""The learner's shell as a subprocess with the kubeconfig of the chosen cluster.

The learner's files are never changed. What differs from their usual shell is in a temporary folder
that goes with it: a kubeconfig in front of theirs, and a start file that reads their own first.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import yaml

from labgrader.clusters.embedded.components import without_proxy
from labgrader.errors import LabError, UsageError
from labgrader.kube import kubeconfig_file
from labgrader.shell import startup
from labgrader.util.machine import machine_errors

TICK_SECONDS = 1.0
"""How old what the prompt counts by may be."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a shell is opened on.

    Args:
        kubeconfig: the cluster's file.
        context: the chosen one, None for the file's current one.
        namespace: what ``kubectl`` takes where none is named.
        label: what the prompt begins with, e.g. ``lab``.
        files: all kubeconfig files, where several choose the cluster together.
    """

    kubeconfig: Path
    context: str | None
    namespace: str
    label: str = "lab"
    files: tuple[Path, ...] = ()

    @property
    def sources(self) -> tuple[Path, ...]:
        """The kubeconfig files, as absolute paths."""
        return tuple(one.expanduser().absolute() for one in self.files or (self.kubeconfig,))


@dataclass(frozen=True, slots=True)
class Opened:
    """A shell ready to be run: its command line, its environment, and what its prompt reads."""

    command: list[str]
    environ: dict[str, str]
    clock: Path


def run(place: Place, environ: Mapping[str, str], clock: Callable[[], str] = str) -> None:
    """Run ``$SHELL`` until its ``exit``; its exit code means nothing here.

    The terminal must be the shell's alone meanwhile.

    Args:
        clock: is asked each second, in a thread, for the line that the prompt counts by
            (``session/prompt_clock.py``).

    Raises:
        LabError: there is no shell that could be started.
    """
    with (
        machine_errors(),
        _HangUp() as hang_up,
        opened(place, environ) as shell,
        _told(shell.clock, clock),
        _lent_terminal(),
    ):
        try:
            with subprocess.Popen(shell.command, env=shell.environ) as process:  # noqa: S603 - their own
                hang_up.pass_on_to(process)
        except OSError as error:
            raise LabError(
                f"The shell {shell.command[0]} does not start: {error.strerror or error}",
                "Set SHELL to one that does",
            ) from error


@contextmanager
def opened(place: Place, environ: Mapping[str, str]) -> Iterator[Opened]:
    """Yield the command and the environment; the files behind them are there as long."""
    program = environ.get("SHELL") or shutil.which("bash") or "/bin/sh"
    with tempfile.TemporaryDirectory(prefix="labgrader-shell-") as name:
        folder = Path(name)
        env = {**without_proxy(environ), "KUBECONFIG": _pointing(place, folder)}
        env["PATH"] = _path(place, environ.get("PATH", os.defpath), folder)
        clock = folder / "clock"
        start = startup.prepare(program, folder, env, place.label, clock)
        yield Opened([program, *start.arguments], {**env, **start.variables}, clock)


def _path(place: Place, path: str, folder: Path) -> str:
    """Return ``PATH`` with the cluster's kubectl first, and this labgrader where there is none."""
    parts = [path]
    tools = place.kubeconfig.expanduser().absolute().parent / "bin"
    if tools.is_dir():
        parts.insert(0, str(tools))
    program = Path(sys.executable).with_name("labgrader")
    if program.exists() and shutil.which("labgrader", path=path) is None:
        (folder / "bin").mkdir()
        (folder / "bin" / "labgrader").symlink_to(program)
        parts.append(str(folder / "bin"))
    return os.pathsep.join(parts)


def _pointing(place: Place, folder: Path) -> str:
    """Return a ``KUBECONFIG`` whose first file says context and namespace, and nothing else.

    Of several files kubectl takes the first current-context and the first entry of a name: the
    chosen ones, and never what happens to be current in the user's own file, which stays as it is.
    What ``kubectl config set-context`` changes meanwhile goes into that first file, too.
    """
    front = {"apiVersion": "v1", "kind": "Config", **_chosen(place)}
    file = folder / "context"
    file.write_text(yaml.safe_dump(front), encoding="utf-8")
    return os.pathsep.join([str(file), *(str(one) for one in place.sources)])


def _chosen(place: Place) -> dict[str, object]:
    """Return current context and its entry with the lab's namespace, as far as they can be read."""
    try:
        merged = kubeconfig_file.load(place.sources)
    except UsageError:
        return {"current-context": place.context} if place.context else {}
    name = place.context or merged.current
    found = merged.entries["contexts"].get(name)
    if found is None:
        return {"current-context": name} if name else {}
    context = {**found.value, "namespace": place.namespace}
    return {"current-context": name, "contexts": [{"name": name, "context": context}]}


@contextmanager
def _told(file: Path, clock: Callable[[], str]) -> Iterator[None]:
    """Keep ``file`` saying what ``clock`` says."""
    over = threading.Event()

    def write() -> None:
        with suppress(OSError):  # a prompt without the time is no trouble
            new = file.with_suffix(".new")
            new.write_text(clock(), encoding="utf-8")
            os.replace(new, file)  # noqa: PTH105 - a prompt never reads half a line

    def follow() -> None:
        while not over.wait(TICK_SECONDS):
            write()

    write()  # before the first prompt
    thread = threading.Thread(target=follow, name="prompt", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class _HangUp:
    """A terminal that closes: the shell is told, and it ends us only when the files are gone.

    The kernel tells the leader of the terminal's session alone, and that may be us.
    """

    def __init__(self) -> None:
        self._heard = False
        self._shell: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGHUP, lambda number, frame: self._hear())
        return self

    def _hear(self) -> None:
        self._heard = True
        if self._shell is not None:
            self._shell.send_signal(signal.SIGHUP)  # which passes it on to its jobs

    def pass_on_to(self, shell: subprocess.Popen[bytes]) -> None:
        """Tell this one, also what was heard while it started."""
        self._shell = shell
        if self._heard:
            shell.send_signal(signal.SIGHUP)

    def __exit__(self, *problem: object) -> None:
        signal.signal(signal.SIGHUP, self._before)
        if self._heard:
            signal.raise_signal(signal.SIGHUP)


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
