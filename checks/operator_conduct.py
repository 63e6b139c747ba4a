"""How an operator behaves when its work is disturbed, and when it is not."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from labgrader.api import (
    AUTOSCALER,
    DEPLOYMENT,
    LEASE,
    POD,
    PROBE_PREFIX,
    SERVICE,
    Context,
    Fact,
    Failure,
    Resource,
    TemporaryObject,
    check,
    dig,
    fact,
    grouped,
    name_of,
)
from labgrader.toolkit.kubernetes import leader, setter_of
from labgrader.toolkit.quiet import Quiet

REACT_SECONDS = 6.0
"""How long an operator may take to answer one disturbance."""

IDLE_SECONDS = 2.0
"""How long it must be seen to write nothing."""

BRIEF_IDLE_SECONDS = 0.8
"""The same for the temporary resource, where other resources are watched from the beginning."""

IDLE_WITHIN = 20.0
"""How long that is waited for."""

CHILDREN = (DEPLOYMENT, SERVICE, AUTOSCALER)
"""What an operator makes of a resource."""

CONTROLLERS = "kube-controller-manager"
"""The field manager of the real autoscaler."""


@check(capabilities=("writes",), seconds=75)
def operator_conduct(
    ctx: Context,
    group: str,
    version: str,
    kind: str,
    plural: str,
    lease: str,
    account: str,
    spec: Mapping[str, Any],
) -> Iterator[Fact]:
    """Disturbs the operator's work on a temporary resource of its own, and watches.

    An operator compares what is with what should be, again and again: a deleted child comes back, a
    hand-edited one is put right, a changed resource reaches its children. It leaves the replicas to
    the autoscaler, claims no ready pod before the Deployment shows one, and does not end meanwhile.

    When nothing changes it writes nothing, neither there nor at your own resources and their
    children; where the cluster records writes, those that change nothing count too. On a deletion
    it lets go when the children are gone (or owned by the resource), and nothing is left.
    """
    holder = leader(ctx.get(LEASE, lease, ctx.namespace), ctx.server_time())
    if holder is None:
        raise Failure(
            f"No operator holds the Lease {lease}",
            expected="an operator at work",
            actual="no holder",
            fix="Deploy one (task 3), or start the reference: `labgrader operator run`",
        )
    resource = Resource(group, version, plural, kind)
    before = _restarts(ctx, account)
    with ctx.temporary_object(resource) as probe:
        name = probe.create({"spec": dict(spec)})
        others = Quiet(
            ctx, resource, CHILDREN, account, lambda other: not other.startswith(PROBE_PREFIX)
        )
        children = _Children(probe, name, others)
        facts = list(_disturbed(ctx, probe, children, name, account))
    stays = _stayed_up(ctx, account, before)
    yield stays
    # What an operator does not do because it has ended is no finding of its own.
    failing = set() if stays.ok else {one.group for one in facts if not one.ok}
    yield from (one for one in facts if one.group not in failing)


def _restarts(ctx: Context, account: str) -> dict[str, int]:
    """Return how often the containers of the operator's pods have ended."""
    return {
        name_of(pod): sum(
            int(one.get("restartCount", 0)) + (0 if dig(one, "state.running") else 1)
            for one in dig(pod, "status.containerStatuses", [])
        )
        for pod in ctx.list_live(POD)
        if dig(pod, "spec.serviceAccountName") == account
    }


def _stayed_up(ctx: Context, account: str, before: Mapping[str, int]) -> Fact:
    now = _restarts(ctx, account)
    ended = [name for name, count in before.items() if now.get(name, count) > count]
    shown = ", ".join(ended)
    return fact(
        "it stays up meanwhile",
        not ended,
        reason=f"The operator ended while its work was disturbed: a container of {shown} stopped",
        expected="no container that ends",
        actual=f"a container of {shown} ended" if ended else "none ended",
        fix=f"kubectl logs --previous {ended[0] if ended else ''} -n {ctx.namespace}",
    )


