"""Errors of the operating system that say what this machine lacks, as one line with a next step.

What else an ``OSError`` may mean is known only where it comes up.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from labgrader.errors import MachineError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_TOO_MANY_FILES = {errno.EMFILE, errno.ENFILE}
_NO_TEMPORARY = "No usable temporary directory"
"""How ``tempfile`` begins when no temporary folder takes a file; there is no error number."""


def machine_error(error: OSError) -> MachineError | None:
    """Return what the machine lacks, or None where ``error`` means something else."""
    if error.errno in _FULL:
        where = f"the disk of {error.filename}" if error.filename else "a disk that it needs"
        return MachineError(
            f"labgrader cannot write: {where} is full",
            "Free some space there; TMPDIR and LABGRADER_STATE_DIR choose other folders",
        )
    if _NO_TEMPORARY in str(error):
        folder = os.environ.get("TMPDIR", "/tmp")  # noqa: S108 - only named
        return MachineError(
            f"No temporary file can be written (in {folder} or elsewhere): the disk is full",
            "Free some space there, or set TMPDIR to a folder with free space",
        )
    if error.errno in _TOO_MANY_FILES:
        return MachineError(
            "labgrader has too many open files for the limit that is set here",
            "Raise the limit: `ulimit -n 4096`, then run the command again",
        )
    return None


@contextmanager
def machine_errors() -> Iterator[None]:
    """Raise a ``MachineError`` where an ``OSError`` in the block says what this machine lacks."""
    try:
        yield
    except OSError as error:
        found = machine_error(error)
        if found is None:
            raise
        raise found from error
