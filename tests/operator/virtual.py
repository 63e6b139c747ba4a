"""A loop whose time is made: it jumps to the next thing to do. Hours pass in milliseconds."""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from trading_operator.client import ApiError, Unreachable


class _Selector(selectors.DefaultSelector):
    now = 1000.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout:
            self.now += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that never waits."""

    def __init__(self) -> None:
        self._made = _Selector()
        super().__init__(self._made)

    def time(self) -> float:
        return self._made.now


T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a virtual loop."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)


class FakeLeases:
    """One Lease in memory.

    Attributes:
        down: whether there is no answer.
        slowest: how long a request may take, in seconds.
        lost_answers: the part of the answers that never arrive.
    """

    def __init__(self, lease: dict[str, Any] | None = None, seed: int = 0) -> None:
        self._stored: list[Any] = [lease, 1]  # and its version; all lines share it
        self.down = False
        self.random = random.Random(seed)
        self.slowest = 0.0
        self.lost_answers = 0.0

    @property
    def lease(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._stored[0]
        return found

    def line(self) -> FakeLeases:
        """Return another way to the same Lease, which can be cut by itself."""
        other = FakeLeases()
        other._stored, other.random = self._stored, self.random
        other.slowest, other.lost_answers = self.slowest, self.lost_answers
        return other

    async def read(self) -> dict[str, Any] | None:
        await self._travel()
        found = None
        if self.lease is not None:
            found = {"metadata": {"resourceVersion": str(self._stored[1])}, "spec": {**self.lease}}
        await self._travel()
        return found

    async def create(self, spec: dict[str, Any]) -> dict[str, Any]:
        await self._travel()
        if self.lease is not None:
            raise ApiError(409, "it exists")
        self._store(spec)
        await self._travel(answer=True)
        return {}

    async def write(self, lease: dict[str, Any]) -> dict[str, Any]:
        await self._travel()
        if self.lease is None:
            raise ApiError(404, "it is gone")
        if lease["metadata"]["resourceVersion"] != str(self._stored[1]):
            raise ApiError(409, "it changed")
        self._store(lease["spec"])
        await self._travel(answer=True)
        return {}

    def put(self, spec: dict[str, Any] | None) -> None:
        """Somebody else changes it."""
        self._store(spec)

    def _store(self, spec: dict[str, Any] | None) -> None:
        self._stored[:] = [spec, self._stored[1] + 1]

    async def _travel(self, *, answer: bool = False) -> None:
        await asyncio.sleep(self.random.uniform(0, self.slowest) / 2)
        if self.down or (answer and self.random.random() < self.lost_answers):
            raise Unreachable("no answer")
