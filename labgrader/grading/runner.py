"""Runs checks: in the order of their needs, eight at a time, each within its deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from labgrader.errors import ClusterError, MissingCapability, Unsettled
from labgrader.grading import capabilities, redaction, scoring
from labgrader.grading.context import Context
from labgrader.grading.events import CheckFinished, CheckStarted, Listener, RunFinished, RunStarted
from labgrader.grading.findings import Fact, Failure
from labgrader.grading.registry import Check
from labgrader.grading.scheduler import FinishedCheck, Limits, Scheduler
from labgrader.grading.services import CheckServices
from labgrader.grading.snapshot import ReadKey, Snapshot
from labgrader.model.result import CheckResult, ClusterInfo, Outcome, Report, TaskResult
from labgrader.model.task import Criterion, Lab
from labgrader.util import threads

SETTLE_PAUSE = 0.1
"""Seconds between two looks at something that the cluster has not settled yet."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run's report, and what each check that was judged in it has read, by criterion."""

    report: Report
    read_keys: Mapping[str, frozenset[ReadKey]]


class Runner:
    """Judges criteria of one lab against one cluster.

    Args:
        capabilities: asks what the cluster offers (``containers``, …); called once per run, and
            only when a check needs something.
        services: what checks can use beside the API's objects.
    """

    def __init__(
        self,
        lab: Lab,
        checks: Mapping[str, Check],
        *,
        capabilities: Callable[[Snapshot], frozenset[str]],
        limits: Limits = Limits(),
        services: CheckServices | None = None,
    ) -> None:
        self.lab = lab
        self.checks = checks
        self.limits = limits
        self._capabilities = capabilities
        self._services = services or CheckServices()

    def run(
        self,
        criteria: Sequence[Criterion],
        snapshot: Snapshot,
        info: Callable[[Snapshot], ClusterInfo],
        listener: Listener,
        known: Mapping[str, CheckResult] | None = None,
    ) -> Run:
        """Judge ``criteria`` and what they need; report on ``criteria`` alone.

        Args:
            known: results that still hold (a live session re-judges only what changed).
        """
        started, began = datetime.now(UTC), time.monotonic()
        asked = snapshot.cluster.requests
        listener(RunStarted(tuple(c.id for c in criteria)))
        results = dict(known or {})
        wanted = {c.id for c in criteria}
        todo = [c for c in self._with_needs(criteria) if c.id not in results]
        cluster = threads.run_in_background(lambda: info(snapshot))
        try:
            judged = self._judge_all(todo, results, snapshot, listener, wanted)
        except BaseException:  # interrupted: the checks' threads end with us, and clean up nothing
            self._services.probes.remove_all()
            raise
        results |= {finished.result.id: finished.result for finished in judged}
        for fallen in self._fallen(results, set(known or ()), snapshot):
            results[fallen.id] = fallen
            if fallen.id in wanted:
                listener(CheckFinished(fallen))
        report = Report(
            lab=self.lab.id,
            cluster=cluster.result(),
            started_at=started,
            duration_ms=round((time.monotonic() - began) * 1000),
            api_requests=snapshot.cluster.requests - asked,
            tasks=tuple(self._tasks(wanted, results)),
        )
        listener(RunFinished(report))
        read_keys = {one.result.id: one.read_keys for one in judged if one.read_keys is not None}
        return Run(report, read_keys)

    def _fallen(
        self, results: Mapping[str, CheckResult], kept: set[str], snapshot: Snapshot
    ) -> Iterator[CheckResult]:
        """Yield new results of what was kept, but needs something that does not pass any more.

        The caller stores each before it asks for the next: what comes after may need it.
        """
        for criterion in self.lab.criteria():  # what is needed stands before what needs it
            if criterion.id in kept:
                needed = [results[need] for need in criterion.needs if need in results]
                verdict = self._from_needs(criterion, needed, snapshot)
                if verdict is not None:
                    yield verdict

    def _from_needs(
        self, criterion: Criterion, needed: Sequence[CheckResult], snapshot: Snapshot
    ) -> CheckResult | None:
        """Return a result where something that is needed did not pass.

        What cannot be judged on this cluster at all costs nothing by that either.
        """
        found = scoring.from_needs(criterion, needed)
        if found is None or found.outcome is not Outcome.BLOCKED:
            return found
        try:
            self._demand(self.checks[criterion.check], snapshot)
        except MissingCapability as error:
            return scoring.from_error(criterion, error)
        return found

    def writes(self, criterion: Criterion) -> bool:
        """Whether its check makes temporary objects."""
        return capabilities.WRITES in self.checks[criterion.check].capabilities

    def _with_needs(self, criteria: Iterable[Criterion]) -> list[Criterion]:
        """Return ``criteria`` and everything they need, in the order of the lab."""
        by_id = {c.id: c for c in self.lab.criteria()}
        closure: set[str] = set()
        stack = [c.id for c in criteria]
        while stack:
            current = stack.pop()
            if current not in closure:
                closure.add(current)
                stack.extend(by_id[current].needs)
        return [c for c in self.lab.criteria() if c.id in closure]

    def _tasks(self, wanted: set[str], results: Mapping[str, CheckResult]) -> Iterable[TaskResult]:
        for task in self.lab.tasks:
            checks = tuple(results[c.id] for c in task.criteria() if c.id in wanted)
            if checks:
                yield TaskResult(task.id, task.title, task.budget_seconds, checks)

    def _judge_all(
        self,
        todo: list[Criterion],
        known: Mapping[str, CheckResult],
        snapshot: Snapshot,
        listener: Listener,
        wanted: set[str],
    ) -> list[FinishedCheck]:
        """Schedule until everything has a result or the run's time is over."""
        scheduler = Scheduler(sorted(todo, key=self._soon), dict(known), self.limits)
        while scheduler.waiting or scheduler.running:
            for criterion in scheduler.startable():
                verdict = self._from_needs(criterion, scheduler.needed(criterion), snapshot)
                if verdict is not None:
                    scheduler.settle(FinishedCheck(verdict))
                    continue
                if criterion.id in wanted:
                    listener(CheckStarted(criterion.id))
                self._start(scheduler, criterion, snapshot)
            for finished in scheduler.collect():
                if finished.result.id in wanted:
                    listener(CheckFinished(finished.result))
        return list(scheduler.finished)

    def _soon(self, criterion: Criterion) -> bool:
        """Return False, which sorts first, for what the end of a run should not wait for alone.

        That is what runs programs. What watches containers or writes takes long as well, but waits
        most of the time, and would keep eight quick answers from whoever is looking.
        """
        check = self.checks[criterion.check]
        return check.seconds is None or bool(check.capabilities)

    def _start(self, scheduler: Scheduler, criterion: Criterion, snapshot: Snapshot) -> None:
        deadline = scheduler.start(criterion, self.checks[criterion.check].seconds)
        context = Context(snapshot, self.lab.namespace, deadline, services=self._services)

        def work() -> None:
            result = self._judge(criterion, context, snapshot)
            scheduler.inbox.put(FinishedCheck(result, frozenset(context.read_keys)))

        threading.Thread(target=work, name=f"check-{criterion.id}", daemon=True).start()

    def _judge(self, criterion: Criterion, context: Context, snapshot: Snapshot) -> CheckResult:
        """Call one check and turn whatever it does into a result."""
        began = time.monotonic()
        check = self.checks[criterion.check]
        try:
            self._demand(check, snapshot)
            result = scoring.from_facts(criterion, self._facts(check, criterion, context, snapshot))
        except Failure as failure:
            result = scoring.from_failure(criterion, failure)
        except ClusterError as error:
            result = scoring.from_error(criterion, error)
        except BaseException as error:  # noqa: BLE001 - a check is a plug-in and may raise anything
            result = scoring.from_crash(criterion, error)
        took = round((time.monotonic() - began) * 1000)
        return replace(redaction.redact(result), duration_ms=took)

    def _facts(
        self, check: Check, criterion: Criterion, context: Context, snapshot: Snapshot
    ) -> list[Fact]:
        """Collect a check's facts; ask again for a while where the cluster has not settled."""
        patience = time.monotonic() + self.limits.settle_seconds
        while True:
            try:
                facts = list(check.judge(context, **criterion.parameters) or ())
            except Unsettled:
                if time.monotonic() > patience:
                    raise
                snapshot.forget(context.read_keys | context.asked)
                time.sleep(SETTLE_PAUSE)
                continue
            if not facts:
                raise ValueError("it stated no fact")
            return facts

    def _demand(self, check: Check, snapshot: Snapshot) -> None:
        if not check.capabilities:
            return
        lacking = set(check.capabilities) - self._capabilities(snapshot)
        if lacking:
            raise MissingCapability(*capabilities.why_not(min(lacking)))
