"""Scheduler of a run: which checks wait, run and are finished, and which ran out of time."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterable
from dataclasses import dataclass

from labgrader.errors import TimedOut
from labgrader.grading import scoring
from labgrader.grading.snapshot import ReadKey
from labgrader.model.result import CheckResult
from labgrader.model.task import Criterion


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a run may take: checks at a time; seconds for each, in all, and to settle."""

    workers: int = 8
    check_seconds: float = 10.0
    run_seconds: float = 60.0
    settle_seconds: float = 3.0


@dataclass(frozen=True, slots=True)
class FinishedCheck:
    """A result with what was read for it; None where no check came to an end."""

    result: CheckResult
    read_keys: frozenset[ReadKey] | None = None


class Scheduler:
    """What waits, what runs, what is done. Used by the scheduling thread alone, but ``inbox``."""

    def __init__(
        self, todo: list[Criterion], results: dict[str, CheckResult], limits: Limits
    ) -> None:
        self.waiting = list(todo)
        self.running: dict[str, tuple[Criterion, float]] = {}
        self.inbox: queue.SimpleQueue[FinishedCheck] = queue.SimpleQueue()
        self.finished: list[FinishedCheck] = []
        self._results = results
        self._limits = limits
        self._run_deadline = time.monotonic() + limits.run_seconds
        self._told: list[FinishedCheck] = []

    def startable(self) -> Iterable[Criterion]:
        """Yield criteria whose needs are settled, as long as a worker is free."""
        for criterion in list(self.waiting):
            if len(self.running) >= self._limits.workers:
                return
            if all(need in self._results for need in criterion.needs):
                self.waiting.remove(criterion)
                yield criterion

    def needed(self, criterion: Criterion) -> list[CheckResult]:
        """Return the results that ``criterion`` needs."""
        return [self._results[need] for need in criterion.needs]

    def start(self, criterion: Criterion, seconds: float | None = None) -> float:
        """Note that it runs, for ``seconds`` where its check asks for that; return its deadline."""
        allowed = max(seconds or 0.0, self._limits.check_seconds)
        deadline = min(self._run_deadline, time.monotonic() + allowed)
        self.running[criterion.id] = (criterion, deadline)
        return deadline

    def settle(self, finished: FinishedCheck) -> None:
        """Keep a result and tell it at the next ``collect``."""
        self._results[finished.result.id] = finished.result
        self.finished.append(finished)
        self._told.append(finished)

    def collect(self) -> list[FinishedCheck]:
        """Wait for the next result or deadline; return everything newly settled."""
        if self.running and not self._told:
            nearest = min(deadline for _, deadline in self.running.values())
            try:
                self._receive(self.inbox.get(timeout=max(0.0, nearest - time.monotonic())))
            except queue.Empty:
                self._expire()
        told, self._told = self._told, []
        return told

    def _receive(self, finished: FinishedCheck) -> None:
        # A check that comes back after its deadline was already given its result: ignore it.
        if self.running.pop(finished.result.id, None):
            self.settle(finished)

    def _expire(self) -> None:
        now = time.monotonic()
        for criterion, deadline in list(self.running.values()):
            if deadline <= now:
                del self.running[criterion.id]
                late = TimedOut(
                    f"{criterion.id} was not done in time",
                    "Run the check again; `labgrader doctor` tells how the cluster does",
                )
                self.settle(FinishedCheck(scoring.from_error(criterion, late)))
