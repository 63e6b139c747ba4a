"""Grades again whenever something changes that a check has looked at.

Each thing that was read is watched. A change re-judges the checks that read it and those that need
them; everything else keeps its answer, so a step turns green as soon as the cluster says so.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from labgrader.engine.events import Listener
from labgrader.engine.ports import Cluster
from labgrader.engine.runner import Runner
from labgrader.engine.snapshot import Interest, Snapshot, key_of, version_of
from labgrader.model.errors import Forbidden, LabError
from labgrader.model.resource import Object, dig
from labgrader.model.result import CheckResult, ClusterInfo, Outcome, Report
from labgrader.model.task import Criterion

SETTLE_SECONDS = 0.03
"""How long after a change others are waited for: one `kubectl apply` makes several."""

PATIENCE_SECONDS = 0.2
"""How long they are waited for at most: something that never stops changing is judged as well."""

RETRY_SECONDS = 0.5
"""How long a watch rests before it is tried again."""

POLL_SECONDS = 5.0
"""How often something is looked at that may be read, but not watched."""

ECHO_SECONDS = 0.6
"""When to judge once more after a change that takes effect a moment after it is stored."""

LATE_GROUPS = {
    "apiextensions.k8s.io",
    "admissionregistration.k8s.io",
    "rbac.authorization.k8s.io",
}


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was read is different now.

    ``text`` names the object for people. An ``echo`` is no news: the same change, looked at again.
    """

    interest: Interest
    text: str
    echo: bool = False


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
        self._on_link = on_link
        self._on_change = on_change
        self._changes: queue.SimpleQueue[Change | None] = queue.SimpleQueue()
        self._watched: dict[Interest, dict[str, str]] = {}
        self._lost: set[Interest] = set()
        self._lock = threading.Lock()

    def close(self) -> None:
        """End ``run`` soon; may be called from any thread."""
        self.stop.set()
        self._changes.put(None)

    def run(self, until: Callable[[Report], bool] = lambda report: False) -> Report:
        """Grade, then again at every change, until ``close`` or until ``until`` says so."""
        snapshot = Snapshot(self._cluster)
        known: dict[str, CheckResult] = {}
        while True:
            report = self._grade(snapshot, known)
            if self.stop.is_set() or until(report):
                self.stop.set()
                return report
            self._watch_all(snapshot)
            changes = self._next_changes(retry=_unsure(report))
            if self.stop.is_set():
                return report
            snapshot = snapshot.without({change.interest for change in changes})
            known = self._still_true(report, changes)

    def _grade(self, snapshot: Snapshot, known: Mapping[str, CheckResult]) -> Report:
        return self._runner.run(self._criteria, snapshot, self._info, self._listener, known)

    def _next_changes(self, *, retry: bool) -> list[Change]:
        """Wait for a change and those that come with it; with ``retry`` at most a second."""
        changes: list[Change] = []
        timeout = 1.0 if retry else None
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
        if change.interest.resource.group in LATE_GROUPS:
            again = replace(change, echo=True)
            timer = threading.Timer(ECHO_SECONDS, self._changes.put, (again,))
            timer.daemon = True
            timer.start()

    def _still_true(self, report: Report, changes: Sequence[Change]) -> dict[str, CheckResult]:
        """Return the results that no change concerns: not read it, and not need what did."""
        touched = {change.interest for change in changes}
        kept: dict[str, CheckResult] = {}
        results = {check.id: check for check in report.checks}
        for criterion in self._runner.lab.criteria():
            result = results.get(criterion.id)
            if result is None or result.outcome in (Outcome.ERROR, Outcome.BLOCKED):
                continue
            reads = self._runner.interests.get(criterion.id, set())
            if not reads & touched and all(need in kept for need in criterion.needs):
                kept[criterion.id] = result
        return kept

    def _watch_all(self, snapshot: Snapshot) -> None:
        """Start a watch for everything that was read and is not watched yet."""
        for interest in set().union(*self._runner.interests.values()):
            if interest not in self._watched:
                self._watched[interest] = snapshot.versions(interest)
                threading.Thread(
                    target=self._watch, args=(interest,), name="watch", daemon=True
                ).start()

    def _watch(self, interest: Interest) -> None:
        """Follow one interest until the end, through lost connections and missing types."""
        while not self.stop.is_set():
            pause = RETRY_SECONDS
            try:
                self._follow(interest)
            except Forbidden:  # may perhaps be read, but not watched: then look now and then
                pause = POLL_SECONDS
                self._changes.put(Change(interest, "", echo=True))
            except LabError as error:
                self._link(interest, error)
            self.stop.wait(pause)

    def _follow(self, interest: Interest) -> None:
        seen: dict[str, str] | None = {}
        known = self._watched[interest]
        events = self._cluster.watch(interest.resource, interest.namespace, name=interest.name)
        for event in events:
            if self.stop.is_set():
                return
            if event.type == "SYNCED":
                self._link(interest, None)
                self._compare(interest, seen or {})
                seen = None
            elif seen is not None:
                seen[key_of(event.object)] = version_of(event.object)
            elif event.type != "BOOKMARK":
                self._note(interest, known, event.type, event.object)
        if seen is not None:  # the type is not there (any more)
            self._compare(interest, {})

    def _compare(self, interest: Interest, present: dict[str, str]) -> None:
        """Tell a change where what is there differs from what was known."""
        known = self._watched[interest]
        if present != known:
            known.clear()
            known.update(present)
            self._changes.put(Change(interest, interest.resource.describe(interest.name)))

    def _note(self, interest: Interest, known: dict[str, str], kind: str, obj: Object) -> None:
        key = key_of(obj)
        if kind == "DELETED":
            known.pop(key, None)
        else:
            known[key] = version_of(obj)
        verb = {"ADDED": "created", "MODIFIED": "changed", "DELETED": "deleted"}.get(kind, kind)
        name = str(dig(obj, "metadata.name", ""))
        label = interest.resource.describe(name, dig(obj, "metadata.namespace"))
        self._changes.put(Change(interest, f"{label} {verb}"))

    def _link(self, interest: Interest, error: LabError | None) -> None:
        """Tell when the first watch is lost and when the last is back."""
        with self._lock:
            before = bool(self._lost)
            (self._lost.add if error else self._lost.discard)(interest)
            after = bool(self._lost)
        if before != after:
            self._on_link(error)


def _unsure(report: Report) -> bool:
    return any(check.outcome is Outcome.ERROR for check in report.checks)