class _Children:
    """The children of the probe's resource, and what its status has claimed of them."""

    def __init__(self, probe: TemporaryObject, name: str, others: Quiet) -> None:
        self._probe, self._name, self.others = probe, name, others
        self.claimed, self.scaled_to = "", 0
        self.names = {
            DEPLOYMENT: f"{name}-deployment",
            SERVICE: f"{name}-service",
            AUTOSCALER: f"{name}-hpa",
        }

    def get(self, kind: Resource) -> Any:
        """Read a child; None where it does not exist."""
        return self._probe.cluster.get(kind, self.names[kind], self._probe.namespace)

    def see(self, kind: Resource, path: str) -> Any:
        """Return a value of a child; None where it does not exist."""
        return dig(self.get(kind), path)

    def count(self) -> int:
        """Return how many of the three exist."""
        return sum(self.get(kind) is not None for kind in self.names)

    def until(self, condition: Callable[[], bool], seconds: float = REACT_SECONDS) -> bool:
        """Wait for ``condition``, and compare the status with the Deployment meanwhile."""

        def looked() -> bool:
            self._compare()
            self.others.lasted()
            return condition()

        return self._probe.until(looked, seconds)

    def _compare(self) -> None:
        """Note a status that claims ready pods before the Deployment shows any."""
        status = dig(self._probe.read(self._name), "status", {})
        ready = [one for one in dig(status, "conditions", []) if one.get("type") == "Ready"]
        said = any(one.get("status") == "True" for one in ready)
        claims = dig(status, "readyReplicas", 0) or (1 if said else 0)
        if claims and not self.claimed and not self.see(DEPLOYMENT, "status.readyReplicas"):
            self.claimed = f"readyReplicas {dig(status, 'readyReplicas', 0)}" + (
                ", condition Ready is True" if said else ""
            )

    def break_service(self) -> str:
        """Delete the Service; return its uid."""
        uid = str(self.see(SERVICE, "metadata.uid"))
        self._probe.cluster.delete(SERVICE, self.names[SERVICE], self._probe.namespace, uid=uid)
        return uid

    def bend_scaler(self, replicas: int) -> None:
        """Write another maximum into the autoscaler."""
        patch = {"spec": {"maxReplicas": replicas}}
        self._probe.cluster.patch(AUTOSCALER, self.names[AUTOSCALER], patch, self._probe.namespace)

    def scale(self, replicas: int) -> None:
        """Set the Deployment's replicas, as an autoscaler does."""
        self.scaled_to = replicas
        patch = {"spec": {"replicas": replicas}}
        where = self._probe.namespace
        self._probe.cluster.patch(
            DEPLOYMENT, self.names[DEPLOYMENT], patch, where, subresource="scale"
        )

    def unowned(self) -> list[str]:
        """Return the children that exist, stay, and are owned by nothing."""
        found = ((kind, self.get(kind)) for kind in self.names)
        return [
            f"{kind.kind} {self.names[kind]}"
            for kind, child in found
            if child
            and not dig(child, "metadata.deletionTimestamp")
            and not dig(child, "metadata.ownerReferences")
        ]


def _disturbed(
    ctx: Context, probe: TemporaryObject, children: _Children, name: str, account: str
) -> Iterator[Fact]:
    facts = list(_kept(probe, children, name))
    yield from grouped("It creates and restores its children", facts)
    if not children.scaled_to:
        return
    rests = (
        _idle(ctx, probe, children, name, account),
        _leaves_replicas(children),
        _honest(children),
    )
    yield from grouped("It writes only what has changed", rests)
    yield from grouped("It cleans up", _deleted(probe, children, name))


def _kept(probe: TemporaryObject, children: _Children, name: str) -> Iterator[Fact]:
    made = children.until(lambda: children.count() == 3)
    yield _seen("it makes the children of a new resource", made, f"{children.count()} of 3")
    if not made:
        return
    lost = children.break_service()
    back = children.until(lambda: children.see(SERVICE, "metadata.uid") not in (None, lost))
    yield _seen("it makes a deleted Service again", back, "it stays away")
    wanted, low = (children.see(AUTOSCALER, f"spec.{end}Replicas") for end in ("max", "min"))
    children.bend_scaler(wanted + 7)
    right = children.until(lambda: children.see(AUTOSCALER, "spec.maxReplicas") == wanted)
    yield _seen("it puts a hand-edited autoscaler right", right, f"maxReplicas {wanted + 7} stays")
    children.scale(low + 1)
    probe.patch(name, {"spec": {"scalingPolicy": {"maxReplicas": wanted + 1}}})
    follows = children.until(lambda: children.see(AUTOSCALER, "spec.maxReplicas") == wanted + 1)
    yield _seen("its children follow a change of the resource", follows, "the autoscaler does not")


