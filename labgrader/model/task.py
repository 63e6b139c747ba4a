"""What a lab consists of: tasks, their steps, and the criteria that are graded.

Made from ``tasks/*.yaml`` by ``content.catalog``; see docs/writing-a-check.md for the format.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Erratum:
    """Something the lab's original text got wrong. ``lesson`` says what to learn from it.

    ``predict`` is a question of the quiz: what will the cluster answer?
    """

    id: str
    text: str
    lesson: str
    predict: str | None = None


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake that people make, known by a part of the reason (``when``), and its hint.

    ``erratum`` is set where the lab's original text leads to this mistake.
    """

    when: str
    hint: str
    erratum: str | None = None


@dataclass(frozen=True, slots=True)
class Criterion:
    """One graded requirement: which check runs, with which parameters, for how many points.

    ``id`` is unique in the lab and is what people type; ``check`` names the function that judges.
    ``needs`` are ids of criteria that must pass first. Optional criteria are bonus.
    """

    id: str
    check: str
    title: str
    step: str
    points: int
    optional: bool = False
    needs: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    hints: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    docs: tuple[str, ...] = ()
    erratum: str | None = None
    source: str = ""

    def erratum_for(self, reasons: Iterable[str]) -> str | None:
        """Return the erratum that led to what ``reasons`` say, if the text did."""
        told = " ".join(reasons).lower()
        keyed = (m.erratum for m in self.mistakes if m.erratum and m.when.lower() in told)
        return self.erratum or next(keyed, None)

    def hints_for(self, reasons: Iterable[str]) -> tuple[str, ...]:
        """Return the hints in rising order: first those for the mistakes that ``reasons`` show."""
        told = " ".join(reasons).lower()
        keyed = [mistake.hint for mistake in self.mistakes if mistake.when.lower() in told]
        return (*keyed, *self.hints)


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece to type or to read. ``language`` is ``bash`` or ``yaml``."""

    title: str
    language: str
    body: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a task. ``instructions`` is Markdown.

    ``solution`` names the files of the task's solution that belong to it; ``gaps`` are the fields
    whose values are left out of them where the learner fills the gaps.
    """

    id: str
    title: str
    instructions: str
    snippets: tuple[Snippet, ...] = ()
    solution: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    errata: tuple[Erratum, ...] = ()
    criteria: tuple[Criterion, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One timed task. ``budget_seconds`` is the time that the lab text allows for it."""

    id: str
    title: str
    story: str
    budget_seconds: int
    steps: tuple[Step, ...]

    def criteria(self) -> Iterator[Criterion]:
        """Yield the criteria in the order of the steps."""
        for step in self.steps:
            yield from step.criteria

    def deciding(self) -> list[Criterion]:
        """Return the criteria that decide whether the task is done."""
        return deciding(self.criteria())


@dataclass(frozen=True, slots=True)
class Lab:
    """A whole lab. ``namespace`` is where its objects live; ``root`` is its content folder.

    ``exam_minutes`` and ``exam_pass`` (points) hold for an exam; None where the manifest sets none.
    """

    id: str
    title: str
    namespace: str
    tasks: tuple[Task, ...]
    root: Path
    exam_minutes: float | None = None
    exam_pass: float | None = None

    @property
    def budget_seconds(self) -> int:
        """The time that the lab text allows for all tasks together."""
        return sum(task.budget_seconds for task in self.tasks)

    def criteria(self) -> Iterator[Criterion]:
        """Yield all criteria in the order of the lab."""
        for task in self.tasks:
            yield from task.criteria()

    def before(self, task_id: str) -> list[str]:
        """Return the ids of the tasks that come before one."""
        ids = [task.id for task in self.tasks]
        return ids[: ids.index(task_id)] if task_id in ids else []

    def task(self, task_id: str) -> Task | None:
        """Return the task with that id, or None."""
        return next((task for task in self.tasks if task.id == task_id), None)


def deciding(criteria: Iterable[Criterion]) -> list[Criterion]:
    """Return those that must pass for a whole to be done: all but bonus, where there is more."""
    everything = list(criteria)
    return [criterion for criterion in everything if not criterion.optional] or everything


def points_of(criteria: Iterable[Criterion]) -> int:
    """Return the points that can be reached; bonus comes on top and does not count."""
    return sum(criterion.points for criterion in criteria if not criterion.optional)
