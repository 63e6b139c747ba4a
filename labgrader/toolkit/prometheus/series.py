"""Recognizes what series mean: readiness of a resource, error counters, info series.

They are recognised by their types, by a label whose value is a resource's name or phase, by their
values beside the resources' status, and by the words in their names; not by anybody's names as a
whole (ADR 25). What cannot be told stays unknown. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import pairwise
from typing import Any, TypeVar

from labgrader.toolkit.prometheus.exposition import Series

T = TypeVar("T")

MOST_COMPARED = 1000
"""How many values of a metric are compared with the resources' status."""


class Role(Enum):
    """What a series tells."""

    PHASE = "the phase of a resource, by a label"
    CONDITION = "a condition of a resource, by a label with true or false"
    READY = "1 where a resource is ready"
    UNREADY = "1, or more, where a resource is not ready"
    READY_COUNT = "how many pods of a resource are ready"
    ERRORS = "how often reconciling has failed"
    LOOKS = "how often a resource was reconciled"
    FIXED = "something else"
    UNKNOWN = "cannot be told"


@dataclass(frozen=True, slots=True)
class Condition:
    """A resource as the cluster has it now."""

    phase: str = ""
    replicas: int = 0
    ready: int = 0

    @property
    def is_well(self) -> bool:
        """Whether all of its pods are ready."""
        return self.ready >= self.replicas > 0


TELLING = (Role.PHASE, Role.CONDITION, Role.READY, Role.UNREADY, Role.READY_COUNT)
"""What tells whether a resource is ready."""

READY_WORDS = {"ready", "available", "healthy", "up", "ok", "readiness", "health"}
UNREADY_WORDS = {
    *("unready", "notready", "unavailable", "unhealthy", "degraded", "stuck", "missing", "failing"),
    *("failed", "down", "broken", "error", "errored"),
}
COUNT_WORDS = {"replicas", "pods", "instances", "copies"}
FIXED_WORDS = {
    *("desired", "wanted", "spec", "expected", "target", "min", "max", "info", "created", "labels"),
    *("generation", "limit", "trades", "pnl", "timestamp", "seconds", "bytes", "time", "duration"),
}
ERROR_WORDS = {
    *("error", "errors", "failure", "failures", "failed", "fail", "exception", "exceptions"),
    *("fails", "err", "errs"),
}
RECONCILE_WORDS = {
    *("reconcile", "reconciles", "reconciled", "reconciliation", "reconciliations", "reconciler"),
    *("sync", "syncs", "synced", "handler", "handlers", "handled", "loop", "loops"),
}
OTHER_ERRORS = {"terminal", "webhook", "panics", "panic", "http", "client", "request", "requests"}
FOREIGN = (
    *("python_", "process_", "go_", "workqueue_", "rest_client_", "promhttp_", "leader_election_"),
    *("certwatcher_", "scrape_", "http_"),
)
"""Beginnings of the names that libraries give their own series."""

_BOOLEAN = {"true", "false", "unknown"}
_COUNTERS = ("_total", "_bucket")
_OF_A_DISTRIBUTION = re.compile(r"_(?:bucket|sum|count)$")


