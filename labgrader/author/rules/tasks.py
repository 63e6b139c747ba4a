"""Rules for tasks/lab.yaml and tasks/task*.yaml as files: form, names, words, points, time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from labgrader.author.content import Content
from labgrader.author.reading import Document, Finding, maps
from labgrader.author.schema_rules import offences, unfinished
from labgrader.content.lab_folder import LabFolder, task_id
from labgrader.content.validation import SCHEMA
from labgrader.model.manifest import FORMAT

SHORTEST_BUDGET = 60


def form(content: Content) -> Iterator[Finding]:
    """Files hold what the schema knows, and nothing else."""
    if not LabFolder(content.root).task_files:
        path = LabFolder(content.root).tasks
        yield Finding(path, 1, "form", "there is no task*.yaml", "`labgrader author new task 1`")
    for kind, documents in (("lab", content.lab), ("task", content.tasks)):
        for document in documents:
            if kind == "lab" and _is_newer(document):
                what = f"this labgrader reads manifests up to format {FORMAT}"
                yield document.finding("form", ("format",), what, "Install a newer labgrader")
            else:
                yield from offences(document, SCHEMA.name, kind)


def requirement(content: Content) -> Iterator[Finding]:
    """The versions of labgrader are written as pip writes them."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    for document in content.lab:
        wanted = document.data.get("labgrader") if _is_map(document) else None
        try:
            SpecifierSet(wanted if isinstance(wanted, str) else "")
        except InvalidSpecifier:
            what = f"{wanted} is not a version specifier"
            yield document.finding("form", ("labgrader",), what, 'Write it as in ">=0.1,<2"')


def names(content: Content) -> Iterator[Finding]:
    """A task's file is called taskN-something.yaml, and no two tasks share a number."""
    seen: dict[str, Document] = {}
    for document in content.tasks:
        name = task_id(document.path)
        if not re.fullmatch(r"task[1-9][0-9]*", name):
            what = f"{document.path.name} does not begin with a task's number"
            yield document.finding("names", (), what, "Call it taskN-topic.yaml")
        if name in seen:
            what = f"{name} is also in {seen[name].path.name}"
            yield document.finding("names", (), what, "Give one of them another number")
        seen[name] = document


def points(content: Content) -> Iterator[Finding]:
    """The points that count make what the manifest says; bonus comes on top."""
    if content.partial_tasks:
        return
    counted = [
        entry.data.get("points", 0)
        for entry in content.criteria
        if entry.data.get("optional") is not True
    ]
    total = sum(number for number in counted if isinstance(number, int))
    for document in content.lab:
        wanted = document.data.get("points") if isinstance(document.data, dict) else None
        if wanted != total:
            what = f"the points of the tasks make {total}, and the manifest says {wanted}"
            fix = f"Write points: {total}, or change those of a criterion; bonus is extra"
            yield document.finding("points", ("points",), what, fix)


def budgets(content: Content) -> Iterator[Finding]:
    """A task's time is in seconds."""
    for document in content.tasks:
        seconds = document.data.get("budget_seconds") if _is_map(document) else None
        if isinstance(seconds, int) and 0 < seconds < SHORTEST_BUDGET:
            what = f"{seconds} seconds are no time for a task"
            yield document.finding("budget", ("budget_seconds",), what, "Are these minutes?")


def words(content: Content) -> Iterator[Finding]:
    """No text is blank, and none still says TODO."""
    for document in (*content.lab, *content.tasks):
        yield from unfinished(document)


def errata(content: Content) -> Iterator[Finding]:
    """An erratum is declared once, in the step of the criterion that names it."""
    seen: dict[str, str] = {}
    for document in content.tasks:
        for at_step, step in maps(document.data, "steps"):
            for at, erratum in maps(step, "errata"):
                name, where = str(erratum.get("id")), ("steps", at_step, "errata", at)
                if name in seen:
                    what = f"the erratum {name} is declared already in {seen[name]}"
                    yield document.finding("errata", where, what, "Declare it once")
                seen[name] = document.path.name
    for entry in content.criteria:
        declared = {str(erratum.get("id")) for _, erratum in maps(entry.step, "errata")}
        named = entry.data.get("erratum")
        if named and str(named) not in declared:
            what = f"{entry.id} names the erratum {named}, which its step does not declare"
            fix = f"Declare it there ({', '.join(sorted(declared)) or 'none is'})"
            yield entry.finding("errata", "erratum", what, fix)


def _is_newer(document: Document) -> bool:
    """Whether a manifest has a format of which this version knows nothing."""
    found = document.data.get("format") if isinstance(document.data, Mapping) else None
    return isinstance(found, int) and found > FORMAT


def _is_map(document: Document) -> bool:
    return isinstance(document.data, Mapping)


RULES = (form, requirement, names, points, budgets, words, errata)
