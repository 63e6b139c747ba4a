"""Services that a check can use beside the API: pods, kubectl, rule evaluator, audit log."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from labgrader.kube.protocols import AuditLog, Containers, Kubectl, RuleEvaluator

T = TypeVar("T")


@dataclass(slots=True)
class _Sight:
    """A value, when it was seen last, and when it was last seen to move (``time.monotonic``)."""

    value: object
    by: object
    at: float
    moved_at: float = -math.inf


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen of a value: whether it moved, and by whom, each change of hands anew."""

    moved: bool
    by: tuple[str, ...] = ()


@dataclass(slots=True)
class ValueHistory:
    """Values that were seen at a time, so that one can tell later that they have moved."""

    _seen: dict[Hashable, _Sight] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, key: Hashable, value: object, by: object, seconds: float) -> bool:
        """Note a value; say whether the same hand was seen to move it within ``seconds``.

        A change of hands is no movement, and what another hand has moved before counts no more.
        """
        now = time.monotonic()
        with self._lock:
            sight = self._seen.setdefault(key, _Sight(value, by, now))
            if sight.by != by:
                sight.moved_at = -math.inf
            elif sight.value != value and now - sight.at <= seconds:
                sight.moved_at = now
            sight.value, sight.by, sight.at = value, by, now
            return now - sight.moved_at <= seconds


@dataclass(slots=True)
class Observations:
    """What checks have found out by changing something, kept for the gradings of this process."""

    _known: dict[Hashable, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Hashable, observe: Callable[[], T]) -> T:
        """Return what is known under ``key``; ``observe`` it first where nothing is."""
        with self._lock:
            if key not in self._known:
                self._known[key] = observe()
            found: T = self._known[key]
            return found


@dataclass(slots=True)
class Probes:
    """Removes what probes have made, whoever ends first: the check or the whole run."""

    _open: dict[object, Callable[[], None]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def opened(self, probe: object, remove: Callable[[], None]) -> None:
        """Note how to remove what ``probe`` makes."""
        with self._lock:
            self._open[probe] = remove

    def closed(self, probe: object) -> None:
        """Forget it: it has cleaned up."""
        with self._lock:
            self._open.pop(probe, None)

    def remove_all(self) -> None:
        """Clean up for those that will not come to it: the run is being given up."""
        with self._lock:
            left = list(self._open.values())
        for remove in left:
            remove()


@dataclass(frozen=True, slots=True)
class CheckServices:
    """What a run offers its checks.

    Args:
        containers: None where the provider of the API cannot reach into pods at all.
        record: what was done so far; None where nobody records it.
        may_write: whether probes are allowed.
        kubectl: None where there is no such program to run.
        judge: Prometheus' code; None where it is not asked.
    """

    containers: Containers | None = None
    record: AuditLog | None = None
    may_write: bool = False
    kubectl: Kubectl | None = None
    judge: RuleEvaluator | None = None
    values: ValueHistory = field(default_factory=ValueHistory)
    probes: Probes = field(default_factory=Probes)
    observations: Observations = field(default_factory=Observations)
