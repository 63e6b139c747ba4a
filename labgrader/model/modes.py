"""How a learner works on the lab: practice, timed or exam, and how much is shown of the way."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """Practice can be paused and gives hints; timed shows verdicts only; an exam, only its end."""

    PRACTICE = "practice"
    TIMED = "timed"
    EXAM = "exam"


class Level(StrEnum):
    """``guided`` shows everything; ``gaps`` manifests to be completed; ``exam`` requirements."""

    GUIDED = "guided"
    GAPS = "gaps"
    EXAM = "exam"

    def next(self) -> Level:
        """Return the level after this one, round and round."""
        levels = list(Level)
        return levels[(levels.index(self) + 1) % len(levels)]


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one exam beside its factor.

    Args:
        minutes: its time limit; None for the sum of its tasks' budgets.
        pass_mark: the points that are needed; None where none is set.
        breaks: minutes in which the clock may rest.
        tasks: the ids of its tasks; empty for all.
    """

    minutes: float | None = None
    pass_mark: float | None = None
    breaks: float = 0.0
    tasks: tuple[str, ...] = ()
