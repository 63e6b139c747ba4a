"""The state of a session: time, score, exam. How events become it is in ``reducer``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from labgrader.model.modes import Mode
from labgrader.model.task import Lab, Task

HEARTBEAT_SECONDS = 5.0
"""How often a program that looks after a session says so."""

SILENCE_SECONDS = 3 * HEARTBEAT_SECONDS
"""After a heartbeat, a longer silence says that the program was gone, or the machine asleep."""


@dataclass(frozen=True, slots=True)
class Grading:
    """One grading: when (seconds of the session, time of day), and points by task.

    ``tasks`` are points by task as (earned, possible).
    """

    seconds: float
    tasks: dict[str, tuple[float, float]]
    passed: tuple[str, ...]
    at: datetime | None = None

    @property
    def earned(self) -> float:
        """The points of all tasks."""
        return sum(earned for earned, _ in self.tasks.values())


@dataclass(slots=True)
class SessionState:
    """A session as it stands.

    ``state`` is running, paused, closing (an exam that is being graded) or ended; ``silent`` says
    of one that runs that the program which looked after it is gone. ``seconds`` leaves out pauses
    and ``credited`` outages.
    ``spent`` are the seconds in which a task's own time ran, ``task`` is the one whose time runs
    now. ``factor`` stretches every budget; None where time is not limited. ``over`` says at which
    second the time of a task, or of the ``lab``, was found to be over. ``done`` is the task whose
    time rests because it is done. ``checks`` are outcome and points of each criterion when it was
    graded last.

    Of an exam: ``minutes`` is its own time limit and ``pass_mark`` the points that are needed (None
    where not set), ``chosen`` the tasks that it has (empty for all), ``breaks`` the seconds that it
    may rest and ``rested`` those that it did, ``absent`` the seconds in which labgrader was gone
    although nobody left it. ``how`` says what ended it (time, finish, end, void) and ``because``
    why it is void. ``final`` is the grading at the end, ``later`` the newest one after it.
    ``solved`` are the tasks that `solve` deployed; ``set_aside`` counts events that make no sense.
    """

    name: str
    lab: str = ""
    context: str = ""
    mode: Mode = Mode.PRACTICE
    factor: float | None = 1.0
    state: str = "running"
    silent: bool = False
    started_at: datetime | None = None
    seconds: float = 0.0
    credited: float = 0.0
    lost: bool = False
    task: str = ""
    done: str = ""
    spent: dict[str, float] = field(default_factory=dict)
    over: dict[str, float] = field(default_factory=dict)
    gradings: list[Grading] = field(default_factory=list)
    checks: dict[str, tuple[str, float]] = field(default_factory=dict)
    hints: list[str] = field(default_factory=list)
    solutions: list[str] = field(default_factory=list)
    first_failed: dict[str, float] = field(default_factory=dict)
    first_passed: dict[str, float] = field(default_factory=dict)
    minutes: float | None = None
    pass_mark: float | None = None
    chosen: tuple[str, ...] = ()
    breaks: float = 0.0
    rested: float = 0.0
    absent: float = 0.0
    how: str = ""
    because: str = ""
    final: Grading | None = None
    later: Grading | None = None
    ended_at: datetime | None = None
    solved: list[str] = field(default_factory=list)
    set_aside: int = 0

    @property
    def best(self) -> dict[str, tuple[float, float]]:
        """The best points of each task so far."""
        return self.best_until(float("inf"))

    @property
    def earned(self) -> float:
        """The points: of an exam those at its end, else the best of all tasks together."""
        if self.final is not None:
            return self.final.earned
        return sum(earned for earned, _ in self.best.values())

    @property
    def points(self) -> dict[str, tuple[float, float]]:
        """The points of each task that count: of an exam those at its end, else the best."""
        return self.best if self.final is None else self.final.tasks

    def best_until(self, seconds: float) -> dict[str, tuple[float, float]]:
        """Return the best points of each task that a grading showed by then."""
        best: dict[str, tuple[float, float]] = {}
        for grading in self.gradings:
            if grading.seconds <= seconds:
                for task, points in grading.tasks.items():
                    best[task] = max(best.get(task, (0.0, points[1])), points)
        return best

    def budget(self, seconds: float) -> float | None:
        """Return what is allowed for a budget of ``seconds``; None: as long as it takes."""
        return None if self.factor is None else seconds * self.factor

    def whole(self, lab: Lab) -> float | None:
        """Return the seconds that are allowed for the whole session; None: as long as it takes."""
        own = sum(task.budget_seconds for task in self.tasks_of(lab))
        return self.budget(own if self.minutes is None else self.minutes * 60)

    def tasks_of(self, lab: Lab) -> tuple[Task, ...]:
        """Return the tasks of the lab that the session has."""
        return tuple(task for task in lab.tasks if not self.chosen or task.id in self.chosen)

    def left(self, lab: Lab) -> float | None:
        """Return the seconds that are left of the session, negative when it is over."""
        whole = self.whole(lab)
        return None if whole is None else whole - self.seconds

    @property
    def runs(self) -> Mode:
        """The mode whose rules hold now: those of practice when the session has ended."""
        return Mode.PRACTICE if self.state == "ended" else self.mode

    @property
    def is_exam(self) -> bool:
        """Whether this is an exam that has not ended."""
        return self.runs is Mode.EXAM

    @property
    def runs_on(self) -> bool:
        """Whether the clock cannot be paused: of an exam or a timed session that has not ended."""
        return self.runs is not Mode.PRACTICE

    @property
    def break_left(self) -> float:
        """The seconds of breaks that are left."""
        return max(0.0, self.breaks - self.rested)
