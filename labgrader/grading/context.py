"""The context of a check: everything that a check may read, run or create temporarily."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from labgrader.errors import ClusterError, LabError, MissingCapability, TimedOut
from labgrader.grading import capabilities, kubectl_dependencies
from labgrader.grading.cluster_reader import ClusterReader
from labgrader.grading.services import CheckServices, Watched
from labgrader.grading.snapshot import ReadKey, Snapshot
from labgrader.grading.temporary_objects import TemporaryObject
from labgrader.kube.leases import FLIPS, flips
from labgrader.kube.protocols import Answer, AuditedWrite, Said
from labgrader.kube.resources import CRD, Object, Resource, dig, name_of

T = TypeVar("T")

ANSWER_SECONDS = 3.0
"""How long a server in a container may take; the probes of the lab allow it five."""

KUBECTL_SECONDS = 8.0
"""How long one call of kubectl may take: a runbook is for people who are in a hurry."""

JUDGE_SECONDS = 25.0

LOOK_PAUSE = 0.25


class Context(ClusterReader):
    """Given to every check: all of ``ClusterReader``, what runs in pods, what was done, and time.

    Args:
        services: what this run offers beside the API's objects.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        namespace: str,
        deadline: float,
        clock: Callable[[], float] = time.monotonic,
        services: CheckServices | None = None,
    ) -> None:
        super().__init__(snapshot, namespace, deadline, clock)
        self._services = services or CheckServices()

    def http_get(
        self, kind: str, name: str, port: int | str, path: str, *, fresh: bool = False
    ) -> Answer:
        """GET ``path`` of a server in the lab's namespace, through the API server's proxy.

        Args:
            kind: ``pods`` or ``services``.
            port: its number, or for a service the port's name.
            fresh: ask again, whatever it has answered before in this run; what it says is no news.
        """
        containers = self._services.containers
        if containers is None:
            raise MissingCapability(
                "Servers in pods cannot be asked here", "See `labgrader doctor`"
            )
        root = f"/api/v1/namespaces/{self.namespace}/{kind}/{name}:{port}/proxy"
        whole = f"{root}/{path.lstrip('/')}"
        if fresh:
            return self._ask(containers.http_get, whole)
        self.asked.add(whole)
        return self._snapshot.once(whole, lambda: self._ask(containers.http_get, whole))

    def _ask(self, get: Callable[..., Answer], path: str) -> Answer:
        try:
            return get(path, timeout=min(ANSWER_SECONDS, self.remaining()))
        except TimedOut:
            # Whose fault is it? Where the API server itself answers, it is the server's in the pod.
            self._snapshot.cluster.version(timeout=min(2, self.remaining()))
            return Answer(None, f"it did not answer within {ANSWER_SECONDS:.0f} s")

    def execute(self, pod: str, container: str, command: Sequence[str]) -> str:
        """Run a command in a container and return what it printed. Raises as ``Containers``."""
        containers = self._services.containers
        if containers is None:
            raise MissingCapability("Nothing can be run in pods here", "See `labgrader doctor`")
        timeout = min(ANSWER_SECONDS, self.remaining())
        key = ("execute", pod, container, *command)
        self.asked.add(key)
        return self._snapshot.once(
            key,
            lambda: containers.execute(self.namespace, pod, container, command, timeout=timeout),
        )

    def get_live(self, resource: Resource, name: str) -> Object | None:
        """Read an object as it is now, beside the run's view; what becomes of it is no news."""
        namespace = self.namespace if resource.namespaced else None
        return self._snapshot.cluster.get(
            resource, name, namespace, timeout=min(5, self.remaining())
        )

    def list_live(self, resource: Resource, labels: str = "") -> list[Object]:
        """Read a collection as it is now, as ``look`` does."""
        namespace = self.namespace if resource.namespaced else None
        timeout = min(10, self.remaining())
        found = self._snapshot.cluster.list(resource, namespace, labels=labels, timeout=timeout)
        return found or []

    def get_raw(self, path: str) -> str:
        """GET any path of the API that answers with a text, such as a log."""
        return self._snapshot.cluster.text(path, timeout=min(15, self.remaining())) or ""

    def kubectl(self, arguments: Sequence[str]) -> Said:
        """Run kubectl on this cluster. For reads only: see ``kube.kubectl_command.plan``."""
        kubectl = self._services.kubectl
        if kubectl is None:
            raise MissingCapability("kubectl cannot be run here", "See `labgrader doctor`")
        key = ("kubectl", *arguments)
        self.asked.add(key)

        def run() -> Said:
            seen = kubectl_dependencies.seen(arguments, self._read)
            return seen or kubectl.run(arguments, timeout=min(KUBECTL_SECONDS, self.remaining()))

        return self._snapshot.once(key, run, self._of_call(arguments))

    def _of_call(self, arguments: Sequence[str]) -> frozenset[ReadKey]:
        """Read and note what a call of kubectl rests on, where answers are to last."""
        if not self._snapshot.lasting:
            return frozenset()
        try:
            self.read_keys.add(ReadKey(CRD))
            found = kubectl_dependencies.of_call(arguments, self._read)
            for read_key in found:
                self._read(read_key)
        except ClusterError:  # what may not be read may still be asked for
            return frozenset()
        self.read_keys |= found
        return found

    def ask_prometheus(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """Put a question to Prometheus' own code; ``toolkit.prometheus.rules`` makes them. Pure."""
        judge = self._services.judge
        if judge is None:
            raise MissingCapability("Alerts cannot be judged here", "Run `make kube`")
        return judge.evaluate(question, timeout=min(JUDGE_SECONDS, self.remaining()))

    @property
    def runs_containers(self) -> bool:
        """Whether there are nodes that do what a Pod says; for checks that can do without."""
        return capabilities.CONTAINERS in capabilities.offered(self._snapshot)

    def previous_log(self, pod: str, container: str) -> str:
        """Return the last line that a container's run before this one has logged; empty if none.

        Only ever a hint for a reason: what may not or cannot be read is left out.
        """
        query = f"container={container}&previous=true&tailLines=1&limitBytes=2000"
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/log?{query}"
        self.asked.add(path)
        try:
            said = self._snapshot.once(
                path, lambda: self._snapshot.cluster.text(path, timeout=min(2, self.remaining()))
            )
        except LabError:
            return ""
        return " ".join((said or "").split())[:200]

    def audited_writes(
        self, resource: Resource, *, fresh: bool = False, contents: bool = False
    ) -> list[AuditedWrite] | None:
        """Return what was done to objects of a type here, oldest first; None where unrecorded.

        Args:
            fresh: read what was done up to now, and not only up to the first look of this run.
            contents: it must tell what an object was after each write.

        Raises:
            MissingCapability: the cluster records, but not this: that is not "nothing was done".
        """
        record = self._services.record
        if record is None:
            return None
        if not record.keeps(resource, self.namespace, contents=contents):
            raise MissingCapability(
                f"What was done to {resource.plural} is not known: this cluster does not record it",
                "Start it anew: `labgrader cluster down`, then `labgrader cluster up`",
            )
        if fresh:
            return record.audited_writes(resource, self.namespace)
        self.read_keys.add(ReadKey(resource, self.namespace))
        key = ("audited_writes", resource)
        self.asked.add(key)
        return self._snapshot.once(key, lambda: record.audited_writes(resource, self.namespace))

    def server_time(self) -> datetime:
        """Return the API server's time, to the second: this machine's clock may be another."""
        ahead = self._snapshot.once("clock", self._ahead)
        return datetime.fromtimestamp(time.time() + ahead, UTC)

    def _ahead(self) -> float:
        told = self._snapshot.cluster.time(timeout=min(5, self.remaining()))
        return told.timestamp() + 0.5 - time.time()  # half a second: it was cut off

    def changes_within(
        self,
        resource: Resource,
        name: str,
        path: str,
        by: str,
        seconds: float,
        steady: float = 0.0,
    ) -> Watched:
        """Watch for up to ``seconds`` whether a value changes while the one at ``by`` stays.

        What another grading of this process has seen within that time counts as well, so that a
        live session need not wait each time.

        Args:
            steady: how long the value at ``by`` must have stayed while this watches.
        """
        begun = since = time.monotonic()
        end = begun + min(seconds, self.remaining() - 1)
        hands: list[str] = []
        while True:
            found = self._snapshot.cluster.get(
                resource, name, self.namespace, timeout=min(5, self.remaining())
            )
            hand, now = str(dig(found, by, "")), time.monotonic()
            if not hands or hands[-1] != hand:
                hands.append(hand)
                since = now
            key = (resource, name_of(found or {}), dig(found, "metadata.uid"), path)
            moved = self._services.values.note(key, dig(found, path), hand, seconds)
            if moved and now - since >= steady:
                return Watched(True, tuple(hands))
            if now >= end or flips(hands) >= FLIPS:
                return Watched(False, tuple(hands))
            time.sleep(LOOK_PAUSE)

    def demand_writes(self, why: str) -> None:
        """Raise where this run may not write; for a check that needs it on some clusters only.

        Args:
            why: what for, as the beginning of the sentence that is shown.
        """
        if not self._services.may_write:
            raise MissingCapability(
                f"{why}, and labgrader may not write here",
                "Agree with `labgrader cluster prepare`, and leave out --read-only",
            )

    def observed_once(self, key: Hashable, observe: Callable[[], T]) -> T:
        """Return what was observed under ``key`` before in this process, or observe it now.

        For what takes seconds and changes the cluster, so that a live session does it once.
        """
        return self._services.observations.get(key, observe)

    def temporary_object(self, resource: Resource) -> TemporaryObject:
        """Return a probe of this type, for a ``with`` statement (needs the capability writes)."""
        probes = self._services.probes
        probe = TemporaryObject(
            self._snapshot.cluster,
            resource,
            self.namespace,
            self.remaining,
            lambda: self.server_time().timestamp(),
            probes,
        )
        probes.opened(probe, probe.remove)
        return probe
