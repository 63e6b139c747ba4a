"""The control groups of one cluster's pods: made before it starts, removed when all has ended.

They are the one thing that does not end with the cluster's namespaces. Each cluster has a group of
its own at the top, because a kubelet ends every pod in its group that it does not know. Standard
library only: the supervisor imports this.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

TOP = Path("/sys/fs/cgroup")

NEEDED = ("cpu", "cpuacct", "cpuset", "memory", "pids")
"""The hierarchies of version 1 without which a kubelet does not start."""

_DELEGATED = ("cpu", "cpuset", "memory", "pids", "io", "hugetlb")
_POLL_SECONDS = 0.02


def group_of(root: Path) -> str:
    """Return the name of the group of the cluster at ``root``; no other cluster has it."""
    return f"labgrader-{root.name}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:10]}"


def version(top: Path = TOP) -> int:
    """Return 1, 2, or 0 where no control groups are mounted."""
    if (top / "cgroup.controllers").is_file():
        return 2
    return 1 if any((top / name / "cgroup.procs").is_file() for name in NEEDED) else 0


def trouble(top: Path = TOP) -> str:
    """Return why pods cannot have groups here, or ""."""
    found = version(top)
    if found == 0:
        return "no control groups are mounted on /sys/fs/cgroup"
    if found == 2:
        there = (top / "cgroup.controllers").read_text().split()
        missing = [name for name in ("cpu", "memory", "pids") if name not in there]
        writable = os.access(top / "cgroup.subtree_control", os.W_OK)
        if not missing and _is_full(top):
            return "its own control group holds processes, so it can have no others below it"
    else:
        missing = [name for name in NEEDED if not (top / name / "cgroup.procs").is_file()]
        writable = all(os.access(path, os.W_OK) for path in _tops(top))
    if missing:
        return f"the kernel offers no control groups for {', '.join(missing)}"
    return "" if writable else "the control groups cannot be written"


def _is_full(top: Path) -> bool:
    """Tell whether what looks like the top (version 2) is a container's group with processes in it.

    Only the real top, which has no type, may have both processes and controlled groups below it.
    """
    on = (top / "cgroup.subtree_control").read_text().split()
    lacking = [name for name in ("cpu", "memory", "pids") if name not in on]
    inner = (top / "cgroup.type").exists()
    return inner and bool(lacking) and bool((top / "cgroup.procs").read_text().strip())


def make(group: str, top: Path = TOP) -> None:
    """Make the group in every hierarchy.

    Raises:
        OSError: the system refuses.
    """
    if version(top) == 2:
        _delegate(top)
    for parent in _tops(top):
        folder = parent / group
        folder.mkdir(exist_ok=True)
        # A group of version 1 takes no process before it knows its processors and memory nodes.
        for name in ("cpuset.cpus", "cpuset.mems"):
            with contextlib.suppress(FileNotFoundError):
                if not (folder / name).read_text().strip():
                    (folder / name).write_text((parent / name).read_text())
    if version(top) == 2:
        _delegate(top / group)


def remove(group: str, seconds: float = 5.0, top: Path = TOP) -> list[Path]:
    """Remove the group and all below it; wait for processes that end; return what stays."""
    deadline = time.monotonic() + seconds
    while left := [folder for folder in _groups(group, top) if not _removed(folder)]:
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_SECONDS)
    return left


def _delegate(folder: Path) -> None:
    """Let groups below ``folder`` use its controllers (version 2); one by one: some may refuse."""
    there = (folder / "cgroup.controllers").read_text().split()
    on = (folder / "cgroup.subtree_control").read_text().split()
    for name in (n for n in _DELEGATED if n in there and n not in on):
        try:
            (folder / "cgroup.subtree_control").write_text(f"+{name}")
        except OSError:
            if name in ("cpu", "memory", "pids"):
                raise


def _tops(top: Path) -> list[Path]:
    """Return the top of each hierarchy; links (``cpu`` to ``cpu,cpuacct``) count once."""
    if version(top) == 2:
        return [top]
    folders = {path.resolve() for path in top.iterdir() if (path / "cgroup.procs").is_file()}
    return sorted(folders)


def _groups(group: str, top: Path) -> Iterator[Path]:
    """Yield the group's folders, those within others first."""
    for parent in _tops(top) if version(top) else ():
        for folder, _, _ in os.walk(parent / group, topdown=False):
            yield Path(folder)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
