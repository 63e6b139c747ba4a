"""A cache on disk for answers that depend on their question alone.

What is kept only saves time: a file that is gone, foreign or broken is as if it had never been.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labgrader import paths
from labgrader.errors import LabError

KEPT = 64
"""How many answers are kept; the oldest go first."""


class Remembered:
    """A folder of answers below the state folder.

    Args:
        name: of the folder, which is the caller's own.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def get(self, *question: str) -> Mapping[str, Any] | None:
        """Return the answer to a question; None where none is kept."""
        try:
            text = (self._folder / _file(question)).read_text(encoding="utf-8")
            answer = json.loads(text)
        except (OSError, ValueError):
            return None
        return answer if isinstance(answer, dict) else None

    def put(self, answer: Mapping[str, Any], *question: str) -> None:
        """Keep an answer where that is possible."""
        if paths.behind_sudo():  # whoever that is could not write there afterwards
            return
        with contextlib.suppress(OSError, LabError):
            paths.state_dir()
            folder = paths.private_dir(self._folder)
            handle, made = tempfile.mkstemp(dir=folder, suffix=".new")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(answer, file)
            Path(made).replace(folder / _file(question))
            self._forget_oldest(folder)

    @property
    def _folder(self) -> Path:
        return paths.state_root() / self._name

    @staticmethod
    def _forget_oldest(folder: Path) -> None:
        files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime)
        for file in files[:-KEPT]:
            file.unlink(missing_ok=True)


def _file(question: tuple[str, ...]) -> str:
    return hashlib.sha256(json.dumps(question).encode()).hexdigest() + ".json"
