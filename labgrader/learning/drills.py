"""Reads drills (``tasks/drills/*.yaml``; the file's name is the drill's)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from labgrader.content.lab_folder import LabFolder
from labgrader.errors import ContentError
from labgrader.lab_state.mutations import Fault
from labgrader.lab_state.mutations import faults_of as change_faults
from labgrader.model.drill import Drill
from labgrader.util.bounded_yaml import read_documents

_TEXTS = ("title", "story", "lesson")
_LISTS = ("caught_by", "changes", "hints", "docs")
FIELDS = (*_TEXTS, *_LISTS, "containers")


def load_drills(root: Path) -> list[Drill]:
    """Return every drill of a lab.

    Raises:
        ContentError: a file is no drill.
    """
    return [_drill(path) for path in LabFolder(root).drill_files]


def _drill(path: Path) -> Drill:
    documents = read_documents(path)
    data = documents[0] if len(documents) == 1 else None
    for where, what in faults_of(data):
        place = ".".join(map(str, where)) or "the file"
        raise ContentError(f"{path} is no drill: {place}: {what}", "See docs/writing-a-check.md")
    assert isinstance(data, Mapping)
    return Drill(
        name=path.stem,
        title=data["title"],
        story=data["story"],
        caught_by=tuple(data["caught_by"]),
        changes=tuple(data["changes"]),
        hints=tuple(data["hints"]),
        lesson=data["lesson"],
        docs=tuple(data["docs"]),
        containers=bool(data.get("containers", False)),
    )


def faults_of(data: Any) -> Iterator[Fault]:
    """Yield everything because of which ``data`` is no drill."""
    if not isinstance(data, Mapping):
        yield (), "a drill is one mapping"
        return
    for field in data:
        if field not in FIELDS:
            yield (str(field),), f"unknown field; there are {', '.join(FIELDS)}"
    for field in _TEXTS:
        if not isinstance(data.get(field), str) or not data[field].strip():
            yield (field,), "a text is needed"
    yield from _faults_of_lists(data)


def _faults_of_lists(data: Mapping[str, Any]) -> Iterator[Fault]:
    for field in _LISTS:
        listed = data.get(field)
        if not isinstance(listed, list) or not listed:
            yield (field,), "a list is needed"
        elif field == "changes":
            for at, change in enumerate(listed):
                yield from change_faults((field, at), change)
        elif not all(isinstance(one, str) for one in listed):
            yield (field,), "every entry is a text"
