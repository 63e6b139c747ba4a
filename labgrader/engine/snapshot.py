"""One consistent, shared view of the cluster for all checks of a run.

Two checks that ask the same thing cause one request; the second waits for the first's answer. Each
reader leaves a trace (which ``Interest`` it read), so that a live session re-judges only the checks
that a change can concern.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from labgrader.engine.ports import Cluster
from labgrader.model.resource import Object, Resource, dig

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Interest:
    """Something that was read: one object, or (``name`` None) a collection."""

    resource: Resource
    namespace: str | None = None
    name: str | None = None


class Snapshot:
    """Reads through ``cluster``, each thing once. Safe to use from many threads."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._answers: dict[Hashable, Future[Any]] = {}
        self._lock = threading.Lock()

    def get(self, interest: Interest, timeout: float) -> Object | None:
        """Read the object that ``interest`` names."""
        assert interest.name is not None
        name = interest.name
        return self.once(
            interest,
            lambda: self.cluster.get(interest.resource, name, interest.namespace, timeout=timeout),
        )

    def list(self, interest: Interest, timeout: float) -> list[Object] | None:
        """Read the collection that ``interest`` names."""
        return self.once(
            interest,
            lambda: self.cluster.list(interest.resource, interest.namespace, timeout=timeout),
        )

    def once(self, key: Hashable, ask: Callable[[], T]) -> T:
        """Return the answer kept under ``key``; ask for it when nobody has yet.

        An error is an answer as well: every reader of this run gets the same one.
        """
        with self._lock:
            future = self._answers.get(key)
            mine = future is None
            if future is None:
                future = self._answers[key] = Future()
        if mine:
            try:
                future.set_result(ask())
            except BaseException as error:  # noqa: BLE001 - handed on to every reader
                future.set_exception(error)
        answer: T = future.result()
        return answer

    def forget(self, keys: Iterable[Hashable]) -> None:
        """Ask anew when one of ``keys`` (an ``Interest``, a dry-run, a review) is wanted next."""
        with self._lock:
            for key in keys:
                self._answers.pop(key, None)

    def without(self, changed: set[Interest]) -> Snapshot:
        """Return a new snapshot that keeps every plain read but those in ``changed``.

        Dry-runs and errors are never carried over: both may answer differently now.
        """
        fresh = Snapshot(self.cluster)
        with self._lock:
            for key, future in self._answers.items():
                good = future.done() and future.exception() is None
                if isinstance(key, Interest) and key not in changed and good:
                    fresh._answers[key] = future
        return fresh

    def versions(self, interest: Interest) -> dict[str, str]:
        """Return ``namespace/name`` → resourceVersion of what a read of ``interest`` showed."""
        future = self._answers.get(interest)
        if future is None or not future.done() or future.exception() is not None:
            return {}
        answer = future.result()
        objects = answer if isinstance(answer, list) else [answer] if answer else []
        return {key_of(obj): version_of(obj) for obj in objects}


def key_of(obj: Object) -> str:
    """Return ``namespace/name``, which names an object within its type."""
    return f"{dig(obj, 'metadata.namespace', '')}/{dig(obj, 'metadata.name', '')}"


def version_of(obj: Object) -> str:
    """Return the resourceVersion: it differs whenever the object does."""
    return str(dig(obj, "metadata.resourceVersion", ""))
