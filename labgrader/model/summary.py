"""How a session went: what its report shows, whatever the report's form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from labgrader.model.checklist import Share, Ticked
from labgrader.model.pace import Standing


@dataclass(frozen=True, slots=True)
class Run:
    """One session in a line. ``seconds`` are without pauses and outages."""

    name: str
    mode: str
    state: str
    started_at: datetime | None
    seconds: float
    earned: float
    possible: float


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task: its points, its time, and its budget in this session (None: not limited)."""

    id: str
    title: str
    earned: float
    possible: float
    seconds: float
    budget: float | None
    done: bool


@dataclass(frozen=True, slots=True)
class Strength:
    """One concept: the points of the tasks that practise it, and how the quiz went.

    ``solved`` are those of the tasks that `solve` deployed: their points are no strength.
    """

    title: str
    earned: float
    possible: float
    quiz: str
    solved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Advice:
    """Something to practise next, and the command that begins it."""

    text: str
    command: str


@dataclass(frozen=True, slots=True)
class Exam:
    """What a report says of an exam alone.

    ``how`` is what ended it (time, finish, end, void), ``because`` why it is void, ``pass_mark``
    the points that are needed (None: not set), ``later`` the points of the newest grading after the
    end (None: there is none). In seconds: ``absent`` while labgrader was gone, ``rested`` in
    breaks, ``late`` from the end of the time to the grading.
    """

    how: str
    because: str = ""
    pass_mark: float | None = None
    later: float | None = None
    absent: float = 0.0
    rested: float = 0.0
    late: float = 0.0


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole session.

    ``at_the_bell`` are the points that an exam of an older version had when its time was over; None
    where it was not. ``exam`` is None for another session. ``solved`` are the tasks that `solve`
    deployed.
    ``course`` are the points over time, as (seconds, points).
    """

    lab: str
    run: Run
    factor: float | None
    credited: float
    at_the_bell: float | None
    tasks: tuple[TaskRow, ...]
    standing: Standing
    strengths: tuple[Strength, ...]
    advice: tuple[Advice, ...]
    checklists: tuple[Ticked, ...]
    domains: tuple[Share, ...]
    hints: tuple[str, ...]
    solutions: tuple[str, ...]
    course: tuple[tuple[float, float], ...]
    history: tuple[Run, ...]
    exam: Exam | None = None
    solved: tuple[str, ...] = ()
