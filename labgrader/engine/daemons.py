"""Work beside the work, in threads that never keep a program from ending.

An executor's threads do: the interpreter waits for them, and one of ours may hang on a dead cluster
for as long as its timeout.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def beside(call: Callable[[], T]) -> Future[T]:
    """Call it in a thread; the future holds what it returns or raises."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - handed on to whoever asks the future
            future.set_exception(error)

    threading.Thread(target=work, name="beside", daemon=True).start()
    return future


def spread(call: Callable[[T], None], items: Iterable[T], workers: int) -> None:
    """Call it for every item, ``workers`` at a time, and wait for all."""
    waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)

    def work() -> None:
        while True:
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            call(item)

    for future in [beside(work) for _ in range(workers)]:
        future.result()
