"""Reads objects through the shared snapshot; dry-runs and access reviews. Changes nothing."""

from __future__ import annotations

import json
import marshal
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from labgrader.errors import ClusterError, TimedOut
from labgrader.grading import dependencies
from labgrader.grading.dry_runs import DryRun, dry_run
from labgrader.grading.findings import Failure
from labgrader.grading.snapshot import ReadKey, Snapshot
from labgrader.kube.resources import ACCESS_REVIEW, Object, Resource, dig, name_of
from labgrader.kube.rest_mapper import RestMapper
from labgrader.model.result import Evidence
from labgrader.util.suggestion import misspelled

T = TypeVar("T")


def _copied(answer: T) -> T:
    """Copy what came over the wire: plain JSON values, twenty times as fast as ``deepcopy``."""
    wire: Any = answer
    copied: T = marshal.loads(marshal.dumps(wire))  # noqa: S302 - our own bytes, a moment old
    return copied


class ClusterReader:
    """The first half of a check's context: keeps its deadline, and what it read and asked.

    Args:
        snapshot: the view that all checks of this run share.
        namespace: the lab's namespace.
        deadline: when the check must be done (``time.monotonic`` seconds).
    """

    def __init__(
        self,
        snapshot: Snapshot,
        namespace: str,
        deadline: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.namespace = namespace
        self.read_keys: set[ReadKey] = set()
        self.asked: set[Hashable] = set()
        self._snapshot = snapshot
        self._deadline = deadline
        self._clock = clock

    def remaining(self) -> float:
        """Return the seconds left; raise ``TimedOut`` when there are none."""
        left = self._deadline - self._clock()
        if left <= 0:
            raise TimedOut("The check ran out of time", "Try again; the cluster is slow to answer")
        return left

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object | None:
        """Read one object, None when it (or its type) does not exist. A copy: change it freely."""
        read_key = ReadKey(resource, namespace, name)
        self.read_keys.add(read_key)
        return _copied(self._snapshot.get(read_key, min(5, self.remaining())))

    def served(self, group: str) -> list[Object] | None:
        """Return what discovery lists of an API group, in all its versions.

        Returns:
            Entries of ``APIResourceList``; None where the API server does not serve the group.
        """
        cluster = self._snapshot.cluster
        return self._snapshot.once(
            ("served", group), lambda: RestMapper(cluster).of_group(group, min(5, self.remaining()))
        )

    def list(self, resource: Resource, namespace: str | None = None) -> list[Object]:
        """Read a collection; empty also when the type does not exist."""
        read_key = ReadKey(resource, namespace)
        self.read_keys.add(read_key)
        return _copied(self._snapshot.list(read_key, self.remaining()) or [])

    def computed(
        self,
        resource: Resource,
        make: Callable[[Sequence[Object]], T],
        namespace: str | None = None,
    ) -> T:
        """Return what ``make`` works out from a collection: once for all checks that ask for it.

        Args:
            make: see ``Snapshot.computed``. It gets the objects as they were read, not a copy.
        """
        read_key = ReadKey(resource, namespace)
        self.read_keys.add(read_key)
        return self._snapshot.computed(read_key, make, self.remaining())

    def serves(self, resource: Resource) -> bool:
        """Whether the API server knows a type."""
        read_key = ReadKey(resource, self.namespace if resource.namespaced else None)
        self.read_keys.add(read_key)
        return self._snapshot.list(read_key, self.remaining()) is not None

    def require(
        self, resource: Resource, name: str, namespace: str | None = None, *, fix: str = ""
    ) -> Object:
        """Read one object, or fail the check because it is not there."""
        found = self.get(resource, name, namespace)
        if found is None:
            label = resource.describe(name, namespace)
            alike = self._alike(resource, name, namespace)
            raise Failure(
                f"{label} does not exist{f'; there is {alike}' if alike else ''}",
                expected=label,
                actual=alike or "not found",
                fix=fix,
                evidence=[Evidence(label)],
            )
        return found

    def _alike(self, resource: Resource, name: str, namespace: str | None) -> str:
        """Return the name of an object that may be the missing one, misspelled; empty if none."""
        try:
            return misspelled(name, (name_of(one) for one in self.list(resource, namespace)))
        except ClusterError:  # who may not list knows of no other names
            return ""

    def dry_run_create(
        self, resource: Resource, body: Object, namespace: str | None = None
    ) -> Object:
        """Ask the API server whether it would admit ``body``; nothing is stored.

        Raises:
            Rejected: it would not, with the server's own words.
        """
        depends_on = self._of_admission(resource, namespace)
        key = ("create", resource, namespace, json.dumps(body, sort_keys=True))
        self.asked.add(key)
        return self._snapshot.once(
            key,
            lambda: self._snapshot.cluster.create(
                resource, body, namespace, dry_run=True, timeout=min(5, self.remaining())
            ),
            depends_on,
        )

    def dry_run(
        self,
        resource: Resource,
        body: Object,
        namespace: str | None = None,
        *,
        depends_on: Iterable[ReadKey] = (),
    ) -> DryRun:
        """Ask as ``dry_run_create`` does; return the refusal and the warnings as well.

        Args:
            depends_on: reads that decide the answer beside those of every object, such as the
                LimitRanges of a Pod's namespace.
        """
        read_keys = dependencies.of_admission(resource, namespace) | frozenset(depends_on)
        key = ("dry run", resource, namespace, json.dumps(body, sort_keys=True))
        self.asked.add(key)
        return self._snapshot.once(
            key,
            lambda: dry_run(
                self._snapshot.cluster, resource, body, namespace, min(5, self.remaining())
            ),
            self._dependencies(read_keys, resource),
        )

    def access_review(self, spec: Mapping[str, Any]) -> bool:
        """Ask the authorizer by a SubjectAccessReview, which stores nothing; True is allowed.

        Args:
            spec: ``user``, ``groups``, and ``resourceAttributes`` or ``nonResourceAttributes``.
                Groups are not implied: name them all.
        """
        key = ("access", json.dumps(spec, sort_keys=True))
        self.asked.add(key)
        body: Object = {
            "apiVersion": ACCESS_REVIEW.api_version,
            "kind": ACCESS_REVIEW.kind,
            "spec": dict(spec),
        }
        answer = self._snapshot.once(
            key,
            lambda: self._snapshot.cluster.create(
                ACCESS_REVIEW, body, timeout=min(5, self.remaining())
            ),
            self._dependencies(dependencies.ACCESS, ACCESS_REVIEW),
        )
        return bool(dig(answer, "status.allowed", False))

    def dry_run_patch(
        self,
        resource: Resource,
        name: str,
        patch: Mapping[str, Any],
        namespace: str | None = None,
        *,
        subresource: str = "",
        as_table: bool = False,
    ) -> Object:
        """Ask what a merge patch would give; nothing is stored. Raises ``Rejected``."""
        depends_on = self._of_admission(resource, namespace, name)
        text = json.dumps(patch, sort_keys=True)
        key = ("patch", resource, namespace, name, subresource, as_table, text)
        self.asked.add(key)
        return self._snapshot.once(
            key,
            lambda: self._snapshot.cluster.patch(
                resource,
                name,
                patch,
                namespace,
                subresource=subresource,
                dry_run=True,
                as_table=as_table,
                timeout=min(5, self.remaining()),
            ),
            depends_on,
        )

    def _of_admission(
        self, resource: Resource, namespace: str | None, name: str | None = None
    ) -> frozenset[ReadKey]:
        return self._dependencies(dependencies.of_admission(resource, namespace, name), resource)

    def _dependencies(
        self, read_keys: frozenset[ReadKey], resource: Resource
    ) -> frozenset[ReadKey]:
        """Note what an answer rests on; return it where that is known and answers are to last."""
        self.read_keys |= read_keys
        told = self._snapshot.lasting and self._snapshot.once(
            ("dependencies", read_keys, resource),
            lambda: dependencies.can_be_told(self._read, read_keys, resource),
        )
        return read_keys if told else frozenset()

    def _read(self, read_key: ReadKey) -> object:
        read = self._snapshot.list if read_key.name is None else self._snapshot.get
        return read(read_key, min(5, self.remaining()))
