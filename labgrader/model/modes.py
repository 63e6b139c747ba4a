"""How somebody works on the lab: practice or exam, and how much is shown of the way."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """Practice can be paused and gives hints; an exam's clock runs on."""

    PRACTICE = "practice"
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
