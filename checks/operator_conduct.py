"""How an operator behaves when its work is disturbed; and whether autoscaling has happened."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from labgrader.api import (
    AUTOSCALER,
    DEPLOYMENT,
    EVENT,
    LEASE,
    SERVICE,
    Context,
    Evidence,
    Fact,
    Failure,
    Probe,
    Resource,
    check,
    dig,
    fact,
    leader,
)

REACT_SECONDS = 6.0
"""How long an operator may take to answer one disturbance."""

IDLE_SECONDS = 2.0
"""How long it is watched doing nothing."""


@check(capabilities=("writes",), seconds=60)
def operator_conduct(
    ctx: Context,
    group: str,
    version: str,
    kind: str,
    plural: str,
    lease: str,
    spec: Mapping[str, Any],
) -> Iterator[Fact]:
    """Disturbs the operator's work on a temporary resource of its own, and watches.

    An operator compares what is with what should be, again and again: a deleted child comes back, a
    hand-edited one is put right, a changed resource reaches its children. When nothing changes it
    writes nothing, and after a deletion nothing is left.
    """
    holder = leader(ctx.get(LEASE, lease, ctx.namespace), ctx.server_time())
    if holder is None:
        raise Failure(
            f"No operator holds the Lease {lease}",
            expected="an operator at work",
            actual="nobody",
            fix="Deploy one (task 3), or start the reference: labgrader operator run",
        )
    with ctx.probe(Resource(group, version, plural, kind)) as probe:
        name = probe.create({"spec": dict(spec)})
        yield from _disturbed(probe, _Children(probe, name), name)


class _Children:
    """The children of the probe's resource."""

    def __init__(self, probe: Probe, name: str) -> None:
        self._probe = probe
        self.names = {
            DEPLOYMENT: f"{name}-deployment",
            SERVICE: f"{name}-service",
            AUTOSCALER: f"{name}-hpa",
        }

    def see(self, kind: Resource, path: str) -> Any:
        """Return a value of a child; None where it is not there."""
        return dig(self._probe.cluster.get(kind, self.names[kind], self._probe.namespace), path)

    def count(self) -> int:
        """Return how many of the three are there."""
        return sum(self.see(kind, "metadata.uid") is not None for kind in self.names)

    def break_service(self) -> str:
        """Delete the Service; return its uid."""
        uid = str(self.see(SERVICE, "metadata.uid"))
        self._probe.cluster.delete(SERVICE, self.names[SERVICE], self._probe.namespace, uid=uid)
        return uid

    def bend_scaler(self, replicas: int) -> None:
        """Write another maximum into the autoscaler."""
        patch = {"spec": {"maxReplicas": replicas}}
        self._probe.cluster.patch(AUTOSCALER, self.names[AUTOSCALER], patch, self._probe.namespace)


def _disturbed(probe: Probe, children: _Children, name: str) -> Iterator[Fact]:
    made = probe.until(lambda: children.count() == 3, REACT_SECONDS)
    yield _seen("it makes the children of a new resource", made, f"{children.count()} of 3")
    if not made:
        return
    lost = children.break_service()
    back = probe.until(
        lambda: children.see(SERVICE, "metadata.uid") not in (None, lost), REACT_SECONDS
    )
    yield _seen("it makes a deleted Service again", back, "it stays away")
    wanted = children.see(AUTOSCALER, "spec.maxReplicas")
    children.bend_scaler(wanted + 7)
    right = probe.until(
        lambda: children.see(AUTOSCALER, "spec.maxReplicas") == wanted, REACT_SECONDS
    )
    yield _seen("it puts a hand-edited autoscaler right", right, f"maxReplicas {wanted + 7} stays")
    probe.patch(name, {"spec": {"scalingPolicy": {"maxReplicas": wanted + 1}}})
    follows = probe.until(
        lambda: children.see(AUTOSCALER, "spec.maxReplicas") == wanted + 1, REACT_SECONDS
    )
    yield _seen("its children follow a change of the resource", follows, "the autoscaler does not")
    yield _idle(probe, children, name)
    probe.delete(name)
    gone = probe.until(lambda: probe.read(name) is None, REACT_SECONDS * 2)
    left = probe.until(lambda: children.count() == 0, REACT_SECONDS) if gone else False
    yield _seen("nothing is left after a deletion", left, f"{children.count()} children are left")


def _idle(probe: Probe, children: _Children, name: str) -> Fact:
    """Wait until it comes to rest, and see that it stays there."""

    def versions() -> tuple[Any, ...]:
        return (
            dig(probe.read(name), "metadata.resourceVersion"),
            children.see(SERVICE, "metadata.resourceVersion"),
            children.see(AUTOSCALER, "metadata.generation"),
        )

    quiet = probe.until(_stays(versions), REACT_SECONDS * 2)
    return _seen("it writes nothing when nothing changes", quiet, "it writes again and again")


def _stays(look: Callable[[], tuple[Any, ...]]) -> Callable[[], bool]:
    """Return a condition: ``look`` has shown the same for ``IDLE_SECONDS``."""
    seen, since = look(), time.monotonic()

    def stayed() -> bool:
        nonlocal seen, since
        now = look()
        if now != seen:
            seen, since = now, time.monotonic()
        return time.monotonic() - since >= IDLE_SECONDS

    return stayed


def _seen(name: str, ok: bool, otherwise: str) -> Fact:
    return fact(
        name,
        ok,
        reason=f"Not so: {name}: {otherwise} after {REACT_SECONDS:.0f} s",
        expected="yes",
        actual="yes" if ok else otherwise,
        fix="Compare the desired state with the real one at every event of resource and children",
    )


@check(capabilities=("containers",))
def scaled_by_load(ctx: Context, autoscaler: str) -> Iterator[Fact]:
    """Looks whether the autoscaler has made more pods because the ones there were busy.

    It divides the CPU that pods use by what they request, which takes figures from metrics-server.
    It says so in an event when it scales; events are kept for an hour. More pods that somebody else
    asked for prove nothing, nor does what an earlier autoscaler of the name has done.
    """
    scaler = ctx.require(AUTOSCALER, autoscaler, ctx.namespace)
    label = AUTOSCALER.describe(autoscaler, ctx.namespace)
    figures = dig(scaler, "status.currentMetrics", [])
    known = any(dig(one, "resource.current.averageUtilization") is not None for one in figures)
    yield fact(
        "the autoscaler sees CPU figures",
        known,
        reason=f"{label} shows <unknown>: no figures come from metrics-server",
        expected="a percentage",
        actual="known" if known else "<unknown>",
        fix="Pods need CPU requests; figures come half a minute after a pod's start",
        evidence=[Evidence(label, "status.currentMetrics", str(figures)[:200])],
    )
    low, now = dig(scaler, "spec.minReplicas", 1), dig(scaler, "status.currentReplicas", 0)
    told = [
        str(event.get("message"))
        for event in ctx.list(EVENT, ctx.namespace)
        if dig(event, "involvedObject.uid") == dig(scaler, "metadata.uid")
        and event.get("reason") == "SuccessfulRescale"
        and "above target" in str(event.get("message"))
    ]
    yield fact(
        "it has scaled up under load",
        bool(told),
        reason=f"{label} has not scaled up under load: it runs {now} replicas, at least {low}",
        expected=f"more than {low} replicas under load",
        actual=told[-1] if told else f"{now} replicas",
        fix="Put load on the Service: the step shows how",
        evidence=[Evidence(label, "status.currentReplicas", str(now))],
    )
