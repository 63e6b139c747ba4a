"""Rules for solutions/: every task is solved, can be taken back, and shows a fault in the demo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from labgrader.author.content import Content
from labgrader.author.reading import Document, Finding
from labgrader.content.lab_folder import LabFolder
from labgrader.kube.resources import dig
from labgrader.lab_state.mutations import faults_of
from labgrader.lab_state.solver import ACTS


def solved(content: Content) -> Iterator[Finding]:
    """Each task has a solution, each solution a task."""
    folder = LabFolder(content.root)
    for document, task in zip(content.tasks, content.task_ids, strict=True):
        own = folder.solution(task)
        if not list(own.glob("*.yaml")):
            fix = f"Put its manifests into {own}/*.yaml"
            yield document.finding("solution", (), f"{task} has no solution", fix)
    wanted = {folder.solution(task) for task in content.named_tasks}
    for path in folder.all_solutions:
        if path not in wanted:
            what = f"{path.name} is the solution of no task"
            yield Finding(path, 1, "orphan", what, "Remove it, or number it as its task")


def taken_back(content: Content) -> Iterator[Finding]:
    """Whatever a solution makes stands in reset.yaml; otherwise a reset leaves it behind."""
    path = LabFolder(content.root).reset
    entries = [entry for document in content.read(path) for entry in _entries(document)]
    for document, at, entry in entries:
        lacking = [key for key in ("apiVersion", "kind", "task") if not entry.get(key)]
        if lacking:
            what = f"an entry without {', '.join(lacking)}"
            yield document.finding("reset", (at,), what, "Add it")
        elif entry["task"] not in content.named_tasks:
            what = f"{entry['task']} is no task"
            yield document.finding("reset", (at, "task"), what, "Name the task that makes it")
    for document in _manifests(content):
        if any(not isinstance(dig(document.data, key), str) for key in _NEEDED):
            what = f"a manifest needs {', '.join(_NEEDED)}"
            yield document.finding("solution", (), what, "Complete it")
        elif content.readable(path) and not any(
            covers(entry, document.data) for _, _, entry in entries
        ):
            what = f"{document.data['kind']} {dig(document.data, 'metadata.name')} is never reset"
            fix = f"Add it to {path}, above what it lives in"
            yield document.finding("reset", ("metadata", "name"), what, fix)


def acted(content: Content) -> Iterator[Finding]:
    """What a solution does, rather than applies, is a list of changes that there are."""
    for path in _files(content):
        if path.name.endswith(ACTS):
            for document in content.read(path):
                acts = document.data if isinstance(document.data, list) else [document.data]
                for at, act in enumerate(acts):
                    for where, what in faults_of((at,), act):
                        yield document.finding("solution", where, what, "Mend the act")


def broken(content: Content) -> Iterator[Finding]:
    """The demo plants a fault in every task, and knows who must catch it."""
    path = LabFolder(content.root).faults
    ids = {entry.id for entry in content.criteria}
    caught: set[str] = set()
    for document in content.read(path):
        for _, at, entry in _entries(document):
            name = str(entry.get("caught_by"))
            caught.add(name)
            if name not in ids and not content.partial_tasks:
                what = f"caught_by {name} is no criterion"
                yield document.finding("breaks", (at,), what, "Name the criterion that must fail")
    for document, task in zip(content.tasks, content.task_ids, strict=True):
        own = {entry.id for entry in content.criteria if entry.document is document}
        if own and not own & caught and content.readable(path):
            what = f"no fault of {task} is planted by `labgrader demo`"
            yield document.finding("breaks", (), what, f"Add one to {path}")


_NEEDED = ("apiVersion", "kind", "metadata.name")


def _files(content: Content) -> Iterator[Path]:
    """Yield every file of every solution, those that are done by hand included."""
    for task in dict.fromkeys(content.task_ids):
        folder = LabFolder(content.root).solution(task)
        yield from sorted([*folder.glob("*.yaml"), *folder.glob("manual/*.yaml")])


def _manifests(content: Content) -> Iterator[Document]:
    for path in _files(content):
        if not path.name.endswith(ACTS):
            yield from content.read(path)


def _entries(document: Document) -> Iterator[tuple[Document, int, Mapping[str, Any]]]:
    listed = document.data if isinstance(document.data, list) else []
    for at, entry in enumerate(listed):
        if isinstance(entry, Mapping):
            yield document, at, entry


def covers(entry: Mapping[str, Any], manifest: Mapping[str, Any]) -> bool:
    """Whether a reset with this entry removes the object."""
    same_kind = all(entry.get(key) == manifest.get(key) for key in ("apiVersion", "kind"))
    same_place = entry.get("namespace") == dig(manifest, "metadata.namespace")
    return same_kind and same_place and entry.get("name") in (None, dig(manifest, "metadata.name"))


RULES = (solved, taken_back, acted, broken)
