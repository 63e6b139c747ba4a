"""Reads a lab's content: ``tasks/lab.yaml``, ``tasks/task*.yaml`` and ``checks/*.py``.

Content is trusted to be well-formed here, and built straight into the model. Where that fails,
``lint`` reads the same files again with the JSON Schema and says which line is wrong and how to
mend it; so the usual start pays neither for jsonschema nor for line numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labgrader.content import validation
from labgrader.content.check_files import load_checks
from labgrader.content.lab_folder import LabFolder
from labgrader.content.lab_folder import task_id as id_of_task
from labgrader.content.lab_pack import read_manifest
from labgrader.errors import ContentError
from labgrader.grading.registry import Check
from labgrader.model.task import Criterion, Erratum, Lab, Mistake, Snippet, Step, Task
from labgrader.util.bounded_yaml import read_documents
from labgrader.util.suggestion import unknown


@dataclass(frozen=True, slots=True)
class Catalog:
    """A lab with the checks that judge it; ``faults`` are the check files that did not load."""

    lab: Lab
    checks: Mapping[str, Check]
    faults: tuple[str, ...] = ()

    def select(self, names: Sequence[str]) -> list[Criterion]:
        """Return the criteria that ``names`` mean: ``all``, ``task1``, ``task1.2``, a check's id.

        Raises:
            UsageError: a name means nothing here; says which do.
        """
        if not names or "all" in names:
            return list(self.lab.criteria())
        chosen: set[str] = set()
        for name in names:
            ids = {c.id for c in self.lab.criteria() if name in self._names(c)}
            if not ids:
                tasks = ", ".join(task.id for task in self.lab.tasks)
                raise unknown(
                    "task, step or check",
                    name,
                    ["all", *(one for c in self.lab.criteria() for one in sorted(self._names(c)))],
                    f"Known are: all, {tasks}, steps such as {self._example()}, and the ids"
                    " that `labgrader tasks` lists",
                )
            chosen |= ids
        return [c for c in self.lab.criteria() if c.id in chosen]

    def criterion(self, criterion_id: str) -> Criterion:
        """Return one criterion by id; raise ``UsageError`` where there is none."""
        return self.select([criterion_id])[0]

    def _names(self, criterion: Criterion) -> set[str]:
        task = next(t for t in self.lab.tasks if criterion in t.criteria())
        step = criterion.step.split(".", 1)[1]
        return {criterion.id, task.id, f"{task.id}.{step}"}

    def _example(self) -> str:
        return f"{self.lab.tasks[0].id}.1"


def load(root: Path) -> Catalog:
    """Read the content under ``root``.

    Raises:
        ContentError: with file, line, what is wrong and the fix.
    """
    folder = LabFolder(root)
    head, files = read_manifest(folder), task_files(folder)
    try:
        tasks = tuple(_task(_parse(path), path) for path in files)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        validation.explain(folder.manifest, files)
        raise ContentError(
            f"The content in {root} cannot be read: {error!r}", "See docs/writing-a-check.md"
        ) from error
    exam = (head.exam_minutes, head.exam_pass)
    lab = Lab(head.id, head.title, head.namespace, tasks, root, *exam)
    loaded = load_checks(folder.checks, lab.id)
    checks = loaded.by_id(criterion.check for criterion in lab.criteria())
    catalog = Catalog(lab, checks, tuple(map(str, loaded.faults)))
    validation.references(catalog.lab, catalog.checks)
    return catalog


def task_files(folder: LabFolder) -> list[Path]:
    """Return the task files of a lab, which has at least one."""
    files = folder.task_files
    if not files:
        raise ContentError(
            f"{folder.root}/tasks has no task*.yaml", "Name a content folder with --content"
        )
    return files


def _parse(path: Path) -> dict[str, Any]:
    documents = read_documents(path)
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise TypeError(f"{path} holds no mapping")
    return documents[0]


def _task(data: dict[str, Any], path: Path) -> Task:
    task_id = id_of_task(path)
    number = task_id.removeprefix("task")
    steps = tuple(
        _step(step, f"{number}.{index}", path) for index, step in enumerate(data["steps"], 1)
    )
    return Task(task_id, data["title"], data["story"], int(data["budget_seconds"]), steps)


def _step(data: dict[str, Any], step_id: str, path: Path) -> Step:
    return Step(
        id=step_id,
        title=data["title"],
        instructions=data["instructions"],
        snippets=tuple(
            Snippet(s["title"], s["language"], s["body"]) for s in _many(data, "snippets")
        ),
        solution=tuple(_many(data, "solution")),
        gaps=tuple(_many(data, "gaps")),
        errata=tuple(
            Erratum(e["id"], e["text"], e["lesson"], e.get("predict"))
            for e in _many(data, "errata")
        ),
        criteria=tuple(_criterion(c, step_id, path) for c in _many(data, "criteria")),
    )


def _criterion(data: dict[str, Any], step_id: str, path: Path) -> Criterion:
    return Criterion(
        id=data["id"],
        check=data.get("check", data["id"]),
        title=data["title"],
        step=step_id,
        points=int(data["points"]),
        optional=bool(data.get("optional", False)),
        needs=tuple(_many(data, "needs")),
        parameters=dict(data.get("with") or {}),
        hints=tuple(_many(data, "hints")),
        mistakes=tuple(
            Mistake(m["when"], m["hint"], m.get("erratum")) for m in _many(data, "mistakes")
        ),
        docs=tuple(_many(data, "docs")),
        erratum=data.get("erratum"),
        source=str(path),
    )


def _many(data: Mapping[str, Any], key: str) -> list[Any]:
    return list(data.get(key) or ())
