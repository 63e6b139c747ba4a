"""Imports check files once in a process that can be ended, before they are imported for good.

A file may call ``sys.exit``, never come to its end, or hold the interpreter in one call (a pattern
that explodes), where no thread gets a turn. What came through once is known by a hash of all files,
so that a usual start pays nothing.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from labgrader import paths
from labgrader.errors import ContentError, LabError

TRIAL_SECONDS = 10.0
"""How long all check files of a lab may take to load; those that ship take a tenth of a second."""

_KNOWN = "tried-checks"


def demand_loadable(folder: Path, lab: str) -> None:
    """See once that the check files of a folder come to an end when they are imported.

    That a file raises is no matter here: it is said, and only that file is left out.

    Raises:
        ContentError: they do not come to an end, or end the process; names the file.
    """
    files = sorted(folder.rglob("*.py"))
    if not files:
        return
    known = _mark(folder, files)
    if known is not None and known.exists():
        return
    _try(folder, lab)
    if known is not None:
        _remember(known)


def _mark(folder: Path, files: list[Path]) -> Path | None:
    """Return the file that says of these check files that they came through; None for nowhere."""
    digest = hashlib.sha256(sys.version.encode())
    for path in files:
        digest.update(f"{path.relative_to(folder)}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    try:
        return paths.state_root() / _KNOWN / digest.hexdigest()
    except LabError:
        return None


def _remember(mark: Path) -> None:
    try:
        mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark.touch()
    except OSError:  # a state folder that cannot be written: it is tried again the next time
        return


def _try(folder: Path, lab: str) -> None:
    command = [sys.executable, "-m", "labgrader.content.check_trial", str(folder), lab]
    child = subprocess.Popen(  # noqa: S603 - this module itself
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        told, _ = child.communicate(timeout=TRIAL_SECONDS)
    except subprocess.TimeoutExpired as error:
        child.kill()
        told, _ = child.communicate()
        raise ContentError(
            f"{_last(told, folder)} was not loaded within {TRIAL_SECONDS:.0f} s",
            "Look for what has no end at the top level of the file",
        ) from error
    except BaseException:
        child.kill()
        raise
    if not told.endswith(b"\n.\n"):
        raise ContentError(
            f"{_last(told, folder)} ends the process when it is loaded (exit code"
            f" {child.returncode})",
            "Leave out what ends the program at the top level of the file",
        )


def _last(told: bytes, folder: Path) -> str:
    """Return the file that was being loaded when the child said its last line."""
    lines = told.decode("utf-8", "replace").splitlines()
    return lines[-1] if lines else str(folder)


def main(folder: str, lab: str) -> None:
    """Load every check file, saying which before each, and a dot at the end."""
    import os

    from labgrader.content.check_files import import_all

    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what the files themselves print is not what is said here
    import_all(Path(folder), lab, lambda path: print(path, file=out))
    print("\n.", file=out)


if __name__ == "__main__":
    main(*sys.argv[1:])
