"""Events of a run: started, finished. CLI, TUI and reports receive the same ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from labgrader.model.result import CheckResult, Report


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run began; ``criteria`` are the ids that will be judged, in the order of the lab."""

    criteria: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckStarted:
    """A check is being judged now."""

    id: str


@dataclass(frozen=True, slots=True)
class CheckFinished:
    """A check was judged, was blocked, or could not be judged."""

    result: CheckResult


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run is over; ``report`` is complete, also for checks that ran out of time."""

    report: Report


Event = RunStarted | CheckStarted | CheckFinished | RunFinished
Listener = Callable[[Event], None]
"""Called from worker threads, one call at a time."""
