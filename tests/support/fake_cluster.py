"""An in-memory ``Cluster`` for fast unit tests of the engine. The truth is in tests/cluster."""

from __future__ import annotations

import copy
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from labgrader.errors import LabError, Rejected
from labgrader.kube.protocols import WatchEvent
from labgrader.kube.resources import Object, Resource, dig, name_of

Key = tuple[str, str | None, str]


class FakeCluster:
    """Keeps objects by type, namespace and name; ``faults`` decide which calls fail.

    ``served`` None means that every type exists; otherwise a set of plurals.
    """

    def __init__(self, served: set[str] | None = None) -> None:
        self.requests = 0
        self.calls: list[tuple[str, str, str | None, str | None]] = []
        self.served = served
        self.fault: Callable[[str, str], LabError | None] = lambda verb, plural: None
        self._objects: dict[Key, Object] = {}
        self._version = 0
        self._watchers: list[tuple[str, str | None, str | None, queue.SimpleQueue[Any]]] = []
        self._lock = threading.RLock()

    def get(
        self, resource: Resource, name: str, namespace: str | None = None, *, timeout: float = 5
    ) -> Object | None:
        self._call("get", resource, namespace, name)
        with self._lock:
            return copy.deepcopy(self._objects.get((resource.plural, namespace, name)))

    def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        labels: str = "",
        timeout: float = 10,
    ) -> list[Object] | None:
        self._call("list", resource, namespace, None)
        if self.served is not None and resource.plural not in self.served:
            return None
        return self._matching(resource.plural, namespace, None)

    def create(
        self,
        resource: Resource,
        body: Object,
        namespace: str | None = None,
        *,
        dry_run: bool = False,
        timeout: float = 5,
        warnings: Any = None,
    ) -> Object:
        self._call("create", resource, namespace, name_of(body))
        if resource.plural.endswith("reviews"):  # answered, and never stored
            return body
        key = (resource.plural, namespace, name_of(body))
        if key in self._objects:
            raise Rejected("already exists", status=409, reason="AlreadyExists")
        return body if dry_run else self._store("ADDED", key, body)

    def apply(
        self,
        resource: Resource,
        body: Object,
        namespace: str | None = None,
        *,
        dry_run: bool = False,
        timeout: float = 10,
    ) -> Object:
        self._call("apply", resource, namespace, name_of(body))
        key = (resource.plural, namespace, name_of(body))
        return self._store("MODIFIED" if key in self._objects else "ADDED", key, body)

    def patch(
        self,
        resource: Resource,
        name: str,
        patch: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        namespace: str | None = None,
        *,
        subresource: str = "",
        dry_run: bool = False,
        as_table: bool = False,
        timeout: float = 5,
    ) -> Object:
        self._call("patch", resource, namespace, name)
        assert isinstance(patch, Mapping), "the fake knows merge patches only"
        key = (resource.plural, namespace, name)
        merged = _merge(copy.deepcopy(self._objects[key]), patch)
        return merged if dry_run else self._store("MODIFIED", key, merged)

    def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        uid: str | None = None,
        foreground: bool = False,
        timeout: float = 5,
    ) -> bool:
        self._call("delete", resource, namespace, name)
        with self._lock:
            gone = self._objects.pop((resource.plural, namespace, name), None)
        if gone is not None:
            self._tell("DELETED", resource.plural, namespace, gone)
        return gone is not None

    def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        name: str | None = None,
        seconds: int = 60,
    ) -> Iterator[WatchEvent]:
        self._call("watch", resource, namespace, name)
        if self.served is not None and resource.plural not in self.served:
            return
        inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        with self._lock:
            present = self._matching(resource.plural, namespace, name)
            self._watchers.append((resource.plural, namespace, name, inbox))
        for obj in present:
            yield WatchEvent("ADDED", obj)
        yield WatchEvent("SYNCED", {})
        while (event := inbox.get()) is not None:
            if isinstance(event, LabError):
                raise event
            yield event

    def document(self, path: str, kind: str, *, timeout: float = 5) -> Object | None:
        self.requests += 1
        return None

    def text(self, path: str, *, timeout: float = 5) -> str | None:
        self.requests += 1
        return None

    def version(self, *, timeout: float = 5) -> str:
        self.requests += 1
        return "v1.37.2"

    def time(self, *, timeout: float = 5) -> datetime:
        self.requests += 1
        return datetime.now(UTC)

    def break_watches(self, error: LabError | None) -> None:
        """End every open watch, with an error or as a server does after its time."""
        with self._lock:
            watchers, self._watchers = self._watchers, []
        for *_, inbox in watchers:
            inbox.put(error)

    def put(self, resource: Resource, body: Object, namespace: str | None = None) -> Object:
        """Store an object from the outside, as a learner's kubectl does."""
        key = (resource.plural, namespace, name_of(body))
        return self._store("MODIFIED" if key in self._objects else "ADDED", key, body)

    def _call(self, verb: str, resource: Resource, namespace: str | None, name: str | None) -> None:
        self.requests += 1
        self.calls.append((verb, resource.plural, namespace, name))
        error = self.fault(verb, resource.plural)
        if error is not None:
            raise error

    def _matching(self, plural: str, namespace: str | None, name: str | None) -> list[Object]:
        with self._lock:
            return [
                copy.deepcopy(obj)
                for key, obj in self._objects.items()
                if key[0] == plural and namespace in (None, key[1]) and name in (None, key[2])
            ]

    def _store(self, kind: str, key: Key, body: Object) -> Object:
        stored = copy.deepcopy(body)
        with self._lock:
            self._version += 1
            metadata = stored.setdefault("metadata", {})
            metadata.setdefault("uid", f"uid-{self._version}")
            metadata["resourceVersion"] = str(self._version)
            if key[1]:
                metadata["namespace"] = key[1]
            self._objects[key] = stored
            self._tell(kind, key[0], key[1], stored)
        return copy.deepcopy(stored)

    def _tell(self, kind: str, plural: str, namespace: str | None, obj: Object) -> None:
        for watched, where, name, inbox in self._watchers:
            if watched == plural and where in (None, namespace) and name in (None, name_of(obj)):
                inbox.put(WatchEvent(kind, copy.deepcopy(obj)))


def _merge(target: Any, patch: Mapping[str, Any]) -> Any:
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, Mapping):
            target[key] = _merge(dict(dig(target, key, {})), value)
        else:
            target[key] = value
    return target