def words_of(name: str) -> set[str]:
    """Return the words of a name, in lower case; ``not_ready`` is one word as well."""
    parts = [one.lower() for one in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", name)]
    return {*parts, *("".join(pair) for pair in pairwise(parts))}


def is_counter(one: Series) -> bool:
    """Whether a series only ever rises: by its type, else by how its name ends."""
    if one.kind in ("histogram", "summary"):
        return _OF_A_DISTRIBUTION.search(one.name) is not None
    return one.kind == "counter" or (
        one.kind in ("", "unknown", "untyped") and one.name.endswith(_COUNTERS)
    )


def about_reconciling(one: Series) -> bool:
    """Whether a series is about reconciling: a count, or how long it took."""
    return bool(words_of(one.name) & RECONCILE_WORDS)


@dataclass(frozen=True, slots=True)
class Page:
    """The series of a page, and what is known of the resources that they are about.

    ``phases`` are those that a resource may have; ``declared`` are metrics without any series yet;
    ``moved`` are metrics whose meaning was seen as a resource changed (``movement``).
    """

    series: Sequence[Series]
    resources: Mapping[str, Condition]
    phases: Sequence[str] = ("Active", "Pending", "Error")
    declared: frozenset[str] = frozenset()
    moved: Mapping[str, Role] = field(default_factory=dict)
    _roles: dict[int, Role] = field(default_factory=dict, compare=False, repr=False)
    _known: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def _once(self, key: str, make: Callable[[], T]) -> T:
        """Work something out once: a page may have thousands of series."""
        if key not in self._known:
            self._known[key] = make()
        found: T = self._known[key]
        return found

    def _of(self, name: str) -> list[Series]:
        """Return the series of a metric."""

        def sort() -> dict[str, list[Series]]:
            found: dict[str, list[Series]] = {}
            for one in self.series:
                found.setdefault(one.name, []).append(one)
            return found

        return self._once("by name", sort).get(name, [])

    def resource_of(self, one: Series) -> str:
        """Return the resource that a series is about; empty where it is about none."""
        for value in one.labels.values():
            name = value.rpartition("/")[2]
            if name in self.resources:
                return name
        return ""

    def phase_label(self, one: Series) -> str:
        """Return the label of a series that holds a phase; empty where none does."""
        known = self._once("phases", self._every_phase)
        own = (key for key, value in one.labels.items() if value.lower() in known)
        return next(own, "")

    def _every_phase(self) -> set[str]:
        now = {each.phase.lower() for each in self.resources.values() if each.phase}
        return now | {phase.lower() for phase in self.phases}

    def role(self, one: Series) -> Role:
        """Return what a series tells."""
        key = id(one)
        if key not in self._roles:
            self._roles[key] = self._counted(one) if is_counter(one) else self._measured(one)
        return self._roles[key]

    def _counted(self, one: Series) -> Role:
        words = words_of(_OF_A_DISTRIBUTION.sub("", one.name))
        if one.name.startswith(FOREIGN) or words & OTHER_ERRORS or one.kind == "histogram":
            return Role.FIXED
        fails = {word for value in one.labels.values() for word in words_of(value)} | words
        looks = bool(words & RECONCILE_WORDS or words_of(one.help) & RECONCILE_WORDS)
        if fails & ERROR_WORDS:
            if looks:
                return Role.ERRORS
            only = self._once("errors", self._only_errors)
            return Role.ERRORS if only == {one.name} else Role.UNKNOWN
        if looks:
            return Role.LOOKS
        return Role.FIXED if self._once("named", self._errors_by_name) else Role.UNKNOWN

    def _only_errors(self) -> set[str]:
        """Return the metrics that count errors of any kind, but those of libraries."""
        return {
            one.name
            for one in self.series
            if is_counter(one)
            and not one.name.startswith(FOREIGN)
            and words_of(one.name) & ERROR_WORDS
            and not words_of(one.name) & OTHER_ERRORS
        }

    def _errors_by_name(self) -> bool:
        """Whether the page counts errors of reconciling under a name that says so."""
        names = {one.name for one in self.series} | self.declared
        return any(words_of(n) & ERROR_WORDS and words_of(n) & RECONCILE_WORDS for n in names)

    def _measured(self, one: Series) -> Role:
        about = self.resource_of(one)
        if not about or one.kind in ("histogram", "summary"):
            return Role.FIXED
        if self.phase_label(one) and one.value in (0, 1):
            return Role.PHASE
        values = {value.lower() for value in one.labels.values()}
        if values & _BOOLEAN and any(words_of(v) & READY_WORDS for v in one.labels.values()):
            return Role.CONDITION
        told = self._by_words(one, words_of(one.name))
        return self.moved.get(one.name, told) if told is Role.UNKNOWN else told

    def _by_words(self, one: Series, words: set[str]) -> Role:
        """Tell a gauge of one resource by the words of its name, if its values agree."""
        now = self._once(f"now {one.name}", lambda: self._values(one.name))
        counts = bool(words & COUNT_WORDS) or any(value not in (0, 1) for value, _ in now)
        if words & UNREADY_WORDS:
            return Role.UNREADY
        if words & READY_WORDS and counts:
            agrees = all(value == state.ready for value, state in now)
            return Role.READY_COUNT if agrees or words & COUNT_WORDS else Role.UNKNOWN
        if words & READY_WORDS:
            agrees = all(bool(value) == state.is_well for value, state in now)
            return Role.READY if agrees else Role.UNKNOWN
        if words & (FIXED_WORDS | COUNT_WORDS) or not all(value == int(value) for value, _ in now):
            return Role.FIXED
        ready = all(value == state.ready for value, state in now)
        wanted = all(value == state.replicas for value, state in now)
        if ready != wanted:
            return Role.READY_COUNT if ready else Role.FIXED
        return Role.UNKNOWN if ready or all(0 <= value <= 10 for value, _ in now) else Role.FIXED

    def _values(self, name: str) -> list[tuple[float, Condition]]:
        """Return the values of a metric beside the resources that they are about."""
        pairs = [(each.value, self.resource_of(each)) for each in self._of(name)]
        return [(value, self.resources[about]) for value, about in pairs if about][:MOST_COMPARED]

    def having(self, *roles: Role) -> list[Series]:
        """Return the series with one of these roles."""
        return [one for one in self.series if self.role(one) in roles]

    @property
    def names(self) -> set[str]:
        """The metrics that have a series."""
        return {one.name for one in self.series}

    @property
    def told(self) -> list[str]:
        """The resources whose readiness the page tells."""
        return sorted({self.resource_of(one) for one in self.having(*TELLING)})

    def unknown(self, names: Iterable[str]) -> list[str]:
        """Return which of these metrics have no meaning that can be told, or no series yet."""
        unknown = {one.name for one in self.having(Role.UNKNOWN)} | self.declared
        return sorted(set(names) & unknown)

    @property
    def riddles(self) -> dict[str, Series]:
        """A series of each metric about a resource whose meaning cannot be told from the page."""
        unknown = (one for one in self.having(Role.UNKNOWN) if not is_counter(one))
        return {one.name: one for one in unknown if self.resource_of(one)}

    def with_moved(self, moved: Mapping[str, Role]) -> Page:
        """Return it with the meaning of metrics that were seen to move."""
        return replace(self, moved=moved, _roles={}, _known={})

    def with_state(self, ill: Mapping[str, str]) -> list[Series]:
        """Return the page as it is when all is well, but for the ``ill`` resources.

        Args:
            ill: the phase of each resource that is not ready.
        """
        found = [self._in_state(one, ill) for one in self.series]
        shown = {(one.name, self.resource_of(one)): one for one in self.having(Role.PHASE)}
        for (name, about), one in shown.items():
            if about in ill and self._one_hot(name, about):
                label = self.phase_label(one)
                phase = self._written(ill[about], label)
                same = (o for o in self._of(name) if self.resource_of(o) == about)
                if not any(each.labels.get(label) == phase for each in same):
                    found.append(replace(one.with_labels(**{label: phase}), value=1))
        return found

    def _one_hot(self, name: str, about: str) -> bool:
        """Whether a metric has a series for each phase of a resource, one of them with a 1."""
        return self._once(f"hot {name} {about}", lambda: self._is_hot(name, about))

    def _is_hot(self, name: str, about: str) -> bool:
        same = [one for one in self._of(name) if self.resource_of(one) == about]
        return len(same) > 1 or any(one.value == 0 for one in same)

    @property
    def healthy_phase(self) -> str:
        """The phase that resources have which are well."""
        return self._once("healthy", self._usual_phase)

    def _usual_phase(self) -> str:
        now = [each.phase for each in self.resources.values() if each.is_well and each.phase]
        return max(set(now), key=now.count) if now else self.phases[0]

    def _written(self, phase: str, label: str) -> str:
        """Return a phase in the letters that the page uses."""
        values = self._once(
            f"label {label}", lambda: {o.labels[label] for o in self.series if label in o.labels}
        )
        known = next((value for value in values if value.lower() == phase.lower()), None)
        lower = bool(values) and all(value.islower() for value in values)
        return known or (phase.lower() if lower else phase)

    def _in_state(self, one: Series, ill: Mapping[str, str]) -> Series:
        about, role = self.resource_of(one), self.role(one)
        is_ill = about in ill
        if role is Role.PHASE:
            label = self.phase_label(one)
            phase = self._written(ill.get(about, self.healthy_phase), label)
            if self._one_hot(one.name, about):
                return replace(one, value=float(one.labels[label] == phase))
            return one.with_labels(**{label: phase})
        if role is Role.CONDITION:
            truth = next(v.lower() for v in one.labels.values() if v.lower() in _BOOLEAN)
            if len([o for o in self._of(one.name) if self._is_same_condition(o, one)]) > 1:
                return replace(one, value=float((truth == "false") == is_ill))
            label = next(key for key, v in one.labels.items() if v.lower() in _BOOLEAN)
            told = "false" if is_ill else "true"
            return one.with_labels(**{label: told.title() if one.labels[label].istitle() else told})
        if role is Role.READY:
            return replace(one, value=float(not is_ill))
        if role is Role.UNREADY:
            return replace(one, value=float(is_ill))
        if role is Role.READY_COUNT:
            return replace(one, value=0.0 if is_ill else self._full(about, one.value))
        return one

    def _is_same_condition(self, one: Series, other: Series) -> bool:
        return one.name == other.name and all(
            one.labels.get(key) == value or value.lower() in _BOOLEAN
            for key, value in other.labels.items()
        )

    def _full(self, about: str, now: float) -> float:
        return float(max(self.resources[about].replicas, int(now), 1))
