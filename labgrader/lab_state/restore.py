"""Restores a solved lab after a case, touching only what the case has changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from labgrader.errors import LabError, Rejected
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import CRD, Object, Resource, dig, name_of
from labgrader.kube.waiting import wait_until, wait_until_gone

GONE_SECONDS = 60.0
"""A namespace takes its time: five seconds of grace, and then one by one what is in it."""

_OWN_METADATA = ("labels", "annotations", "finalizers")
_SERVER_KEYS = ("apiVersion", "kind", "metadata", "status")


@dataclass(frozen=True, slots=True)
class Kept:
    """One object as it was."""

    resource: Resource
    namespace: str | None
    original: Object

    @property
    def name(self) -> str:
        """The object's name."""
        return name_of(self.original)

    @property
    def is_custom(self) -> bool:
        """Whether a definition defines its type, rather than Kubernetes itself."""
        return "." in self.resource.group and not self.resource.group.endswith("k8s.io")


class RestorePoint:
    """The objects of a solved lab, as they were when this was made.

    Args:
        objects: resource, namespace and name of each, in the order in which they can be created.
    """

    def __init__(
        self, cluster: Cluster, objects: Iterable[tuple[Resource, str | None, str]]
    ) -> None:
        self._cluster = cluster
        self._kept: list[Kept] = []
        for resource, namespace, name in objects:
            found = cluster.get(resource, name, namespace)
            if found is None:
                raise LabError(f"{resource.describe(name, namespace)} is not there to be kept")
            self._kept.append(Kept(resource, namespace, found))

    def along_with(self, objects: Iterable[tuple[Resource, str | None, str]]) -> RestorePoint:
        """Return a baseline that keeps these as well, where they are there and not yet kept.

        For what a case touches and no solution made: somebody else's object, put back all the same.
        Definitions come first: nothing of their types can be put back without them.
        """
        wider = RestorePoint(self._cluster, ())
        wider._kept = list(self._kept)
        known = {(kept.resource, kept.namespace, kept.name) for kept in self._kept}
        for resource, namespace, name in objects:
            if (resource, namespace, name) in known:
                continue
            known.add((resource, namespace, name))
            found = self._cluster.get(resource, name, namespace)
            if found is not None:
                at = 0 if resource == CRD else len(wider._kept)
                wider._kept.insert(at, Kept(resource, namespace, found))
        return wider

    def restore(self) -> None:
        """Make every object what it was; raise ``LabError`` where that cannot be done."""
        for kept in reversed(self._kept):  # what holds a namespace must let go before it
            self._release(kept)
        for kept in self._kept:
            self._put_back(kept)
            if kept.is_custom:
                self._put_status_back(kept)

    def _release(self, kept: Kept) -> None:
        """Take off finalizers that were not there, and help a deletion out of the way."""
        current = self._cluster.get(kept.resource, kept.name, kept.namespace)
        if current is None:
            return
        before = dig(kept.original, "metadata.finalizers", [])
        if dig(current, "metadata.finalizers", []) != before:
            patch = {"metadata": {"finalizers": before}}
            self._cluster.patch(kept.resource, kept.name, patch, kept.namespace)
        if dig(current, "metadata.deletionTimestamp"):
            self._await_gone(kept)

    def _put_back(self, kept: Kept) -> None:
        current = self._cluster.get(kept.resource, kept.name, kept.namespace)
        if current is not None and _essence(current) == _essence(kept.original):
            return
        if current is not None and self._patched(kept, current):
            return
        if current is not None:
            self._cluster.delete(kept.resource, kept.name, kept.namespace)
            self._await_gone(kept)
        self._create(kept)

    def _put_status_back(self, kept: Kept) -> None:
        """Write a status as it was: no controller does where a person wrote it."""
        then = kept.original.get("status")
        now = (self._cluster.get(kept.resource, kept.name, kept.namespace) or {}).get("status")
        if then == now:
            return
        change = {"op": "remove", "path": "/status"}
        if then is not None:
            change = {"op": "add", "path": "/status", "value": then}
        self._cluster.patch(
            kept.resource, kept.name, [change], kept.namespace, subresource="status"
        )

    def _patched(self, kept: Kept, current: Object) -> bool:
        """Mend the object in place; False where a field cannot be changed."""
        try:
            self._cluster.patch(
                kept.resource, kept.name, _difference(current, kept.original), kept.namespace
            )
        except Rejected:
            return False
        return True

    def _create(self, kept: Kept) -> None:
        body = {key: value for key, value in kept.original.items() if key != "status"}
        metadata = kept.original["metadata"]
        body["metadata"] = {
            key: metadata[key] for key in ("name", "namespace", *_OWN_METADATA) if key in metadata
        }
        refusals: list[str] = []

        def created() -> bool:
            try:
                self._cluster.create(kept.resource, body, kept.namespace)
            except Rejected as error:  # its definition may need a moment to be served
                refusals.append(error.message)
                return error.reason == "AlreadyExists" and self._there_after_all(kept)
            return True

        if not wait_until(created, 10):
            raise LabError(f"{kept.resource.describe(kept.name)} cannot be made: {refusals[-1]}")

    def _there_after_all(self, kept: Kept) -> bool:
        """Mend what was not gone, but only not served when it was looked for."""
        current = self._cluster.get(kept.resource, kept.name, kept.namespace)
        if current is None:
            return False
        return _essence(current) == _essence(kept.original) or self._patched(kept, current)

    def _await_gone(self, kept: Kept) -> None:
        place = (kept.resource, kept.name, kept.namespace)
        if not wait_until_gone(self._cluster, *place, GONE_SECONDS):
            raise LabError(f"{kept.resource.describe(kept.name, kept.namespace)} does not go away")


def _essence(obj: Object) -> dict[str, Any]:
    """Return what a person wrote: everything but the server's own bookkeeping."""
    body = {key: value for key, value in obj.items() if key not in _SERVER_KEYS}
    return {**body, **{key: dig(obj, f"metadata.{key}") or None for key in _OWN_METADATA}}


def _difference(current: Object, original: Object) -> list[dict[str, Any]]:
    """Return the JSON patch from ``current`` to ``original``, top-level key by key."""
    pairs = [(f"/{key}", current.get(key), original.get(key)) for key in {*current, *original}]
    pairs = [pair for pair in pairs if pair[0][1:] not in _SERVER_KEYS]
    pairs += [
        (f"/metadata/{key}", dig(current, f"metadata.{key}"), dig(original, f"metadata.{key}"))
        for key in _OWN_METADATA
    ]
    patch: list[dict[str, Any]] = []
    for path, now, then in pairs:
        if then is not None and now != then:
            patch.append({"op": "add", "path": path, "value": then})
        elif then is None and now is not None:
            patch.append({"op": "remove", "path": path})
    return patch
