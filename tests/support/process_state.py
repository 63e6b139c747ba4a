"""What all tests of a worker share because they run in one process."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import tempfile
import threading
from dataclasses import dataclass, fields
from types import ModuleType
from typing import Any

_SIGNALS = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
_LIMITS = ("RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_CPU", "RLIMIT_AS", "RLIMIT_NPROC")
_CONTAINERS = (dict, list, set, bytearray)
_FOUND: dict[str, list[tuple[str, Any]]] = {}
"""By module: its containers. Found once for each module that is imported."""


@dataclass(frozen=True)
class ProcessState:
    """The parts of the process that a test can change under the feet of the next one."""

    environment: dict[str, str]
    folder: str
    temporary: str | None
    umask: int
    signals: dict[int, Any]
    search_path: list[str]
    arguments: list[str]
    limits: dict[str, tuple[int, int]]
    threads: frozenset[threading.Thread]
    containers: dict[str, int]

    @classmethod
    def now(cls) -> ProcessState:
        """Return how things are."""
        umask = os.umask(0o022)
        os.umask(umask)
        return cls(
            {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
            os.getcwd(),  # noqa: PTH109 - as text
            tempfile.tempdir,
            umask,
            {number: signal.getsignal(number) for number in _SIGNALS},
            list(sys.path),
            list(sys.argv),
            {name: resource.getrlimit(getattr(resource, name)) for name in _LIMITS},
            frozenset(one for one in threading.enumerate() if not one.daemon),
            _containers(),
        )

    def changed(self, later: ProcessState) -> str:
        """Say what is not as it was; empty where all is."""
        found = []
        for field in fields(self):
            before, after = getattr(self, field.name), getattr(later, field.name)
            if field.name == "threads":
                before, after = frozenset(), frozenset(t for t in after - before if t.is_alive())
            if field.name == "containers":  # a module that was imported since is no change
                after = {name: size for name, size in after.items() if name in before}
            if before != after:
                found.append(f"{field.name} ({_difference(before, after)})")
        return ", ".join(found)

    def restore(self) -> None:
        """Put back what can be put back."""
        for name in [name for name in os.environ if name != "PYTEST_CURRENT_TEST"]:
            if name not in self.environment:
                del os.environ[name]
        os.environ.update(self.environment)
        os.chdir(self.folder)
        tempfile.tempdir = self.temporary
        os.umask(self.umask)
        for number, handler in self.signals.items():
            if signal.getsignal(number) != handler and handler is not None:
                signal.signal(number, handler)
        sys.path[:], sys.argv[:] = self.search_path, self.arguments
        for name, (soft, hard) in self.limits.items():
            with contextlib.suppress(ValueError, OSError):  # a hard limit does not rise again
                resource.setrlimit(getattr(resource, name), (soft, hard))


def _difference(before: Any, after: Any) -> str:
    if isinstance(before, dict):
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        return "; ".join(f"{n}: {before.get(n)!r}, now {after.get(n)!r}" for n in names)
    return f"{before!r}, now {after!r}"


def _containers() -> dict[str, int]:
    """Return how much is in each container that a module or a class of labgrader holds."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "labgrader" and name not in _FOUND and _whole(module):
            _FOUND[name] = [(f"{name}.{path}", found) for path, found in _of(module)]
    return {path: len(found) for known in _FOUND.values() for path, found in known}


def _whole(module: ModuleType) -> bool:
    """Whether its import is over."""
    return not getattr(getattr(module, "__spec__", None), "_initializing", False)


def _of(module: ModuleType) -> list[tuple[str, Any]]:
    found = []
    for name, value in vars(module).items():
        if name.startswith("__"):
            continue
        if isinstance(value, _CONTAINERS):
            found.append((name, value))
        elif isinstance(value, type) and value.__module__ == module.__name__:
            found += [
                (f"{name}.{part}", inner)
                for part, inner in vars(value).items()
                if isinstance(inner, _CONTAINERS) and not part.startswith("__")
            ]
    return found
