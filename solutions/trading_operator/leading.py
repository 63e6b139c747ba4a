"""Works while this process leads, and only then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from trading_operator.lease import Elector

log = logging.getLogger(__name__)
RELEASE_SECONDS = 2.0


class Leading:
    """Ties work to a Lease.

    Args:
        work: what to do while leading; it is cancelled when the leader's own deadline is over.
    """

    def __init__(self, elector: Elector, work: Callable[[], Awaitable[None]]) -> None:
        self._elector, self._work = elector, work
        self._term: asyncio.Task[None] | None = None
        self._limit: asyncio.Timeout | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Contend, work, and contend again until ``stop``; then release the Lease.

        Raises:
            Exception: what escaped from the work. The Lease is released then, too.
        """
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                step = asyncio.create_task(self._elector.step())
                await _first(step, stopping)
                if stop.is_set():
                    await _end(step)
                    break
                await self._adjust()
                waited: list[asyncio.Task[None] | asyncio.Task[bool]] = [stopping]
                waited += [self._term] if self._term else []
                await asyncio.wait(
                    waited, timeout=step.result(), return_when=asyncio.FIRST_COMPLETED
                )
        finally:
            await _end(stopping)
            if self._term:
                await _end(self._term)
            with suppress(TimeoutError):
                async with asyncio.timeout(RELEASE_SECONDS):
                    await self._elector.release()

    async def _adjust(self) -> None:
        """Begin a term, prolong it, or end it."""
        if self._term and self._term.done():
            term, self._term = self._term, None
            term.result()  # raises what escaped
        if self._term is None:
            if self._elector.leads:
                self._term = asyncio.create_task(self._serve())
        elif self._limit:
            now = asyncio.get_running_loop().time()
            with suppress(RuntimeError):  # it is just ending
                self._limit.reschedule(now + self._elector.until_deadline())

    async def _serve(self) -> None:
        log.info("leading", extra={"identity": self._elector.identity})
        try:
            async with asyncio.timeout(self._elector.until_deadline()) as self._limit:
                await self._work()
        except TimeoutError:
            log.warning("not leading any more", extra={"identity": self._elector.identity})


async def _first(*tasks: asyncio.Task[float] | asyncio.Task[bool]) -> None:
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def _end(task: asyncio.Task[float] | asyncio.Task[bool] | asyncio.Task[None]) -> None:
    """Cancel a task and wait until it has ended, however."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # it was told where it belongs, or nobody needs it
