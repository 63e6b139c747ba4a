"""Writes the manifests of a step into files that the learner edits and applies."""

from __future__ import annotations

import re
from pathlib import Path

from labgrader.errors import LabError
from labgrader.model.task import Lab, Snippet, Step

_ENDINGS = {"bash": "sh", "yaml": "yaml"}
MOST = 100
"""How many files of one name there may be."""


def default_folder(lab: Lab) -> Path:
    """Return where files go when nobody says so: a folder named after the lab, here."""
    return Path.cwd() / lab.id


def write(folder: Path, step: Step, snippet: Snippet) -> Path:
    """Write one piece; return its path. A file that somebody has changed is never overwritten.

    Raises:
        LabError: the folder cannot be written.
    """
    stem = f"{step.id}-{re.sub(r'[^a-z0-9]+', '-', snippet.title.lower()).strip('-')}"
    ending = _ENDINGS.get(snippet.language, "txt")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, MOST):
            path = folder / (f"{stem}.{ending}" if number == 1 else f"{stem}-{number}.{ending}")
            if not path.exists():
                path.write_text(snippet.body, encoding="utf-8")
            if path.read_text(encoding="utf-8", errors="replace") == snippet.body:
                return path
    except OSError as error:
        raise LabError(
            f"{folder} cannot be written: {error.strerror or error}", "Start the lab elsewhere"
        ) from error
    raise LabError(f"{folder} has {MOST} files for this piece", "Move some of them away")
