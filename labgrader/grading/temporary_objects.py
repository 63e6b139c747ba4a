"""Temporary objects that a check creates to observe the cluster; named, bounded, always removed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from labgrader.errors import LabError, Rejected, TimedOut
from labgrader.grading.services import Probes
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import Object, Resource, dig, name_of

PREFIX = "labgrader-probe-"
MARK = "labgrader.dev/probe"
"""The label on everything a probe makes, by which what a killed run left is found again."""

FORGOTTEN_SECONDS = 120.0
"""How old a probe's object is when nobody can still be using it."""

RESERVE_SECONDS = 3.0
"""What a probe keeps of its check's time for cleaning up."""

_PAUSE = 0.1


@dataclass(eq=False, slots=True)
class TemporaryObject:
    """Makes objects of one type and takes them away again. Use it in a ``with`` statement.

    Args:
        remaining: the seconds that the check has left; raises when there are none.
        now: the API server's time (seconds since the epoch).
        probes: is told when everything is gone again.
    """

    cluster: Cluster
    resource: Resource
    namespace: str
    remaining: Callable[[], float]
    now: Callable[[], float]
    probes: Probes
    _made: dict[str, str] = field(default_factory=dict)
    _ended: bool = False
    _creating: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        """Remove what an earlier run, killed in the middle, has left."""
        for obj in self.cluster.list(self.resource, self.namespace, labels=MARK) or []:
            if self.now() - float(dig(obj, "metadata.labels", {}).get(MARK, 0)) > FORGOTTEN_SECONDS:
                self._remove(name_of(obj), str(dig(obj, "metadata.uid")))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was made, whatever happened."""
        self.remove()
        self.probes.closed(self)

    def create(self, body: Mapping[str, Any]) -> str:
        """Create an object from ``body`` (its metadata is completed); return its name."""
        metadata = dict(body.get("metadata", {}))
        metadata["generateName"] = PREFIX
        metadata["labels"] = {**metadata.get("labels", {}), MARK: str(int(self.now()))}
        whole = {
            "apiVersion": self.resource.api_version,
            "kind": self.resource.kind,
            **body,
            "metadata": metadata,
        }
        with self._creating:
            if self._ended:
                raise TimedOut("The probe was called off", "Run the check again")
            made = self.cluster.create(self.resource, whole, self.namespace)
            self._made[name_of(made)] = str(dig(made, "metadata.uid"))
        return name_of(made)

    def read(self, name: str) -> Object | None:
        """Read an object as it is now."""
        return self.cluster.get(self.resource, name, self.namespace)

    def patch(self, name: str, patch: Mapping[str, Any]) -> Object:
        """Send a merge patch."""
        return self.cluster.patch(self.resource, name, patch, self.namespace)

    def delete(self, name: str) -> None:
        """Ask for an object's deletion; whether it goes is another matter."""
        self.cluster.delete(self.resource, name, self.namespace, uid=self._made[name])

    def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until ``condition`` holds; False when time is over, or nearly so for the check."""
        end = time.monotonic() + min(seconds, self.remaining() - RESERVE_SECONDS)
        while not condition():
            if time.monotonic() >= end:
                return False
            time.sleep(_PAUSE)
        return True

    def remove(self) -> None:
        """Remove everything that was made, finalizers and all; may be called from any thread."""
        self._ended = True
        # What is being created now has no name yet: it can be removed once the answer is there.
        if self._creating.acquire(timeout=RESERVE_SECONDS):
            self._creating.release()
        for name, uid in list(self._made.items()):
            with contextlib.suppress(LabError):  # what is left is removed by the next run
                self._remove(name, uid)

    def _remove(self, name: str, uid: str) -> None:
        self.cluster.delete(self.resource, name, self.namespace, uid=uid)
        end = time.monotonic() + RESERVE_SECONDS / 2
        while (found := self._own(name, uid)) and time.monotonic() < end:
            time.sleep(_PAUSE)
        if found and dig(found, "metadata.finalizers"):
            with contextlib.suppress(Rejected):
                self.patch(name, {"metadata": {"finalizers": None, "uid": uid}})

    def _own(self, name: str, uid: str) -> Object | None:
        found = self.read(name)
        return found if found and dig(found, "metadata.uid") == uid else None
