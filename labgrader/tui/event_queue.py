"""A queue of events from other threads, taken all at once: one repaint for many events."""

from __future__ import annotations

import threading
from collections.abc import Callable

from labgrader.tui.state import StateEvent


class Inbox:
    """Collects until somebody takes.

    Args:
        wake: called, from any thread, with the first fact after everything was taken.
    """

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._facts: list[tuple[int, StateEvent]] = []

    def put(self, generation: int, fact: StateEvent) -> None:
        """Add what grading number ``generation`` said. Called from any thread."""
        with self._lock:
            first = not self._facts
            self._facts.append((generation, fact))
        if first:
            self._wake()

    def take(self, generation: int) -> list[StateEvent]:
        """Return what that grading said since the last time; what an earlier one said is late."""
        with self._lock:
            facts, self._facts = self._facts, []
        return [fact for number, fact in facts if number == generation]
