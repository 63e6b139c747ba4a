"""Daemon threads: background calls and a bounded parallel loop that never keep a program alive.

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


def run_in_background(call: Callable[[], T]) -> Future[T]:
    """Run a call in a daemon thread; the future holds what it returns or raises."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - handed on to whoever asks the future
            future.set_exception(error)

    threading.Thread(target=work, name="background", daemon=True).start()
    return future


def parallel_for(call: Callable[[T], None], items: Iterable[T], workers: int) -> None:
    """Run a call for every item, ``workers`` at a time, and wait for all."""
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

    for future in [run_in_background(work) for _ in range(workers)]:
        future.result()
