"""Follows a page of the documentation word for word: its files and its commands."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"([^`\n]*`[^`\n]+`[^\n]*:|)\n\n```(\w+)\n(.*?)```", re.DOTALL)
"""A block of code, with the line before it where that names a file."""


@dataclass(frozen=True, slots=True)
class Followed:
    """Where following a page ended, and what its commands printed."""

    folder: Path
    output: str


def follow(page: Path, folder: Path, environment: Mapping[str, str], scratch: Path) -> Followed:
    """Write each file that a page shows and run each ``sh`` block, from the top to the end.

    Args:
        folder: where it begins; a block that changes the folder changes it for what follows.
        scratch: a folder for notes of this function.
    """
    text = page.read_text(encoding="utf-8")
    steps, output = 0, ""
    for before, language, body in _BLOCK.findall(text):
        steps += 1
        if language == "sh":
            script = f"set -e\n{body}pwd >{scratch}/pwd"
            done = _shell(script, folder, environment)
            assert done.returncode == 0, f"{body}\n{done.stdout}{done.stderr}"
            folder, output = Path((scratch / "pwd").read_text().strip()), output + done.stdout
            continue
        target = folder / re.findall(r"`([^`]+)`", before)[-1]
        old = target.read_text() if target.exists() else ""
        new = body + old if "at the top" in before else body
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(old + body if "at the end" in before else new)
    assert steps == text.count("\n```") // 2
    return Followed(folder, output)


def _shell(
    script: str, here: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", script],
        cwd=here,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
