"""Live grading: runs checks again when an object that they have read changes.

Each thing that was read is watched. A change re-judges the checks that read it and those that need
them; everything else keeps its answer, so a step turns green as soon as the cluster says so.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from labgrader.errors import Cause, LabError
from labgrader.grading.change_feed import Change, Watches
from labgrader.grading.events import Listener
from labgrader.grading.runner import Runner
from labgrader.grading.snapshot import ReadKey, Snapshot
from labgrader.kube.protocols import Cluster
from labgrader.model.result import CheckResult, ClusterInfo, Outcome, Report
from labgrader.model.task import Criterion

SETTLE_SECONDS = 0.03
"""How long after a change others are waited for: one `kubectl apply` makes several."""

PATIENCE_SECONDS = 0.2
"""How long they are waited for at most: something that never stops changing is judged as well."""

ECHO_SECONDS = 0.6
"""When to judge once more after a change that takes effect a moment after it is stored."""

FIRST_RETRY_SECONDS = 1.0
"""When what could not be judged is tried again; each time after that it takes twice as long."""

LAST_RETRY_SECONDS = 10.0
"""How long it takes at most; what lacks a capability is not tried more often than that at all."""

LATE_GROUPS = {
    "apiextensions.k8s.io",
    "admissionregistration.k8s.io",
    "rbac.authorization.k8s.io",
}


class Live:
    """A grading that goes on.

    Args:
        on_link: told the error when the cluster is lost, and None when it answers again.
        on_change: told about each change before it is judged.
    """

    def __init__(
        self,
        runner: Runner,
        cluster: Cluster,
        criteria: Sequence[Criterion],
        info: Callable[[Snapshot], ClusterInfo],
        listener: Listener,
        *,
        on_link: Callable[[LabError | None], None] = lambda error: None,
        on_change: Callable[[Change], None] = lambda change: None,
    ) -> None:
        self.stop = threading.Event()
        self._runner = runner
        self._cluster = cluster
        self._criteria = list(criteria)
        self._info = info
        self._listener = listener
        self._on_change = on_change
        self._again = threading.Event()
        self._changes: queue.SimpleQueue[Change | None] = queue.SimpleQueue()
        self._outcomes: dict[str, Outcome] = {}
        self._read_keys: dict[str, frozenset[ReadKey]] = {}
        self._retries = Retries()
        self._on_link = on_link
        self._watches = Watches(
            cluster, self.stop, self._changes.put, on_link=self._link, content=self._content
        )

    def close(self) -> None:
        """End ``run`` soon; may be called from any thread."""
        self.stop.set()
        self._changes.put(None)

    def refresh(self) -> None:
        """Read everything again soon and judge all of it; may be called from any thread."""
        self._again.set()
        self._changes.put(None)

    def run(self, until: Callable[[Report], bool] = lambda report: False) -> Report:
        """Grade, then again at every change, until ``close`` or until ``until`` says so."""
        snapshot = Snapshot(self._cluster, lasting=True)
        known: dict[str, CheckResult] = {}
        while True:
            report = self._grade(snapshot, known)
            if self.stop.is_set() or until(report):
                self.stop.set()
                return report
            self._watches.follow(set().union(*self._read_keys.values()), snapshot)
            changes = self._next_changes(self._retries.pause(report))
            if self.stop.is_set():
                return report
            if any(not change.echo for change in changes):
                self._retries.reset()
            if self._again.is_set():
                self._again.clear()
                self._retries.reset()
                snapshot, known = snapshot.refreshed(), {}
                continue
            snapshot = snapshot.invalidated({change.read_key for change in changes})
            known = self._still_true(report, changes)

    def _grade(self, snapshot: Snapshot, known: Mapping[str, CheckResult]) -> Report:
        run = self._runner.run(self._criteria, snapshot, self._info, self._listener, known)
        self._read_keys.update(run.read_keys)
        self._outcomes = {check.id: check.outcome for check in run.report.checks}
        return run.report

    def _link(self, error: LabError | None) -> None:
        """Hand on how the cluster does; when it answers again, try at once what could not be."""
        self._on_link(error)
        if error is None:
            self._retries.reset()
            self._changes.put(None)

    def _next_changes(self, timeout: float | None) -> list[Change]:
        """Wait for a change and those that come with it; none come when ``timeout`` is over."""
        changes: list[Change] = []
        patience = math.inf
        while True:
            try:
                change = self._changes.get(timeout=timeout)
            except queue.Empty:
                return changes
            patience = min(patience, time.monotonic() + PATIENCE_SECONDS)
            if change is None:
                return changes
            if not change.echo:
                self._on_change(change)
                self._echo(change)
            changes.append(change)
            if time.monotonic() > patience:
                return changes
            timeout = SETTLE_SECONDS

    def _echo(self, change: Change) -> None:
        """Judge again in a moment where the API server acts on a change after storing it."""
        if change.read_key.resource.group in LATE_GROUPS:
            again = replace(change, echo=True)
            timer = threading.Timer(ECHO_SECONDS, self._changes.put, (again,))
            timer.daemon = True
            timer.start()

    def _still_true(self, report: Report, changes: Sequence[Change]) -> dict[str, CheckResult]:
        """Return the results that no change concerns: not read it, and not need what did."""
        touched = {change.read_key for change in changes}
        kept: dict[str, CheckResult] = {}
        results = {check.id: check for check in report.checks}
        for criterion in self._runner.lab.criteria():
            result = results.get(criterion.id)
            if result is None or result.outcome in (Outcome.ERROR, Outcome.BLOCKED):
                continue
            reads = self._read_keys.get(criterion.id, frozenset())
            needs = [need for need in criterion.needs if need not in kept]
            if self._runner.writes(criterion):  # once is enough, as long as what it needs stands
                needs = [n for n in needs if n not in results or _open(results[n])]
            if not reads & touched and not needs:
                kept[criterion.id] = result
        return kept

    def _content(self, read_key: ReadKey) -> bool:
        """Whether every check that reads this has passed: then a heartbeat tells nothing new."""
        readers = [one for one, reads in list(self._read_keys.items()) if read_key in reads]
        return all(self._outcomes.get(one) is Outcome.PASSED for one in readers)


class Retries:
    """When to try again what could not be judged: soon, then less and less often."""

    def __init__(self) -> None:
        self._next = FIRST_RETRY_SECONDS

    def reset(self) -> None:
        """Begin anew: something has happened."""
        self._next = FIRST_RETRY_SECONDS

    def pause(self, report: Report) -> float | None:
        """Return the seconds until the next try; None where everything could be judged."""
        causes = {check.cause for check in report.checks if check.outcome is Outcome.ERROR}
        if not causes:
            self._next = FIRST_RETRY_SECONDS
            return None
        if causes == {Cause.CAPABILITY}:
            return LAST_RETRY_SECONDS
        pause = self._next
        self._next = min(2 * pause, LAST_RETRY_SECONDS)
        return pause


def _open(result: CheckResult) -> bool:
    return result.outcome is not Outcome.PASSED
