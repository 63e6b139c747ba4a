"""Rules for tasks/checklists.yaml: items tick themselves by criteria that there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from labgrader.author.content import Content
from labgrader.author.reading import Document, Finding, maps, texts
from labgrader.author.schema_rules import offences, unfinished
from labgrader.content.lab_folder import LabFolder

WHOLE = 100
_GROUPS = (("checklists", "items"), ("exam", "topics"))


def form(content: Content) -> Iterator[Finding]:
    """The file is as the schema knows it, and the domains' weights make the whole exam."""
    for document in _documents(content):
        yield from offences(document, "goals.schema.json", "goals")
        yield from unfinished(document)
        weights = [domain.get("weight") for _, domain in maps(document.data, "exam")]
        total = sum(weight for weight in weights if isinstance(weight, int))
        if weights and total != WHOLE:
            what = f"the weights of the exam make {total}, not {WHOLE}"
            yield document.finding("exam", ("exam",), what, "They are percent of the exam")


def known(content: Content) -> Iterator[Finding]:
    """Every item names criteria, and each of them exists."""
    ids = {entry.id for entry in content.criteria}
    all_known = not content.partial_tasks
    for document in _documents(content):
        for where, names in _entries(document):
            if not names:
                what = "an item without criteria is never ticked"
                yield document.finding("checklists", where, what, "Name what must pass for it")
            for name in names:
                if name not in ids and all_known:
                    what = f"{name} is no criterion"
                    yield document.finding("checklists", where, what, "`labgrader tasks` lists all")


def once(content: Content) -> Iterator[Finding]:
    """No criterion that counts is in two domains of the exam: its points would count twice."""
    counted = [entry.id for entry in content.criteria if entry.data.get("optional") is not True]
    for document in _documents(content):
        placed: Counter[str] = Counter()
        for where, names in _entries(document):
            if where[0] == "exam":
                placed.update(names)
        for name in counted:
            if placed[name] > 1:
                what = f"{name} is in {placed[name]} domains of the exam"
                yield document.finding("exam", ("exam",), what, "Put it into one")


def _entries(document: Document) -> Iterator[tuple[tuple[str | int, ...], list[str]]]:
    """Yield the place of every item and topic, and the criteria that it names."""
    for key, inner in _GROUPS:
        for at, group in maps(document.data, key):
            for at_entry, entry in maps(group, inner):
                yield (key, at, inner, at_entry), texts(entry, "criteria")


def _documents(content: Content) -> list[Any]:
    path = LabFolder(content.root).checklists
    return content.read_one(path) if path.exists() else []


RULES = (form, known, once)
