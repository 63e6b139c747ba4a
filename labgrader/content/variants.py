"""Variants of a lab: the same lab with other names and numbers, drawn by a seed.

The manifest lists words that stand in the lab's files, and what may stand in their place. A variant
is a copy of the lab in the state folder in which they are replaced, wherever they stand as whole
words: texts, parameters of checks, solutions, reset list, cases. What is drawn depends on the lab's
id, its version and the seed alone.
"""

from __future__ import annotations

import hashlib
import random
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from labgrader import __version__, paths
from labgrader.content.lab_folder import LabFolder
from labgrader.errors import ContentError, UsageError
from labgrader.model.manifest import Manifest

TEXTS = (".yaml", ".json", ".md")
"""What words are replaced in; check files are copied as they are."""

_FOLDER = "variants"
_OWN_VARIANTS = re.compile(r"^variants:.*\n(?:[ \t#-].*\n)*", re.MULTILINE)


def draw(manifest: Manifest, seed: int) -> dict[str, str]:
    """Return what stands in the place of each word of a lab, in the variant with this seed.

    Raises:
        UsageError: the lab has no variants.
    """
    if not manifest.variants:
        raise UsageError(f"The lab {manifest.id} has no variants", "Leave --variant out")
    chance = random.Random(f"{manifest.id} {manifest.version} {seed}")  # noqa: S311 - no secret
    return {
        word: chance.choice([word, *others]) for word, others in sorted(manifest.variants.items())
    }


def corners(manifest: Manifest) -> Iterator[dict[str, str]]:
    """Yield variants in which each substitute of each word comes once."""
    for at in range(max(map(len, manifest.variants.values()), default=0)):
        yield {word: others[at % len(others)] for word, others in manifest.variants.items()}


def replaced(text: str, words: Mapping[str, str]) -> str:
    """Return a text with every whole word replaced; all at once, so that none is replaced twice."""
    if not words:
        return text
    longest_first = sorted(words, key=len, reverse=True)
    either = "|".join(re.escape(word) for word in longest_first)
    return re.sub(rf"(?<![A-Za-z0-9_])(?:{either})(?![A-Za-z0-9_])", lambda m: words[m[0]], text)


def folder_of(manifest: Manifest, source: LabFolder, words: Mapping[str, str]) -> LabFolder:
    """Return the folder of a variant; it is written where it is not there yet.

    Raises:
        ContentError: it cannot be written.
    """
    files = list(_files(source.root))
    digest = hashlib.sha256(f"{__version__} {sorted(words.items())!r}".encode())
    for path in files:
        digest.update(f"{path.relative_to(source.root)}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    goal = paths.state_root() / _FOLDER / f"{manifest.id}-{digest.hexdigest()[:16]}"
    try:
        if not goal.is_dir():
            _write(goal, source.root, files, words)
    except OSError as error:
        raise ContentError(
            f"The variant cannot be written to {goal}: {error.strerror or error}",
            "Make room, or leave --variant out",
        ) from error
    return LabFolder(goal)


def odd_words(root: LabFolder, variants: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Yield words that cannot be drawn, and why."""
    text = "\n".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in _files(root.root)
        if path.suffix in TEXTS and path != root.manifest
    )
    for word, others in variants.items():
        if replaced(text, {word: ""}) == text:
            yield word, f"the word {word} stands in no file of the lab"
        for other in others:
            if replaced(text, {other: ""}) != text:
                yield word, f"{other}, which may stand for {word}, has a meaning of its own already"


def _files(root: Path) -> Iterator[Path]:
    """Yield the files of a lab, and nothing else that lies about in a checkout."""
    folder = LabFolder(root)
    for part in (folder.tasks, folder.checks, folder.solutions, folder.cases):
        yield from (
            path
            for path in sorted(part.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        )


def _write(goal: Path, root: Path, files: list[Path], words: Mapping[str, str]) -> None:
    """Write a copy beside the goal, and rename it: half a variant is never opened."""
    fresh = goal.with_name(f"{goal.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    paths.private_dir(goal.parent)
    for path in files:
        copy = fresh / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in TEXTS:
            text = path.read_text(encoding="utf-8")
            if path == LabFolder(root).manifest:
                text = _OWN_VARIANTS.sub("", text)  # a variant has none of its own
            copy.write_text(replaced(text, words), encoding="utf-8")
        else:
            shutil.copyfile(path, copy)
    fresh.replace(goal)
