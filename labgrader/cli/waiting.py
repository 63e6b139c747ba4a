"""What `check --wait` says while it waits: each result that changes, and what is still awaited."""

from __future__ import annotations

import threading
import time
from typing import Self

import rich_click as click

from labgrader.grading.events import CheckFinished, Event
from labgrader.model.result import CheckResult, Outcome, Report, Verdict
from labgrader.report.clean import one_line

EVERY_SECONDS = 10.0
SHOWN = 3


class Waiting:
    """Tells on standard error how a wait goes; use it in a ``with`` statement.

    Args:
        seconds: how long the wait may take.
        reasons: whether to say why something did not pass.
    """

    def __init__(self, seconds: float, *, reasons: bool = True) -> None:
        self._reasons = reasons
        self._seconds = seconds
        self._began = time.monotonic()
        self._results: dict[str, CheckResult] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._remind, name="waiting", daemon=True)

    def __enter__(self) -> Self:
        """Begin to say regularly what is awaited."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._stop.set()
        self._thread.join()

    def listen(self, event: Event) -> None:
        """Say which check has another outcome than before."""
        if not isinstance(event, CheckFinished):
            return
        result = event.result
        before = self._results.get(result.id)
        self._results[result.id] = result
        if before is None or before.outcome is not result.outcome:
            told = self._reasons and result.outcome is not Outcome.PASSED
            why = f": {result.reason}" if told else ""
            self._say(f"{result.step} {result.id} {result.outcome.value}{why}")

    def end(self, report: Report) -> None:
        """Say that the time is over, where it is."""
        if report.outcome is not Verdict.PASSED:
            self._say(f"not passed after {self._seconds:.0f} s")

    def _remind(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            open_ = [one for one in list(self._results.values()) if _is_awaited(one)]
            names = ", ".join(f"{one.step} {one.id}" for one in open_[:SHOWN])
            more = f" and {len(open_) - SHOWN} more" if len(open_) > SHOWN else ""
            self._say(f"waiting for {names or 'the first results'}{more}")

    def _say(self, text: str) -> None:
        passed = time.monotonic() - self._began
        click.echo(f"[{passed:.0f} of {self._seconds:.0f} s] {one_line(text, 200)}", err=True)


def _is_awaited(result: CheckResult) -> bool:
    return result.outcome is not Outcome.PASSED and not result.optional
