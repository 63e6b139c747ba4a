"""Reading the components' logs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.errors import UsageError

_POLL_SECONDS = 0.2


def components(name: str) -> list[str]:
    """Return what has a log in the cluster ``name``; ``audit`` is the API server's audit log."""
    layout = ClusterLayout.of(name)
    found = sorted(path.stem for path in layout.logs.glob("*.log"))
    return [*found, "audit"] if layout.audit_log.exists() else found


def path(name: str, component: str) -> Path:
    """Return the log file of a component.

    Raises:
        UsageError: there is none of that name.
    """
    known = components(name)
    if component not in known:
        raise UsageError(
            f"The cluster '{name}' has no log of '{component}'",
            f"Choose one of: {', '.join(known)}" if known else "Start it: `labgrader cluster up`",
        )
    layout = ClusterLayout.of(name)
    return layout.audit_log if component == "audit" else layout.log(component)


def tail(log: Path, lines: int) -> str:
    """Return the last ``lines`` lines, reaching into the file before this one if need be."""
    return _last(_read(log), log, lines)


def follow(log: Path, lines: int) -> Iterator[str]:
    """Yield the last ``lines`` lines, then what is added, for ever; a new file is followed too."""
    stream = log.open("rb")
    try:
        yield _last(stream.read(), log, lines)
        while True:
            content = stream.read()
            if content:
                yield content.decode(errors="replace")
            elif _replaced(log, stream.fileno()):
                stream.close()
                stream = log.open("rb")
            else:
                time.sleep(_POLL_SECONDS)
    finally:
        stream.close()


def _last(content: bytes, log: Path, lines: int) -> str:
    if lines == 0:
        return ""
    if content.count(b"\n") < lines:
        content = _read(log.with_name(log.name + ".1")) + content
    return b"".join(content.splitlines(keepends=True)[-lines:]).decode(errors="replace")


def _replaced(log: Path, handle: int) -> bool:
    try:
        return log.stat().st_ino != os.fstat(handle).st_ino
    except FileNotFoundError:
        return False


def _read(log: Path) -> bytes:
    try:
        return log.read_bytes()
    except FileNotFoundError:
        return b""
