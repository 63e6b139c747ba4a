"""What a session's events add up to: its state, its time, its score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from labgrader.session.store import Entry


@dataclass(frozen=True, slots=True)
class Grading:
    """One grading: when (seconds of the session), and the points by task as (earned, possible)."""

    seconds: float
    tasks: dict[str, tuple[float, float]]
    passed: tuple[str, ...]


@dataclass(slots=True)
class Record:
    """A session as it stands.

    ``state`` is running, paused or ended; ``seconds`` leaves out pauses.
    """

    name: str
    lab: str = ""
    context: str = ""
    state: str = "running"
    started_at: datetime | None = None
    seconds: float = 0.0
    gradings: list[Grading] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    first_failed: dict[str, float] = field(default_factory=dict)
    first_passed: dict[str, float] = field(default_factory=dict)

    @property
    def best(self) -> dict[str, tuple[float, float]]:
        """The best points of each task so far."""
        best: dict[str, tuple[float, float]] = {}
        for grading in self.gradings:
            for task, points in grading.tasks.items():
                best[task] = max(best.get(task, (0.0, points[1])), points)
        return best


def replay(entries: Sequence[Entry], now: datetime) -> Record:
    """Add the events up. A clock that was set back never makes time negative."""
    record = Record(entries[0].session)
    running_since: datetime | None = None

    def elapsed(until: datetime) -> float:
        since = max(0.0, (until - running_since).total_seconds()) if running_since else 0.0
        return record.seconds + since

    for entry in entries:
        if entry.kind == "started":
            record.lab, record.context = entry.data["lab"], entry.data["context"]
            record.started_at = running_since = entry.at
        elif entry.kind in ("paused", "ended"):
            record.seconds, running_since = elapsed(entry.at), None
            record.state = entry.kind
        elif entry.kind == "resumed":
            running_since, record.state = entry.at, "running"
        elif entry.kind == "hinted":
            record.hints.append(str(entry.data["criterion"]))
        elif entry.kind == "graded":
            _grade(record, entry, elapsed(entry.at))
    record.seconds = elapsed(now)
    return record


def _grade(record: Record, entry: Entry, seconds: float) -> None:
    tasks = {task: (float(a), float(b)) for task, (a, b) in entry.data["tasks"].items()}
    passed = tuple(entry.data["passed"])
    record.gradings.append(Grading(seconds, tasks, passed))
    for criterion in passed:
        record.first_passed.setdefault(criterion, seconds)
    for criterion in entry.data.get("failed", ()):  # events of version 1 have none
        record.first_failed.setdefault(str(criterion), seconds)
