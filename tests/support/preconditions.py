"""What the machine must give a test run, looked at once, before a thousand tests fail for it."""

from __future__ import annotations

import resource
import shutil
import tempfile
from pathlib import Path

from labgrader.clusters.embedded import preflight
from labgrader.errors import MachineError

OPEN_FILES = 4096
ROOM_BYTES = 300 * 1024 * 1024
"""What the fast tests write; a cluster sees by itself to what it needs more."""


def lacking(basetemp: str | None = None) -> str:
    """Return what keeps any test run from working here, with the next step; "" where nothing does.

    A low soft limit of open files, as some shells set it, is raised for the run.
    """
    try:
        preflight.require()
        _raise_soft_limit()
    except MachineError as error:
        return str(error)
    folder = Path(basetemp).absolute().parent if basetemp else Path(_temporary())
    if shutil.disk_usage(folder).free < ROOM_BYTES:
        return (
            f"The temporary folder {folder} has less than {ROOM_BYTES >> 20} MB free. "
            "Free some space there, or set TMPDIR (or --basetemp) to a folder with free space"
        )
    return ""


def _raise_soft_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < OPEN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, preflight.open_files()), hard))


def _temporary() -> str:
    """Return the first folder that should be used, full or not: Python passes over full ones."""
    return next(name for name in tempfile._candidate_tempdir_list() if Path(name).is_dir())
