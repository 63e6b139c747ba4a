"""What tests of sessions and exams share: clocks, a lab of one step, and a workbench."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from labgrader.errors import LabError
from labgrader.learning.sessions.clock import Moment
from labgrader.learning.sessions.recorder import SessionRecorder
from labgrader.model.task import Criterion, Lab, Step, Task
from tests.support.reports import graded

CRITERION = Criterion("it", "it", "It", "1.1", 20)


def lab(*minutes: int, **more: float) -> Lab:
    step = Step("1.1", "Step", "Do it", criteria=(CRITERION,))
    tasks = (
        Task(f"task{n}", "Task", "Story", m * 60, (step,)) for n, m in enumerate(minutes or (6,), 1)
    )
    return replace(Lab("lab", "Lab", "ns", tuple(tasks), Path()), **more)


class Bench:
    """A workbench whose cluster earns what a test says, and is there or not."""

    def __init__(self, *points: float) -> None:
        self.points = list(points)
        self.graded = 0
        self.error: LabError | None = None
        self.cluster = self
        self.catalog = self
        self.lab = lab()

    def version(self) -> str:
        if self.error:
            raise self.error
        return "v1"

    def grade(self, criteria, listener):
        self.graded += 1
        return graded(self.points.pop(0) if len(self.points) > 1 else self.points[0])


class Machine:
    """A machine's clocks, which a test moves and sets."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, 12, tzinfo=UTC)
        self.boot, self.up = "one", 100.0

    def __call__(self) -> Moment:
        return Moment(self.at, self.boot, self.up)

    def tick(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.up += seconds

    def set_clock(self, hours: float) -> None:
        self.at += timedelta(hours=hours)

    def restart(self, seconds: float) -> None:
        self.tick(seconds)
        self.boot, self.up = self.boot + "+", 1.0


def attend(machine: Machine, session_recorder: SessionRecorder, seconds: int) -> None:
    """Let the time pass with somebody there, heart beating."""
    for _ in range(seconds // 5):
        machine.tick(5)
        session_recorder.note("alive")
