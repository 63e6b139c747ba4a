"""Detects writes without a change: who updates objects again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from labgrader.grading.context import Context
from labgrader.kube.resources import Object, Resource, dig, name_of
from labgrader.kube.timestamps import moment

VAIN_WRITES = 2
"""How many recorded writes within a quiet time are too many: one may be a heartbeat."""

LOOK_SECONDS = 0.4
"""How long after one look the next one is taken."""

_PARTS = (
    *("spec", "status", "metadata.annotations", "metadata.labels"),
    *("metadata.finalizers", "metadata.ownerReferences"),
)
_BOOKKEEPING = ("resourceVersion", "managedFields", "generation")


class Quiet:
    """Watches resources of one type and their children, by looking at them again and again.

    A child is an object of ``kinds`` whose name begins with that of a resource. Of children the
    status and the replicas do not count: controllers of Kubernetes itself write them.

    Args:
        account: the service account whose writes are looked for in the record.
        about: whether a resource of this name is watched.
    """

    def __init__(
        self,
        ctx: Context,
        resource: Resource,
        kinds: Sequence[Resource],
        account: str,
        about: Callable[[str], bool] = lambda name: True,
    ) -> None:
        self._ctx, self._resource, self._kinds = ctx, resource, kinds
        self._about = about
        self._user = f"system:serviceaccount:{ctx.namespace}:{account}"
        self.changed = ""
        self._owners: tuple[str, ...] = ()
        self._seen = dict(self._look())
        self._since = self._looked = time.monotonic()

    @property
    def watches_something(self) -> bool:
        """Whether there was any resource at the last look."""
        return bool(self._seen)

    def lasted(self) -> float:
        """Look, unless that was just done; return for how many seconds nothing has changed."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return self._looked - self._since
        now, self._looked = dict(self._look()), time.monotonic()
        different = {key: one for key, one in now.items() if self._seen.get(key) != one}
        if different or now.keys() != self._seen.keys():
            parts = (f"{key} ({self._parts(key, one)})" for key, one in different.items())
            self.changed = ", ".join(sorted(parts)[:3]) or self.changed or "children come and go"
            self._seen, self._since = now, self._looked
        return self._looked - self._since

    def written_in_vain(self, seconds: float) -> str:
        """Name what the account has written in the last ``seconds``, by the record."""
        now, found = self._ctx.server_time(), dict[str, int]()
        for kind in (self._resource, *self._kinds):
            for write in self._ctx.audited_writes(kind, fresh=True) or ():
                at = moment(write.at)
                mine = write.user == self._user and self._is_about(kind, write.name)
                if mine and at and (now - at).total_seconds() < seconds:
                    key = kind.describe(write.name)
                    found[key] = found.get(key, 0) + 1
        busy = {key: count for key, count in found.items() if count >= VAIN_WRITES}
        told = (f"{key} ({count} writes in {seconds:.0f} s)" for key, count in busy.items())
        return ", ".join(list(told)[:3])

    def _is_about(self, kind: Resource, name: str) -> bool:
        if kind == self._resource:
            return self._about(name)
        return name.startswith(self._owners)

    def _look(self) -> Iterator[tuple[str, Object]]:
        listed = self._ctx.list_live(self._resource)
        resources = [one for one in listed if self._about(name_of(one))]
        self._owners = tuple(f"{name_of(one)}-" for one in resources)
        for one in resources:
            yield self._resource.describe(name_of(one)), _essence(one)
        for kind in self._kinds:
            for one in self._ctx.list_live(kind):
                if name_of(one).startswith(self._owners):
                    child = {key: value for key, value in _essence(one).items() if key != "status"}
                    spec = dict(dig(child, "spec", {}))
                    spec.pop("replicas", None)
                    yield kind.describe(name_of(one)), {**child, "spec": spec}

    def _parts(self, key: str, one: Object) -> str:
        """Say which parts of an object differ from what was seen before."""
        before = self._seen.get(key, {})
        parts = [part for part in _PARTS if dig(one, part) != dig(before, part)]
        return ", ".join(parts) or "metadata"


def _essence(obj: Object) -> Object:
    """Return an object without what changes with each write."""
    metadata = {
        key: value for key, value in dig(obj, "metadata", {}).items() if key not in _BOOKKEEPING
    }
    return {**obj, "metadata": metadata}
