"""The system calls that Python 3.11 does not offer. Standard library only; Linux."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

NEW_MOUNTS = 0x00020000
NEW_IPC = 0x08000000
NEW_PIDS = 0x20000000
NEW_NETWORK = 0x40000000

BIND = 4096
RECURSIVE = 16384
PRIVATE = 1 << 18


def unshare(flags: int) -> None:
    """Leave the namespaces that ``flags`` name for new ones.

    Raises:
        OSError: not allowed here.
    """
    _checked(_libc().unshare(flags), "unshare")


def mount(source: str, target: Path, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Attach ``source`` to ``target``; "" stands for what a kind of mount does not need.

    Raises:
        OSError: the system refuses; its text names the target.
    """
    done = _libc().mount(
        source.encode(), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), options.encode()
    )
    _checked(done, f"mount {kind or source} on {target}")


def inotify_instances(most: int) -> int:
    """Return how many of ``most`` watches for changes of files this user could begin now."""
    libc = _libc()
    opened: list[int] = []
    try:
        while len(opened) < most and (handle := libc.inotify_init1(os.O_CLOEXEC)) >= 0:
            opened.append(handle)
        return len(opened)
    finally:
        for handle in opened:
            os.close(handle)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