def _leaves_replicas(children: _Children) -> Fact:
    """State that the replicas are as the autoscaler (here: labgrader in its place) has set them."""
    deployment, wanted = children.get(DEPLOYMENT), children.scaled_to
    now = dig(deployment, "spec.replicas")
    by = setter_of(deployment, "spec", "replicas")
    kept = now == wanted or by == CONTROLLERS
    return fact(
        "it leaves the replicas to the autoscaler",
        kept,
        reason=f"It fights with the autoscaler: {wanted} replicas were set in its place, and {by}"
        f" has set {now} again",
        expected=f"{wanted} replicas stay",
        actual=f"{now} replicas, set by {by}",
        fix="Set spec.replicas only when the Deployment is created; after that leave it out of what"
        " you apply",
    )


def _honest(children: _Children) -> Fact:
    return fact(
        "its status claims no pod that is not ready",
        not children.claimed,
        reason=f"The status claims {children.claimed} before the Deployment shows a ready pod",
        expected="what the Deployment shows",
        actual=children.claimed or "what the Deployment shows",
        fix="Copy status.readyReplicas from the Deployment at each of its changes, and derive phase"
        " and conditions from it",
    )


def _deleted(probe: TemporaryObject, children: _Children, name: str) -> Iterator[Fact]:
    probe.delete(name)
    gone = probe.until(lambda: probe.read(name) is None, REACT_SECONDS * 2)
    early = children.unowned() if gone else []
    yield fact(
        "it lets go when the children are gone",
        not early,
        reason="The operator's finalizer was taken off before its children were deleted, and they"
        f" have no owner: {', '.join(early)}",
        expected="children that are deleted first, or owned by the resource",
        actual=", ".join(early) or "none is left alone",
        fix="Delete the children, wait until they are gone, and take the finalizer off then; or set"
        " metadata.ownerReferences on them",
    )
    left = probe.until(lambda: children.count() == 0, REACT_SECONDS) if gone else False
    yield _seen("nothing is left after a deletion", left, f"{children.count()} children are left")


def _idle(
    ctx: Context, probe: TemporaryObject, children: _Children, name: str, account: str
) -> Fact:
    """Wait until the operator comes to rest, and see that it stays there.

    The learner's own resources were watched from the beginning: nothing has disturbed those.
    """
    others = children.others
    watch = Quiet(ctx, probe.resource, CHILDREN, account, lambda one: one == name)
    least = BRIEF_IDLE_SECONDS if others.watches_something else IDLE_SECONDS

    def rests() -> bool:
        lasted = others.lasted()  # asked for in any case: it looks
        return watch.lasted() >= least and lasted >= IDLE_SECONDS

    quiet = probe.until(rests, IDLE_WITHIN)
    vain = others.written_in_vain(IDLE_SECONDS) or watch.written_in_vain(least)
    restless = watch if watch.lasted() < least else others
    busy = vain if quiet else restless.changed
    return fact(
        "it writes nothing when nothing changes",
        not busy,
        reason=f"Expected that it writes nothing when nothing changes; it writes again and again:"
        f" {busy}",
        expected=f"{IDLE_SECONDS:.0f} s without a write",
        actual=busy or "no writes",
        fix="Compare before you write, and write only what differs; leave times such as"
        " status.lastReconciled, and counters, out of the comparison",
    )


def _seen(name: str, ok: bool, otherwise: str) -> Fact:
    return fact(
        name,
        ok,
        reason=f"Expected within {REACT_SECONDS:.0f} s: {name}; {otherwise}",
        expected="yes",
        actual="yes" if ok else otherwise,
        fix="Compare the desired state with the real one at every event of the resource and of its"
        " children (metadata.ownerReferences leads from a child to the resource)",
    )
