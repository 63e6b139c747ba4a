"""Rules for variants: words that can be drawn, and variants that keep every other rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from labgrader.author.content import Content
from labgrader.author.reading import Finding
from labgrader.content import variants
from labgrader.content.lab_folder import LabFolder
from labgrader.content.lab_pack import read_manifest
from labgrader.errors import ContentError


def words(content: Content) -> Iterator[Finding]:
    """Each word stands somewhere, and no substitute has a meaning of its own."""
    for document in content.lab:
        listed = document.data.get("variants") if isinstance(document.data, dict) else None
        if not isinstance(listed, dict):
            continue
        known = {
            str(word): [str(one) for one in others]
            for word, others in listed.items()
            if isinstance(others, list)
        }
        for word, what in variants.odd_words(LabFolder(content.root), known):
            fix = "Take another word or another substitute"
            yield document.finding("variants", ("variants", word), what, fix)


def in_variants(root: Path, lint: Callable[[Path], list[Finding]]) -> Iterator[Finding]:
    """Hold variants in which every substitute comes once against all rules.

    Args:
        lint: finds what is wrong in a lab's folder.
    """
    folder = LabFolder(root)
    try:
        manifest = read_manifest(folder)
    except ContentError:  # said by other rules
        return
    for drawn in variants.corners(manifest):
        told = ", ".join(f"{word} as {other}" for word, other in sorted(drawn.items()))
        for one in lint(variants.folder_of(manifest, folder, drawn).root):
            what = f"in the variant with {told}: {one.path.name}:{one.line}: {one.what}"
            yield Finding(folder.manifest, 1, "variants", what, one.fix)
            break


RULES = (words,)
