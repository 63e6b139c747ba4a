"""Rules for tasks/drills: each can be started, is caught, and can be taken back by a reset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labgrader.author.content import Content
from labgrader.author.reading import Finding
from labgrader.author.rules.solutions import covers
from labgrader.content.lab_folder import LabFolder
from labgrader.learning.drills import faults_of

LEAST_HINTS = 2


def form(content: Content) -> Iterator[Finding]:
    """A file is one drill, as ``labgrader drill`` reads it."""
    ids = {entry.id for entry in content.criteria}
    for path in LabFolder(content.root).drill_files:
        for document in content.read_one(path):
            for where, what in faults_of(document.data):
                yield document.finding("drill", where, what, "docs/writing-a-check.md shows it")
            data: Any = document.data if isinstance(document.data, dict) else {}
            for name in data.get("caught_by") or ():
                if name not in ids and not content.partial_tasks:
                    what = f"caught_by {name} is no criterion"
                    yield document.finding("drill", ("caught_by",), what, "Name one that fails")
            if len(data.get("hints") or ()) < LEAST_HINTS:
                what = f"fewer than {LEAST_HINTS} hints"
                yield document.finding("hints", ("hints",), what, "Write another, in rising order")


def taken_back(content: Content) -> Iterator[Finding]:
    """What a drill adds stands in reset.yaml; otherwise a reset leaves it behind."""
    path = LabFolder(content.root).reset
    files = LabFolder(content.root).drill_files
    listed = content.read(path) if files else []
    if not content.readable(path):
        return
    entries = [entry for document in listed for entry in document.data or ()]
    for file in files:
        for document in content.read_one(file):
            data: Any = document.data if isinstance(document.data, dict) else {}
            for at, change in enumerate(data.get("changes") or ()):
                made = change.get("create") if isinstance(change, dict) else None
                if made and not any(covers(entry, made) for entry in entries):
                    what = f"{made.get('kind')} is never reset"
                    yield document.finding("reset", ("changes", at), what, f"Add it to {path}")


RULES = (form, taken_back)
