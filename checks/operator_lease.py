"""The Lease: by it one copy of the operator leads, and the others wait."""

from collections.abc import Iterator

from labgrader.api import (
    DEPLOYMENT,
    LEASE,
    Context,
    Evidence,
    Fact,
    Failure,
    Object,
    Workload,
    check,
    dig,
    fact,
    is_ready,
    leader,
    moment,
    name_of,
)

LONGEST_LOOK = 60.0
"""Seconds: what is not renewed within that time is renewed too rarely to be a sign of life."""

SKEW = 60.0
"""Seconds by which a holder's clock may be ahead of the API server's."""


@check()
def lease_exists(ctx: Context, name: str) -> Iterator[Fact]:
    """Looks whether the Lease is there at all; an empty one is enough for that.

    Most operators make their Lease themselves. One that is made by hand is as good a beginning, but
    nobody leads by it until the operator signs it.
    """
    found = ctx.require(LEASE, name, ctx.namespace, fix=_create(ctx, name))
    doomed = dig(found, "metadata.deletionTimestamp")
    label = LEASE.describe(name, ctx.namespace)
    yield fact(
        f"{label} exists",
        not doomed,
        reason=f"{label} is being deleted",
        expected="a Lease that stays",
        actual=f"deletionTimestamp {doomed}" if doomed else "it exists",
        fix=f"Wait until it is gone, then: {_create(ctx, name)}",
        evidence=[Evidence(label, "metadata.deletionTimestamp", str(doomed))],
    )


def _create(ctx: Context, name: str) -> str:
    return (
        "Start the operator, which makes it, or: kubectl apply -f - with apiVersion:"
        f" coordination.k8s.io/v1, kind: Lease, metadata: {{name: {name},"
        f" namespace: {ctx.namespace}}}"
    )


@check(capabilities=("containers",), seconds=75)
def lease_held(ctx: Context, name: str, account: str) -> Iterator[Fact]:
    """Looks on for up to a minute whether the holder of the Lease renews it.

    A Lease is a heartbeat: a name in it means nothing unless its time moves. That it is not run out
    yet is not enough, since a hand can write such a time as well. The look ends as soon as it
    moves. What the holder calls itself does not matter; where the cluster records who wrote it, it
    must be the operator's service account.
    """
    found = ctx.require(LEASE, name, ctx.namespace, fix=_create(ctx, name))
    _demand_alive(ctx, found)
    duration = float(dig(found, "spec.leaseDurationSeconds"))
    look = min(duration, LONGEST_LOOK)
    moves = ctx.moves(LEASE, name, "spec.renewTime", by="spec.holderIdentity", seconds=look)
    label = LEASE.describe(name, ctx.namespace)
    holder, renewed = dig(found, "spec.holderIdentity"), dig(found, "spec.renewTime")
    writer = _writer(ctx, name) if moves else None
    own = f"system:serviceaccount:{ctx.namespace}:{account}"
    others = writer not in (None, own)
    evidence = [Evidence(label, "spec.renewTime", f"{renewed}, by {holder}")]
    yield fact(
        f"{holder} renews it",
        moves and not others,
        reason=f"{label} is renewed by {writer}, not by the operator"
        if others
        else f"{label} is held by {holder!r}, and nobody renews it: renewTime stays {renewed}",
        expected="a renewTime that moves on, written by the operator",
        actual=f"written by {writer}" if others else f"renewTime {renewed} the whole time",
        fix=f"kubectl delete lease {name} -n {ctx.namespace}: a living operator makes it anew and"
        " holds it; yours must do so with leader election on",
        evidence=evidence,
    )


def _demand_alive(ctx: Context, lease: Object) -> None:
    """Fail where the Lease alone says that nobody can be holding it now."""
    spec = dig(lease, "spec", {})
    label = LEASE.describe(name_of(lease), ctx.namespace)
    holder, seconds = spec.get("holderIdentity"), spec.get("leaseDurationSeconds")
    renewed = moment(spec.get("renewTime"))
    if not str(holder or "").strip():
        raise _dead(label, "Nobody holds it: holderIdentity is empty", "holderIdentity", holder)
    if not isinstance(seconds, int) or seconds <= 0:
        why = f"Nobody can tell when it runs out: leaseDurationSeconds is {seconds or 'not set'}"
        raise _dead(label, why, "leaseDurationSeconds", seconds)
    if renewed is None:
        shown = spec.get("renewTime") or "not set"
        raise _dead(label, f"It was never renewed: renewTime is {shown}", "renewTime", shown)
    age = (ctx.server_time() - renewed).total_seconds()
    if age > seconds:
        why = f"It ran out {age - seconds:.0f} s ago: {holder!r} renewed it last at"
        raise _dead(label, f"{why} {spec['renewTime']}", "renewTime", spec["renewTime"])
    if -age > SKEW:
        why = f"Its renewTime {spec['renewTime']} is still to come: no clock has written that"
        raise _dead(label, why, "renewTime", spec["renewTime"])


def _dead(label: str, why: str, path: str, value: object) -> Failure:
    return Failure(
        f"{label} is no sign of life. {why}",
        expected="a holder, a renewTime of just now, and how long it lasts",
        actual=f"{path}: {value if value not in (None, '') else 'empty'}",
        fix="Let the operator take part in leader election; it signs and renews the Lease itself:"
        " kubectl logs of its pod shows whether it tries",
        evidence=[Evidence(label, f"spec.{path}", str(value))],
    )


def _writer(ctx: Context, name: str) -> str | None:
    """Return who wrote the Lease last; None where nobody has recorded it."""
    writes = [
        deed
        for deed in ctx.deeds(LEASE) or ()
        if deed.name == name and deed.verb in ("create", "update", "patch") and deed.code < 300
    ]
    return writes[-1].user if writes else None


@check(capabilities=("containers",))
def failover(ctx: Context, lease: str, deployment: str) -> Iterator[Fact]:
    """Looks whether the lead has changed hands, and somebody else is ready to take it again.

    Two Ready pods or more, a Lease that somebody holds now, and a count of at least one change:
    that is what remains of a leader that went away and was followed by another.
    """
    workload = Workload.read(ctx, deployment)
    ready = [name_of(pod) for pod in workload.current() if is_ready(pod)]
    where = ctx.namespace
    label = DEPLOYMENT.describe(deployment, where)
    if len(ready) < 2:
        raise Failure(
            f"{len(ready)} copy of the operator is Ready: nobody could take over",
            expected="2 Ready pods or more",
            actual=", ".join(ready) or "none",
            fix=f"kubectl scale deployment {deployment} -n {where} --replicas=2",
            evidence=[Evidence(label, "status.readyReplicas", str(len(ready)))],
        )
    leads = leader(ctx.require(LEASE, lease, where), ctx.server_time())
    changes = leads.transitions if leads else 0
    shown = f"held by {leads.holder}, {changes} changes" if leads else "nobody holds it now"
    yield fact(
        "the lead has changed hands",
        changes >= 1,
        reason=f"The lead has never passed from one copy to another: {shown}",
        expected="a holder, and leaseTransitions of 1 or more",
        actual=shown,
        fix=f"kubectl delete pod THE-LEADER -n {where}; then watch the others:"
        f" kubectl get lease {lease} -n {where} -w",
        evidence=[Evidence(LEASE.describe(lease, where), "spec.leaseTransitions", shown)],
    )
