"""Measures the time spent on each task. The clock comes from outside, so tests need no waiting."""

from __future__ import annotations

from collections.abc import Callable


class Stopwatch:
    """One watch for all tasks; at most one task's time runs.

    Args:
        clock: seconds from any start, never going back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._spent: dict[str, float] = {}
        self._running: str | None = None
        self._since = 0.0

    @property
    def running(self) -> str | None:
        """The task whose time runs."""
        return self._running

    def start(self, task_id: str) -> None:
        """Let the time of ``task_id`` run; any other task's stands still."""
        self.pause()
        self._running, self._since = task_id, self._clock()

    def pause(self) -> None:
        """Stop whatever runs, keeping its time."""
        if self._running is not None:
            self._spent[self._running] = self.elapsed(self._running)
            self._running = None

    def toggle(self, task_id: str) -> bool:
        """Start or pause ``task_id``; return whether it runs now."""
        if self._running == task_id:
            self.pause()
            return False
        self.start(task_id)
        return True

    def elapsed(self, task_id: str) -> float:
        """Return the seconds spent on ``task_id`` so far."""
        spent = self._spent.get(task_id, 0.0)
        if self._running == task_id:
            spent += self._clock() - self._since
        return spent


def as_clock(seconds: float) -> str:
    """Return ``mm:ss``; an hour is 60 minutes here, as people in an exam count."""
    whole = int(seconds)
    return f"{whole // 60:02d}:{whole % 60:02d}"
