"""A Deployment with its ReplicaSets and pods, and helpers to read pod specs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from labgrader.errors import Unsettled
from labgrader.grading.cluster_reader import ClusterReader
from labgrader.grading.findings import Failure
from labgrader.kube.conditions import condition
from labgrader.kube.resources import DEPLOYMENT, POD, REPLICA_SET, Object, dig
from labgrader.kube.timestamps import moment
from labgrader.model.result import Evidence

_REVISION = "deployment.kubernetes.io/revision"


PATIENCE = timedelta(seconds=60)
"""How long a rollout may make no progress before it is judged: images are pulled, probes wait."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment, and by the chain of owners what belongs to it.

    ``sets`` has the newest revision first; ``pods`` are those that are not being deleted and have
    not ended: an evicted pod stays listed for long, and does nothing any more.
    """

    deployment: Object
    sets: Sequence[Object]
    pods: Sequence[Object]

    @classmethod
    def read(cls, ctx: ClusterReader, name: str) -> Self:
        """Read all of it; fail the check where the Deployment is not there.

        Raises:
            Unsettled: its controller has not looked at its last change yet.
        """
        where = ctx.namespace
        deployment = ctx.require(
            DEPLOYMENT, name, where, fix=f"Create the Deployment {name} in {where}"
        )
        label = DEPLOYMENT.describe(name, where)
        doomed = dig(deployment, "metadata.deletionTimestamp")
        if doomed:
            raise Failure(
                f"{label} is being deleted",
                expected="a Deployment that stays",
                actual=f"deletionTimestamp {doomed}",
                fix="Wait until it is gone, and create it again",
                evidence=[Evidence(label, "metadata.deletionTimestamp", str(doomed))],
            )
        seen, now = (dig(deployment, path, 0) for path in _GENERATIONS)
        if seen < now:
            raise Unsettled(f"The Deployment {name} was changed, and nobody has acted on it yet")
        sets = sorted(_owned(ctx.list(REPLICA_SET, where), deployment), key=_revision, reverse=True)
        pods = ctx.list(POD, where)
        owned = [pod for owner in sets for pod in _owned(pods, owner)]
        return cls(deployment, sets, [pod for pod in owned if not (_doomed(pod) or ended(pod))])

    @property
    def template(self) -> Object:
        """The spec that its pods get."""
        spec: Object = dig(self.deployment, "spec.template.spec", {})
        return spec

    @property
    def wanted(self) -> int:
        """How many pods it asks for."""
        return int(dig(self.deployment, "spec.replicas", 1))

    def current(self) -> list[Object]:
        """Return the pods of the newest revision."""
        return list(_owned(self.pods, self.sets[0])) if self.sets else []

    def condition(self, kind: str) -> Object:
        """Return a condition of the Deployment; empty where it has none of that type."""
        return condition(self.deployment, kind)

    def is_moving(self, now: datetime) -> bool:
        """Whether a rollout may still get there by itself: it got further not long ago."""
        refused = self.condition("ReplicaFailure").get("status") == "True"
        last = moment(self.condition("Progressing").get("lastUpdateTime"))
        return bool(self.wanted and not refused and last and now - last < PATIENCE)


_GENERATIONS = ("status.observedGeneration", "metadata.generation")


def _doomed(obj: Object) -> bool:
    return bool(dig(obj, "metadata.deletionTimestamp"))


def _owned(objects: Sequence[Object], owner: Object) -> Iterator[Object]:
    """Yield those whose controller is ``owner``."""
    uid = dig(owner, "metadata.uid")
    for obj in objects:
        owners = dig(obj, "metadata.ownerReferences", [])
        if any(one.get("uid") == uid and one.get("controller") for one in owners):
            yield obj


def _revision(replica_set: Object) -> int:
    text = str(dig(replica_set, "metadata.annotations", {}).get(_REVISION, ""))
    return int(text) if text.isdecimal() else 0


def ended(pod: Object) -> bool:
    """Whether a pod has run to its end, well or badly, or was evicted."""
    return dig(pod, "status.phase") in ("Succeeded", "Failed")


def is_ready(pod: Object) -> bool:
    """Whether a pod takes traffic, as its own conditions say."""
    return condition(pod, "Ready").get("status") == "True"


def resolve_port(container: Object, port: object) -> int | None:
    """Return the number of a port that is named or numbered; None for a name that it lacks."""
    if isinstance(port, int):
        return port
    named = [one for one in dig(container, "ports", []) if one.get("name") == port]
    return int(named[0]["containerPort"]) if named else None


def service_targets(service: Object, spec: Object) -> dict[tuple[int, str], object]:
    """Return where each port of a Service leads, by its number and protocol.

    A target that is a name becomes the number of the container port that has it; one that no
    container of ``spec`` has stays a name.
    """
    named = {
        (port.get("name"), port.get("protocol", "TCP")): port.get("containerPort")
        for container in dig(spec, "containers", [])
        for port in container.get("ports") or ()
    }
    found: dict[tuple[int, str], object] = {}
    for port in dig(service, "spec.ports", []):
        protocol = str(port.get("protocol", "TCP"))
        target = port.get("targetPort", port.get("port"))
        found[int(port.get("port", 0)), protocol] = named.get((target, protocol), target)
    return found


def declares(container: Object, number: int) -> bool:
    """Whether a container declares a TCP port of that number."""
    return any(
        one.get("containerPort") == number and one.get("protocol", "TCP") == "TCP"
        for one in dig(container, "ports", [])
    )


def serving_container(spec: Object, numbers: Sequence[int]) -> Object:
    """Return the container that serves these ports: it declares them, and its probes ask them.

    Where several do as much, or none does anything, the first of them; a pod has at least one.
    """
    containers: list[Object] = dig(spec, "containers", [])

    def serves(container: Object) -> int:
        asked = [dig(container, f"{probe}.httpGet.port") for probe in _PROBES]
        declared = [number for number in numbers if declares(container, number)]
        probed = [port for port in asked if resolve_port(container, port) in numbers and port]
        return len(declared) + len(probed)

    return max(containers, key=serves, default={})


_PROBES = ("livenessProbe", "readinessProbe")


def runs_as(spec: Object, container: Object) -> tuple[int | None, bool]:
    """Return the user of a container (None: its image's), and whether root is refused.

    What the container says wins over what the pod says.
    """
    own, pod = (dig(one, "securityContext", {}) for one in (container, spec))
    user = own.get("runAsUser", pod.get("runAsUser"))
    refused = own.get("runAsNonRoot", pod.get("runAsNonRoot"))
    return user, bool(refused)
