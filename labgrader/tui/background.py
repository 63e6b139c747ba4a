"""Work that may take long, in a thread of its own; the screen goes on meanwhile.

The thread touches no widget: it hands its result to the event loop, and whoever waits goes on.
It is a daemon, so that leaving the lab never waits for a cluster.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from labgrader.errors import LabError
from labgrader.util.machine import machine_errors

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Return what ``work`` returns.

    Raises:
        LabError: what ``work`` raised; anything else that it raised is made one.
    """
    loop = asyncio.get_running_loop()
    waiting: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: LabError | None) -> None:
        if waiting.done():  # whoever waited is gone
            return
        if error is not None:
            waiting.set_exception(error)
        else:
            waiting.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            with machine_errors():
                result = work()
        except LabError as raised:
            error = raised
        except Exception as raised:  # noqa: BLE001 - a thread's end would go unseen
            error = LabError(
                f"Unexpected {type(raised).__name__}: {raised}", "This is a fault of labgrader"
            )
        with suppress(RuntimeError):  # the lab was left: there is no loop any more
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="background", daemon=True).start()
    return await waiting
