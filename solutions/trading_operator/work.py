"""The queue of names to look at: each once, by one worker at a time, later after a failure."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Protocol

FIRST_DELAY, LONGEST_DELAY = 0.5, 60.0


class Timer(Protocol):
    """Something that was put off and can be called off."""

    def cancel(self) -> None:
        """Call it off."""


Later = Callable[[float, Callable[[], None]], Timer]
"""Calls something after some seconds; ``loop.call_later`` is one."""


class WorkQueue:
    """Names that wait. A name that is added while it is worked on is worked on once more."""

    def __init__(self, later: Later) -> None:
        self._later = later
        self._waiting: dict[str, None] = {}  # a set that keeps the order
        self._busy: set[str] = set()
        self._again: set[str] = set()
        self._timers: dict[str, Timer] = {}
        self._failures: Counter[str] = Counter()
        self._some = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def add_unless_backing_off(self, name: str) -> None:
        """Something happened to ``name``: look at it, but not within the pause after a failure."""
        if not self._failures[name]:
            self.add(name)

    def add(self, name: str) -> None:
        """Look at ``name`` as soon as there is a free hand, whatever went wrong before."""
        if timer := self._timers.pop(name, None):
            timer.cancel()
        if name in self._busy:
            self._again.add(name)
        else:
            self._waiting[name] = None
            self._some.set()

    def add_later(self, name: str, seconds: float) -> None:
        """Look at ``name`` in ``seconds``, or sooner if something happens to it."""
        if timer := self._timers.pop(name, None):
            timer.cancel()
        self._timers[name] = self._later(seconds, lambda: self.add(name))

    def forget(self, name: str) -> None:
        """``name`` is gone: no more timers or failures of it."""
        if timer := self._timers.pop(name, None):
            timer.cancel()
        self._failures.pop(name, None)

    async def take(self) -> str:
        """Wait for a name; call ``done`` or ``failed`` with it afterwards."""
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        name = next(iter(self._waiting))
        del self._waiting[name]
        self._busy.add(name)
        return name

    def done(self, name: str, again_in: float | None) -> None:
        """It went well; look again after so many seconds (None: only if something happens)."""
        self._failures.pop(name, None)
        self._finish(name, again_in)

    def failed(self, name: str) -> float:
        """It went wrong: try again, each time after a longer pause. Return the pause."""
        delay = min(FIRST_DELAY * 2.0 ** min(self._failures[name], 16), LONGEST_DELAY)
        self._failures[name] += 1
        self._finish(name, delay)
        return delay

    def _finish(self, name: str, again_in: float | None) -> None:
        self._busy.discard(name)
        if name in self._again:
            self._again.discard(name)
            self.add(name)
        elif again_in is not None:
            self.add_later(name, again_in)
