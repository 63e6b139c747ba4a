"""What a session's events add up to: its state, its time, its score (ADR 19)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from labgrader.model.modes import Mode
from labgrader.session.moments import Moment
from labgrader.session.store import Entry

HEARTBEAT_SECONDS = 5.0
"""How often a program that looks after a session says so."""

SILENCE_SECONDS = 3 * HEARTBEAT_SECONDS
"""After a heartbeat, a longer silence says that the program was gone, or the machine asleep."""


@dataclass(frozen=True, slots=True)
class Grading:
    """One grading: when (seconds of the session), and the points by task as (earned, possible)."""

    seconds: float
    tasks: dict[str, tuple[float, float]]
    passed: tuple[str, ...]

    @property
    def earned(self) -> float:
        """The points of all tasks."""
        return sum(earned for earned, _ in self.tasks.values())


@dataclass(slots=True)
class Record:
    """A session as it stands.

    ``state`` is running, paused or ended; ``silent`` says of one that runs that the program which
    looked after it is gone. ``seconds`` leaves out pauses and ``credited`` outages.
    ``spent`` are the seconds in which a task's own time ran, ``task`` is the one whose time runs
    now. ``factor`` stretches every budget; None where time is not limited. ``over`` says at which
    second the time of a task, or of the ``lab``, was found to be over. ``done`` is the task whose
    time rests because it is done. ``checks`` are outcome and points of each criterion when it was
    graded last.
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

    @property
    def best(self) -> dict[str, tuple[float, float]]:
        """The best points of each task so far."""
        return self.best_until(float("inf"))

    @property
    def earned(self) -> float:
        """The best points of all tasks together."""
        return sum(earned for earned, _ in self.best.values())

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

    @property
    def is_exam(self) -> bool:
        """Whether this is an exam that goes on."""
        return self.mode is Mode.EXAM and self.state != "ended"


class Tally:
    """Adds events up, one after the other."""

    def __init__(self, name: str) -> None:
        self._record = Record(name)
        self._last: Moment | None = None
        self._attended = False

    def add(self, entry: Entry) -> None:
        """Take one event. Kinds that are not known (of a later version) only let time pass."""
        self._pass(self._record, entry.moment)
        self._last = entry.moment
        change = _CHANGES.get(entry.kind)
        if change is not None:
            change(self._record, entry.data)
        if entry.kind == "started":
            self._record.started_at = entry.moment.at
        if entry.kind == "alive":
            self._attended = True
        elif entry.kind in ("started", "paused", "resumed"):
            self._attended = False

    def at(self, now: Moment) -> Record:
        """Return the session as it stands at ``now``; its lists are shared and only ever grow."""
        record = replace(self._record, spent=dict(self._record.spent))
        self._pass(record, now)
        return record

    def _pass(self, record: Record, now: Moment) -> None:
        """Let the time pass since the last event."""
        record.silent = False
        if self._last is None or record.state != "running":
            return
        gone = self._last.until(now)
        record.silent = silent = self._attended and gone > SILENCE_SECONDS
        if record.lost and not silent:
            record.credited += gone
        elif record.mode is Mode.EXAM or not silent:
            record.seconds += gone
            if record.task:
                record.spent[record.task] = record.spent.get(record.task, 0.0) + gone


def replay(entries: Sequence[Entry], now: Moment) -> Record:
    """Add the events of one session up. A clock that was set back never makes time negative."""
    return tally_of(entries[0].session, entries).at(now)


def tally_of(name: str, entries: Iterable[Entry]) -> Tally:
    """Return the sum of ``entries``, to which more can be added."""
    tally = Tally(name)
    for entry in entries:
        tally.add(entry)
    return tally


Data = Mapping[str, Any]


def _start(record: Record, data: Data) -> None:
    record.lab, record.context = str(data["lab"]), str(data["context"])
    record.mode = Mode(data.get("mode", Mode.PRACTICE))  # events of version 1 have none
    factor = data.get("factor", 1.0)
    record.factor = None if factor is None else float(factor)


def _become(state: str) -> Callable[[Record, Data], None]:
    def change(record: Record, data: Data) -> None:
        record.state, record.lost = state, False
        record.done = str(data.get("done", ""))

    return change


def _work_on(record: Record, data: Data) -> None:
    record.task = str(data["task"])


def _lose(record: Record, data: Data) -> None:
    del data
    record.lost = True


def _find(record: Record, data: Data) -> None:
    del data
    record.lost = False


def _pass_check(record: Record, data: Data) -> None:
    record.first_passed.setdefault(str(data["criterion"]), record.seconds)


def _hint(record: Record, data: Data) -> None:
    record.hints.append(str(data["criterion"]))


def _solution(record: Record, data: Data) -> None:
    record.solutions.append(str(data["step"]))


def _over(record: Record, data: Data) -> None:
    record.over.setdefault(str(data["what"]), record.seconds)


def _grade(record: Record, data: Data) -> None:
    tasks = {task: (float(a), float(b)) for task, (a, b) in data["tasks"].items()}
    passed = tuple(data["passed"])
    record.gradings.append(Grading(record.seconds, tasks, passed))
    earned, possible = tasks.get(record.done, (0.0, 0.0))
    if earned < possible:
        record.done = ""
    for name, (outcome, earned) in data.get("checks", {}).items():
        record.checks[str(name)] = (str(outcome), float(earned))
    for criterion in passed:
        record.first_passed.setdefault(criterion, record.seconds)
    for criterion in data.get("failed", ()):  # events of version 1 have none
        record.first_failed.setdefault(str(criterion), record.seconds)


_CHANGES: Mapping[str, Callable[[Record, Data], None]] = {
    "started": _start,
    "task": _work_on,
    "paused": _become("paused"),
    "resumed": _become("running"),
    "ended": _become("ended"),
    "lost": _lose,
    "back": _find,
    "passed": _pass_check,
    "graded": _grade,
    "hinted": _hint,
    "revealed": _solution,
    "over": _over,
}
