"""Logs that cannot fill a disk. Standard library only: the supervisor imports this."""

from __future__ import annotations

import os
import re
from pathlib import Path

LIMIT = 4 * 1024 * 1024
"""Bytes in one file; a log is this file and the one before it."""

_TELLING = re.compile(
    r'[EF]\d{4} |Error|error:|panic:|labgrader-kube:|.*"level":"(error|fatal|panic)'
)


class BoundedLog:
    """Appends bytes to a file and starts a new one at ``limit``, keeping one old file (``.1``).

    A log that cannot be written (full disk) loses lines instead of stopping what it records;
    the last few kilobytes stay in memory for ``telling_line``.
    """

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        self.path = path
        self.limit = limit
        self.tail = b""
        try:
            self._size = path.stat().st_size
        except OSError:
            self._size = 0

    def write(self, content: bytes) -> None:
        """Append ``content`` as it is."""
        self.tail = (self.tail + content)[-8192:]
        try:
            if self._size + len(content) > self.limit:
                self.path.replace(self.path.with_name(self.path.name + ".1"))
                self._size = 0
            # Opened each time: a handle would go on writing to a file that somebody removed.
            with self.path.open("ab", buffering=0) as stream:
                if self._size == 0:
                    owner_of_folder(self.path)
                self._size += stream.write(content) or 0
        except OSError:
            return


def owner_of_folder(path: Path) -> None:
    """Give a new file of root's to whom its folder belongs: the user who called sudo."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def telling_line(content: bytes) -> str:
    """Return the line that best says what went wrong: the last error, or else the last line."""
    lines = [line.strip() for line in content.decode(errors="replace").splitlines()]
    lines = [line for line in lines if line]
    errors = [line for line in lines if _TELLING.match(line)]
    best = errors or lines
    return best[-1][:400] if best else ""
