"""Private files: written atomically, 0600, and only when they change; and the lock of a cluster."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.provider import Progress
from labgrader.errors import MachineError, ProviderError
from labgrader.util.machine import machine_error


def write_private(path: Path, content: bytes) -> bool:
    """Put ``content`` at ``path`` (0600) in one step; return whether it differed from before."""
    try:
        if path.read_bytes() == content:
            path.chmod(0o600)
            return False
    except OSError:
        pass
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object at ``path``; an empty one when there is none that can be read."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON object as ``write_private`` does."""
    write_private(path, json.dumps(content, indent=1).encode())


@contextlib.contextmanager
def cluster_lock(layout: ClusterLayout, progress: Progress) -> Iterator[None]:
    """Let one ``up`` or ``down`` at a time work on the cluster; others wait, and say so."""
    handle = _locked(layout.lock, progress)
    try:
        yield
    finally:
        if not layout.root.exists():
            layout.lock.unlink(missing_ok=True)
        os.close(handle)


def _locked(path: Path, progress: Progress) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress("cluster", "another labgrader is starting or stopping it: waiting")
                fcntl.flock(handle, fcntl.LOCK_EX)
            if _still_at(path, handle):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _still_at(path: Path, handle: int) -> bool:
    """Tell whether the locked file is the one that others will open (a purge unlinks it)."""
    try:
        return path.stat().st_ino == os.fstat(handle).st_ino
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def explained(layout: ClusterLayout) -> Iterator[None]:
    """Turn file errors inside the block into one line with a next step."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(layout) from error
        lacking = machine_error(error)
        if lacking is not None:
            raise lacking from error
        where = error.filename or layout.root
        raise ProviderError(
            f"{where}: {error.strerror or error}",
            f"See that {layout.root} can be written by you alone, then try again",
        ) from error


def disk_full(layout: ClusterLayout, megabytes: int = 300) -> MachineError:
    """Return the error for a disk that is too full for a cluster, which needs ``megabytes``."""
    return MachineError(
        f"The disk that holds {layout.root} is full",
        f"Free at least {megabytes} MB there, or set LABGRADER_STATE_DIR to another disk",
    )
