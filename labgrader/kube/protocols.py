"""Protocols of what grading needs from outside: cluster, pods, kubectl, audit log, evaluator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableSequence, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from labgrader.kube.resources import Object, Resource


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One change: ``type`` is ADDED, MODIFIED or DELETED; ``object`` is the whole object.

    SYNCED (with an empty object) comes once, after the objects that were there at the start.
    """

    type: str
    object: Object


class Cluster(Protocol):
    """A Kubernetes API, in few methods.

    Every method raises ``errors.ClusterError`` when the API cannot be asked (unreachable,
    timed out, forbidden) and ``errors.Rejected`` when it answered and refused. ``timeout`` is
    in seconds and bounds the whole call. Objects go in and come out as plain dicts.
    """

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        ...

    def get(
        self, resource: Resource, name: str, namespace: str | None = None, *, timeout: float = 5
    ) -> Object | None:
        """Read one object; None when it, its namespace or its type does not exist."""
        ...

    def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        labels: str = "",
        timeout: float = 10,
    ) -> list[Object] | None:
        """Read a whole collection (paged underneath); None when the type does not exist."""
        ...

    def create(
        self,
        resource: Resource,
        body: Object,
        namespace: str | None = None,
        *,
        dry_run: bool = False,
        timeout: float = 5,
        warnings: MutableSequence[str] | None = None,
    ) -> Object:
        """POST an object, strictly validated, and return it as stored.

        Args:
            warnings: gets the warnings of the response, also where the object is refused.
        """
        ...

    def apply(
        self,
        resource: Resource,
        body: Object,
        namespace: str | None = None,
        *,
        dry_run: bool = False,
        timeout: float = 10,
    ) -> Object:
        """Server-side apply as field manager ``labgrader``, taking over conflicting fields."""
        ...

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
        """Send a merge patch (mapping) or a JSON patch (list); a ``Table`` with ``as_table``."""
        ...

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
        """Ask for a deletion; False when it was not there. ``uid`` guards against a twin.

        Args:
            foreground: the object stays until what it owns is gone.
        """
        ...

    def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        name: str | None = None,
        seconds: int = 60,
    ) -> Iterator[WatchEvent]:
        """Yield present objects as ADDED, then SYNCED, then changes, for ``seconds``; then end.

        Ends at once, without SYNCED, when the type does not exist.
        """
        ...

    def document(self, path: str, kind: str, *, timeout: float = 5) -> Object | None:
        """GET a path that answers with JSON of that kind; None where it is not there."""
        ...

    def text(self, path: str, *, timeout: float = 5) -> str | None:
        """GET a path that answers with text (a log); None where it is not there."""
        ...

    def version(self, *, timeout: float = 5) -> str:
        """Return the API server's ``gitVersion``; raises where it does not answer as one."""
        ...

    def time(self, *, timeout: float = 5) -> datetime:
        """Return the API server's time, to the second."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server in a container said, asked through the API server.

    ``status`` is None where it was not reached; ``body`` then says why. ``cut`` says that there was
    more than is worth reading.
    """

    status: int | None
    body: str
    cut: bool = False


class Containers(Protocol):
    """What runs in pods, as far as the API server lets one at it. Errors as ``Cluster``."""

    def http_get(self, path: str, *, timeout: float = 3) -> Answer:
        """GET a ``…/proxy/…`` path of a pod or a service."""
        ...

    def execute(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, timeout: float
    ) -> str:
        """Run a command in a container and return what it printed.

        Raises:
            Rejected: it cannot be started there, or ends with another code than 0.
        """
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """How a program ended (None: it did not) and what it said."""

    code: int | None
    out: str
    err: str


class Kubectl(Protocol):
    """kubectl, on the chosen cluster."""

    def run(self, arguments: Sequence[str], *, timeout: float) -> Said:
        """Run it with these arguments; whether they only read is up to who calls.

        Raises:
            MissingCapability: there is none.
        """
        ...


class RuleEvaluator(Protocol):
    """Prometheus' own code, for alerts and dashboards (``embedded/rules``)."""

    def evaluate(self, question: Mapping[str, Any], *, timeout: float) -> Mapping[str, Any]:
        """Put a question, plain JSON; the same one is answered once.

        Raises:
            MissingCapability: it is not there.
            TimedOut: it did not answer in time, or would have used too much memory.
        """
        ...


@dataclass(frozen=True, slots=True)
class AuditedWrite:
    """One write that the API server answered: who did what, and what the object was then.

    ``code`` is the HTTP status; ``after`` is what came back (empty where the record does not hold
    bodies). ``pod`` and ``pod_uid`` name the pod whose token was used, where it was a pod's own;
    ``agent`` is the program, as it calls itself, and ``address`` where the request came from.
    """

    at: str
    user: str
    verb: str
    name: str
    subresource: str
    code: int
    after: Object = field(default_factory=dict)
    pod: str = ""
    pod_uid: str = ""
    agent: str = ""
    address: str = ""


class AuditLog(Protocol):
    """What was done to objects, oldest first, as far back as the cluster remembers."""

    def keeps(self, resource: Resource, namespace: str, *, contents: bool = False) -> bool:
        """Whether writes to objects of one type are kept at all, or with their contents."""
        ...

    def audited_writes(self, resource: Resource, namespace: str) -> list[AuditedWrite]:
        """Return the writes to objects of one type."""
        ...
