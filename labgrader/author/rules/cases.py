"""Rules for tests/checks: every criterion has answers of both kinds, and every answer a criterion.

An installed lab may come without them; then these rules are skipped, and lint says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from labgrader.author.cases import faults_of
from labgrader.author.content import Content
from labgrader.author.reading import Document, Finding, texts
from labgrader.author.schema_rules import UNFINISHED

_KINDS = {"failed": "a wrong answer", "passed": "an equivalent answer"}


def form(content: Content) -> Iterator[Finding]:
    """A file is one case, as ``labgrader author verify`` reads it."""
    seen: set[Path] = set()
    for document in content.cases:
        if document.path in seen:
            what = "there is a second case in this file"
            yield document.finding("case", (), what, "One file is one case: move it to its own")
        seen.add(document.path)
        for where, what in faults_of(document.data):
            yield document.finding("case", where, what, "docs/writing-a-check.md shows the format")
        if UNFINISHED.search(document.path.read_text(encoding="utf-8")):
            what = "TODO: this case is still the skeleton's"
            yield document.finding("words", (), what, "Write the answer that is meant")
    for path in sorted(content.cases_folder.glob("*/*.yaml")):
        if path not in seen and path not in {finding.path for finding in content.unreadable}:
            yield Finding(path, 1, "case", "the file is empty", "Write the case, or remove it")


def orphans(content: Content) -> Iterator[Finding]:
    """Each folder is called as a criterion, and holds nothing that is never read."""
    known = {entry.id for entry in content.criteria}
    for path in sorted(content.cases_folder.iterdir()):
        if not path.is_dir():
            what = f"{path.name} stands in no criterion's folder, and is never read"
            yield Finding(path, 1, "orphan", what, "Move it into tests/checks/<criterion>/")
            continue
        if path.name not in known and not content.partial_tasks:
            what = f"{path.name} is no criterion"
            yield Finding(path, 1, "orphan", what, "Call the folder as the criterion is called")
        for stray in sorted(path.iterdir()):
            if stray.suffix != ".yaml":
                what = f"{stray.name} is never read: a case ends with .yaml"
                yield Finding(stray, 1, "orphan", what, "Rename or remove it")


def both_kinds(content: Content) -> Iterator[Finding]:
    """A criterion without a wrong and an equivalent answer is not tested."""
    there = {(_criterion(document), _expect(document)) for document in content.cases}
    unread = {finding.path.parent for finding in content.unreadable}
    for entry in content.criteria:
        folder = content.cases_folder / entry.id
        if folder in unread:
            continue
        for expect, answer in _KINDS.items():
            if (entry.id, expect) not in there:
                what = f"{entry.id} is not tested with {answer}"
                fix = f"Write {folder}/*.yaml with expect: {expect}"
                yield entry.finding("tested", "id", what, fix)


def also(content: Content) -> Iterator[Finding]:
    """What a case names in ``also`` are other criteria; a right answer hits none."""
    known = {entry.id for entry in content.criteria}
    for document in content.cases:
        if not isinstance(document.data, Mapping):
            continue
        for name in texts(document.data, "also"):
            missing = name not in known and not content.partial_tasks
            if missing or name == _criterion(document):
                what = f"{name} in `also` is no other criterion"
                yield document.finding("case", ("also",), what, "Name criteria that fail as well")
        if _expect(document) == "passed" and document.data.get("also"):
            what = "an equivalent answer hits nothing, so `also` means nothing"
            yield document.finding("case", ("also",), what, "Remove it")


def _criterion(document: Document) -> str:
    return document.path.parent.name


def _expect(document: Document) -> str:
    return str(document.data.get("expect")) if isinstance(document.data, Mapping) else ""


RULES = (form, orphans, both_kinds, also)
