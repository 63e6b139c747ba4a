"""A lab's content as the rules see it: everything that can be read, and what could not."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labgrader.author.check_sources import CheckSources, causes, read_sources
from labgrader.author.reading import Document, Finding, documents, maps, repeated
from labgrader.content.check_files import LoadFault, load_checks
from labgrader.content.lab_folder import LabFolder, task_id
from labgrader.grading.registry import Check


@dataclass(frozen=True, slots=True)
class CriterionEntry:
    """One criterion as it stands in a task file."""

    id: str
    data: Mapping[str, Any]
    step: Mapping[str, Any]
    document: Document
    where: tuple[str | int, ...]

    @property
    def check(self) -> str:
        """The name of the check that judges it."""
        return str(self.data.get("check", self.id))

    def finding(self, rule: str, key: str, what: str, fix: str) -> Finding:
        """Return a finding about one field, or (``key`` empty) about the criterion itself."""
        where = (*self.where, key) if key else self.where
        return self.document.finding(rule, where, what, fix)


@dataclass(slots=True)
class Content:
    """Everything that the rules look at. ``unreadable`` holds what reading alone found out.

    What rests on a file that cannot be read is not judged: the finding is the file.
    """

    root: Path
    lab: list[Document] = field(default_factory=list)
    tasks: list[Document] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    cases: list[Document] = field(default_factory=list)
    unreadable: list[Finding] = field(default_factory=list)
    sources: CheckSources = field(default_factory=lambda: CheckSources(Path()))
    not_loaded: tuple[LoadFault, ...] = ()
    _read: dict[Path, list[Document]] = field(default_factory=dict)

    @property
    def cases_folder(self) -> Path:
        """Where the cases are; an installed lab has none."""
        return LabFolder(self.root).cases

    @property
    def criteria(self) -> list[CriterionEntry]:
        """All criteria in the order of the lab, as far as they can be read."""
        return [entry for document in self.tasks for entry in _criteria(document)]

    @property
    def task_ids(self) -> list[str]:
        """``task1`` and so on, in the order of the files that can be read."""
        return [task_id(document.path) for document in self.tasks]

    @property
    def named_tasks(self) -> list[str]:
        """The same of all files, whether or not they can be read."""
        return [task_id(path) for path in LabFolder(self.root).task_files]

    @property
    def partial_tasks(self) -> list[Path]:
        """The task files of which some criteria may not be known; then none is called missing."""
        whole = {document.path for document in self.tasks if _is_whole(document)}
        files = LabFolder(self.root).task_files
        return [path for path in files if path not in whole or not self.readable(path)]

    def readable(self, path: Path) -> bool:
        """Whether a file could be read, as far as it was tried; a key may stand in it twice."""
        return all(one.path != path or one.rule == "twice" for one in self.unreadable)

    def may_declare(self, check: str) -> bool:
        """Whether a file that does not load could declare a check."""
        texts = [fault.text for fault in self.not_loaded]
        return any(re.search(rf"\b{re.escape(check)}\b", text) for text in texts)

    def read(self, path: Path) -> list[Document]:
        """Read one file, once for all rules; what is wrong with it as YAML is kept."""
        if path not in self._read:
            self._read[path], findings = documents(path)
            self.unreadable.extend(findings)
        return self._read[path]

    def read_one(self, path: Path) -> list[Document]:
        """Read a file that holds one document, no more and no less."""
        found = self.read(path)
        if len(found) != 1 and all(finding.path != path for finding in self.unreadable):
            what = f"the file holds {len(found)} documents"
            self.unreadable.append(Finding(path, 1, "yaml", what, "One file is one document"))
        return found[:1]


def read_content(root: Path) -> Content:
    """Read all that there is under ``root``; never raises for what stands in the files."""
    content = Content(root)
    content.lab = content.read_one(LabFolder(root).manifest)
    for path in LabFolder(root).task_files:
        content.tasks.extend(content.read_one(path))
    _load(content)
    for path in LabFolder(root).case_files:
        content.cases.extend(content.read(path))
    return content


def place_of(check: Check) -> tuple[Path, int]:
    """Return file and line of a check's function."""
    code = inspect.unwrap(check.judge).__code__
    return Path(code.co_filename), code.co_firstlineno


def _is_whole(document: Document) -> bool:
    """Whether all criteria of a task can be found: they are in the lists where they belong."""
    steps = [step for _, step in maps(document.data, "steps")]
    known = ((document.data, ("steps",)), *((step, _STEP_LISTS) for step in steps))
    lost = any(getattr(key, "value", "") in _LISTS for key in repeated(document.node))
    return bool(steps) and not lost and not any(_lists(data) - {*names} for data, names in known)


def _lists(data: Any) -> set[Any]:
    """Return the keys under which lists of mappings are."""
    pairs = data.items() if isinstance(data, Mapping) else ()
    return {key for key, value in pairs if isinstance(value, list) and _has_maps(value)}


def _has_maps(listed: list[Any]) -> bool:
    return any(isinstance(entry, Mapping) for entry in listed)


_STEP_LISTS = ("snippets", "errata", "criteria")
_LISTS = ("steps", "criteria")


def _criteria(document: Document) -> Iterator[CriterionEntry]:
    for at_step, step in maps(document.data, "steps"):
        for at, data in maps(step, "criteria"):
            where = ("steps", at_step, "criteria", at)
            yield CriterionEntry(str(data.get("id", "")), data, step, document, where)


def _load(content: Content) -> None:
    """Load the check files; what is wrong with one does not hide the next."""
    folder = LabFolder(content.root).checks
    loaded = load_checks(folder)
    content.checks.extend(loaded.checks)
    content.not_loaded = loaded.faults
    content.sources = read_sources(folder)
    content.unreadable.extend(causes(loaded.faults, content.sources))
