"""What the TUI is started with. Imports nothing that the first paint could wait for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from labgrader.model.modes import Level, Mode, Terms

if TYPE_CHECKING:
    from labgrader.app.workbench import Workbench
    from labgrader.learning.sessions.sessions import Sessions

Progress = Callable[[str, str], None]
"""Told a component and what it does now; called from any thread."""


def local_now() -> datetime:
    """Return the time of day where the learner sits."""
    return datetime.now(UTC).astimezone()


@dataclass(frozen=True, slots=True)
class Launch:
    """What to open, and how.

    ``up`` starts the lab's own cluster and returns the workbench on it; None where a cluster was
    chosen. ``mode``, ``factor`` and ``level`` are what the welcome screen offers first; ``at_once``
    begins with them, or goes on with the open session, without asking. ``terms`` are of an exam.
    """

    workbench: Workbench
    all_sessions: Callable[[], Sessions]
    up: Callable[[Progress], Workbench] | None = None
    mode: Mode = Mode.PRACTICE
    factor: float | None = 1.0
    level: Level = Level.GUIDED
    at_once: bool = False
    now: Callable[[], datetime] = local_now
    terms: Terms = field(default_factory=Terms)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the learner chose: a session to go on with, or a new one."""

    mode: Mode = Mode.PRACTICE
    factor: float | None = 1.0
    level: Level = Level.GUIDED
    resume: str = ""
    terms: Terms = field(default_factory=Terms)
