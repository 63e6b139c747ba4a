"""Where labgrader keeps things on this machine; the only module that knows."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from labgrader.errors import LabError, UsageError

STATE_VARIABLE = "LABGRADER_STATE_DIR"
"""Overrides the state folder (tests and CI use it; absolute path)."""


def state_root() -> Path:
    """Return where the state is kept, without making it: for whoever only looks.

    Raises:
        UsageError: it is another user's, or others may write into it: its kubeconfigs name programs
            that would be run.
    """
    root = _state_root()
    _demand_own(root)
    return root


def _demand_own(root: Path) -> None:
    """Raise where somebody else could have filled the folder."""
    try:
        found = root.stat()
    except OSError:  # it is not there, or who uses it will say why it cannot be used
        return
    if not hasattr(os, "geteuid"):
        return
    behind = behind_sudo()
    owners = {os.geteuid(), *((behind[0],) if behind else ())}
    if found.st_uid not in owners:
        raise UsageError(
            f"The state folder {root} belongs to another user (uid {found.st_uid})",
            f"Set {STATE_VARIABLE} to a folder of your own",
        )
    if found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and _is_shared(found)):
        raise UsageError(
            f"Other users may write into the state folder {root}",
            f"See that nothing foreign is in it, then: chmod go-w {root}",
        )


def _is_shared(folder: os.stat_result) -> bool:
    """Whether the folder's group has others in it than the folder's owner."""
    import grp
    import pwd

    try:
        owner, group = pwd.getpwuid(folder.st_uid), grp.getgrgid(folder.st_gid)
    except KeyError:
        return True
    return group.gr_gid != owner.pw_gid or bool(set(group.gr_mem) - {owner.pw_name})


def _state_root() -> Path:
    chosen = os.environ.get(STATE_VARIABLE)
    if chosen:
        return Path(chosen)
    user = behind_sudo()
    if user is not None:
        import pwd

        return Path(pwd.getpwuid(user[0]).pw_dir) / ".local/state/labgrader"
    from platformdirs import user_state_path

    return user_state_path("labgrader", appauthor=False)


def behind_sudo() -> tuple[int, int] | None:
    """Return user and group of whoever became root by sudo; None for others, root included."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    try:
        user, group = int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"])
    except (KeyError, ValueError):
        return None
    return (user, group) if user > 0 else None


def state_dir() -> Path:
    """Return the folder for clusters and sessions, created 0700.

    Raises:
        LabError: the folder cannot be created or written.
    """
    return private_dir(state_root())


def clusters_dir() -> Path:
    """Return the folder that holds one sub-folder per embedded cluster."""
    return private_dir(state_dir() / "clusters")


def private_dir(path: Path) -> Path:
    """Create ``path`` (0700) if needed, see that it can be written, and return it."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(
            f"The state folder {path} cannot be made: {error.strerror or error}",
            f"Make it writable, or set {STATE_VARIABLE} to a folder that is",
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise LabError(
            f"The state folder {path} is not writable",
            f"Make it writable, or set {STATE_VARIABLE} to a folder that is",
        )
    return path


def content_root() -> Path:
    """Return the folder with ``tasks``, ``checks`` and ``solutions`` (wheel or checkout)."""
    packed = Path(__file__).parent / "_content"
    return packed if packed.is_dir() else Path(__file__).parent.parent
