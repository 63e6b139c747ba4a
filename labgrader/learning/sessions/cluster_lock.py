"""A file lock that shows who has the lab open on a cluster."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path
from typing import IO

from labgrader import paths


class ClusterLock:
    """The place at one cluster; the first who takes it has it until it ends, however it ends.

    Args:
        server: the address of the API server.
    """

    def __init__(self, server: str, folder: Path | None = None) -> None:
        self._server = server
        self._folder = folder
        self._file: IO[str] | None = None

    def take(self) -> str:
        """Take the place; return an empty text, or who has it already.

        Raises:
            LabError: the state folder cannot be used.
        """
        folder = paths.private_dir(self._folder or paths.state_dir() / "open")
        name = hashlib.sha256(self._server.encode()).hexdigest()[:16]
        file = (folder / name).open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read(20).strip()
            file.close()
            return f"process {holder}" if holder else "another program"
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file
        return ""

    def leave(self) -> None:
        """Give the place up."""
        if self._file is not None:
            self._file.close()
            self._file = None


def holder(server: str) -> str:
    """Return who has the place at the cluster now; empty where it is free.

    Raises:
        LabError: the state folder cannot be used.
    """
    place = ClusterLock(server)
    taken_by = place.take()
    place.leave()
    return taken_by
