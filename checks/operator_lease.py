"""The Lease: by it one copy of the operator leads, and the others wait."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labgrader.api import (
    LEASE,
    POD,
    AuditedWrite,
    Context,
    Evidence,
    Fact,
    Failure,
    MissingCapability,
    Object,
    Rejected,
    Unsettled,
    Watched,
    check,
    dig,
    fact,
    name_of,
)
from labgrader.toolkit.kubernetes import FLIPS, flips, moment, recent, setter_of, writes_of
from labgrader.toolkit.workloads import Workload

LONGEST_LOOK = 60.0
"""Seconds: what is not renewed within that time is renewed too rarely to be a sign of life."""

SKEW = 60.0
"""Seconds by which a holder's clock may be ahead of the API server's."""

STEADY_SECONDS = 5.0
"""How long one holder must be seen to keep the Lease where no record shows who writes it."""

BY_HAND = ("kubectl", "curl")
"""How the field managers of programs begin that people use, and operators seldom."""


@check()
def lease_exists(ctx: Context, name: str) -> Iterator[Fact]:
    """Checks that the Lease exists; an empty one is enough for that.

    Most operators create their Lease themselves. One that is created by hand is as good a
    beginning, but no copy leads by it until the operator writes its name there.
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
        fix=f"Remove its finalizers or wait until it is gone, then: {_create(ctx, name)}",
        evidence=[Evidence(label, "metadata.deletionTimestamp", str(doomed or ""))],
    )


def _create(ctx: Context, name: str) -> str:
    """Return a command that creates the Lease, for any shell."""
    body = {
        "apiVersion": LEASE.api_version,
        "kind": LEASE.kind,
        "metadata": {"name": name, "namespace": ctx.namespace},
    }
    return f"echo '{json.dumps(body)}' | kubectl apply -f -"


@check(capabilities=("containers",), seconds=75)
def lease_held(ctx: Context, name: str, account: str, deployment: str) -> Iterator[Fact]:
    """Watches for up to a minute whether a pod of the operator's Deployment renews the Lease.

    A Lease is a heartbeat: a name in it means nothing unless its time moves. That it has not
    expired yet is not enough, since such a time can be typed as well. The check ends as soon as the
    time moves. Two copies that both write their names, in turns, are two leaders.

    What the holder calls itself does not matter where the cluster records who writes: the lab's own
    does, and the token of a pod names the pod. On other clusters the holder must name a pod of the
    Deployment (by its name, uid or address), or a log of these pods must name the holder; where
    neither is so it cannot be told who renews the Lease, and no points are lost.
    """
    found = ctx.require(LEASE, name, ctx.namespace, fix=_create(ctx, name))
    _demand_alive(ctx, found)
    recorded = ctx.audited_writes(LEASE) is not None
    watched = ctx.changes_within(
        LEASE,
        name,
        "spec.renewTime",
        by="spec.holderIdentity",
        seconds=min(float(dig(found, "spec.leaseDurationSeconds")), LONGEST_LOOK),
        steady=0.0 if recorded else STEADY_SECONDS,
    )
    label = LEASE.describe(name, ctx.namespace)
    verdict = _unmoved(found, watched) or _by_whom(
        ctx, found, Workload.read(ctx, deployment), account
    )
    yield fact(
        f"a pod of {deployment} renews it" + (f" ({verdict.how})" if not verdict.wrong else ""),
        not verdict.wrong,
        reason=f"{label} {verdict.wrong}",
        expected=f"a renewTime that moves, written by one pod of {deployment}",
        actual=verdict.wrong or verdict.how,
        fix=verdict.fix,
        evidence=[Evidence(label, "spec.renewTime", verdict.wrong or verdict.how)],
    )


def _demand_alive(ctx: Context, lease: Object) -> None:
    """Fail where the Lease alone says that nobody can be holding it now."""
    spec = dig(lease, "spec", {})
    label = LEASE.describe(name_of(lease), ctx.namespace)
    holder, seconds = spec.get("holderIdentity"), spec.get("leaseDurationSeconds")
    renewed = moment(spec.get("renewTime"))
    if not str(holder or "").strip():
        raise _dead(label, "No copy holds it: holderIdentity is empty", "holderIdentity", holder)
    if not isinstance(seconds, int) or seconds <= 0:
        why = f"It never expires or always has: leaseDurationSeconds is {seconds or 'not set'}"
        raise _dead(label, why, "leaseDurationSeconds", seconds)
    if renewed is None:
        shown = spec.get("renewTime") or "not set"
        raise _dead(label, f"It was never renewed: renewTime is {shown}", "renewTime", shown)
    age = (ctx.server_time() - renewed).total_seconds()
    if age > seconds:
        why = f"It ran out {age - seconds:.0f} s ago: {holder} renewed it last at"
        raise _dead(label, f"{why} {spec['renewTime']}", "renewTime", spec["renewTime"])
    if -age > SKEW:
        why = f"Its renewTime {spec['renewTime']} is still to come: no clock has written that"
        raise _dead(label, why, "renewTime", spec["renewTime"])


def _dead(label: str, why: str, path: str, value: object) -> Failure:
    return Failure(
        f"{label} is no sign of life. {why}",
        expected="a holder, a renewTime of just now, and how long it lasts",
        actual=f"{path}: {value if value not in (None, '') else 'empty'}",
        fix=f"Let the operator take part in leader election, so that it writes and renews {label};"
        " the logs of its pods show whether it tries",
        evidence=[Evidence(label, f"spec.{path}", str(value or ""))],
    )


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What is wrong with how the Lease is renewed, and how to fix it; or how one can tell."""

    wrong: str = ""
    how: str = ""
    fix: str = ""


ONE_LEADER = (
    "A copy may write its name only where the Lease is empty, its own, or expired; it must send the"
    " resourceVersion that it has read, and wait after a conflict"
)


def _unmoved(lease: Object, watched: Watched) -> _Verdict | None:
    """Return what is wrong where no holder was seen to renew the Lease; None where one was."""
    if flips(watched.by) >= 1:
        turns = ", ".join(watched.by[:4])
        return _Verdict(
            f"changes hands again and again: {turns}. Two copies both lead", "", ONE_LEADER
        )
    if watched.moved:
        return None
    holder, renewed = dig(lease, "spec.holderIdentity"), dig(lease, "spec.renewTime")
    return _Verdict(
        f"is held by {holder}, and nobody renews it: renewTime stays {renewed}",
        "",
        f"Let the operator take part in leader election on the Lease {name_of(lease)}: the logs of"
        f" its pods show whether it tries. Then delete the Lease, if {holder} is none of its pods",
    )


def _by_whom(ctx: Context, lease: Object, workload: Workload, account: str) -> _Verdict:
    """Judge who renews the Lease, by the record or, where there is none, by what else is known."""
    written = recent(writes_of(ctx.audited_writes(LEASE) or (), lease), ctx.server_time())
    if not written:
        return _without_record(ctx, lease, workload)
    user = f"system:serviceaccount:{ctx.namespace}:{account}"
    pods = {str(dig(pod, "metadata.uid")): name_of(pod) for pod in workload.pods}
    addresses = {str(dig(pod, "status.podIP")): name_of(pod) for pod in workload.pods}

    def own(write: AuditedWrite) -> str:
        """Return which pod of the Deployment has written; empty where none has."""
        if write.pod_uid:
            return pods.get(write.pod_uid, "")
        return addresses.get(write.address, "") if write.user == user else ""

    names = [own(one) or _stranger(one, user) for one in written]
    strangers = [one for one in written if not own(one)]
    if flips(names) >= FLIPS:
        both = " and ".join(list(dict.fromkeys(names))[:3])
        return _Verdict(f"is written by {both} in turns: two lead at a time", "", ONE_LEADER)
    if own(written[-1]):
        return _Verdict(how=f"the audit log shows {POD.kind} {names[-1]} writing it")
    former = written[-1].pod.startswith(tuple(f"{name_of(one)}-" for one in workload.sets))
    if former or (len(strangers) == 1 and len(written) > 1):
        raise Unsettled(
            f"The Lease was just written by {names[-1]} as well", "Grade again in a few seconds"
        )
    return _Verdict(
        f"is renewed by {names[-1]}, not by a pod of {name_of(workload.deployment)}",
        "",
        "Stop what renews it, and let the operator's own pods do it: leader election on, with the"
        " token of their service account",
    )


def _stranger(write: AuditedWrite, account: str) -> str:
    program = write.agent.partition(" ")[0]
    if write.pod:
        return f"{POD.kind} {write.pod}"
    whom = f"{write.user} outside of its pods" if write.user == account else write.user
    return f"{whom} ({program})" if program else whom


def _without_record(ctx: Context, lease: Object, workload: Workload) -> _Verdict:
    """Judge by the holder's name, the program that has written last, and the logs of the pods.

    Raises:
        MissingCapability: none of these tells.
    """
    holder, name = str(dig(lease, "spec.holderIdentity")), name_of(workload.deployment)
    pods = workload.current()
    own = next((pod for pod in pods if _names(holder, pod)), None)
    others = [pod for pod in ctx.list(POD, ctx.namespace) if _names(holder, pod)]
    if own is None and others:
        what = f"is held by Pod {name_of(others[0])}, which is no pod of {name}"
        return _Verdict(what, "", f"Let the pods of {name} take part in leader election")
    program = setter_of(lease, "spec", "renewTime")
    if own and program.startswith(BY_HAND) and not _has(ctx, own, program.partition("-")[0]):
        what = f"is renewed with {program}, which the pods of {name} do not have"
        return _Verdict(what, "", "Stop what renews it, and let the operator's own pods do it")
    if own:
        return _Verdict(how=f"the holder names {name_of(own)}; there is no record of who writes it")
    said = next((pod for pod in pods if holder in _log(ctx, pod)), None)
    if said:
        return _Verdict(how=f"the log of {name_of(said)} names the holder {holder}")
    raise MissingCapability(
        f"This cluster does not record who renews the Lease, and its holder {holder} names no pod"
        f" of {name}",
        "Put the pod's name into holderIdentity, or grade on the lab's own cluster",
    )


def _names(holder: str, pod: Object) -> bool:
    known = (name_of(pod), dig(pod, "metadata.uid"), dig(pod, "status.podIP"))
    return any(one and str(one) in holder for one in known)


def _has(ctx: Context, pod: Object, program: str) -> bool:
    """Whether a container of the pod has a program."""
    for container in dig(pod, "spec.containers", []):
        try:
            ctx.execute(name_of(pod), str(container["name"]), [program, "--help"])
        except Rejected:
            continue
        return True
    return False


def _log(ctx: Context, pod: Object) -> str:
    names: Sequence[Object] = dig(pod, "spec.containers", [])
    path = f"{POD.path(ctx.namespace, name_of(pod))}/log?tailLines=2000&limitBytes=400000"
    return "\n".join(ctx.get_raw(f"{path}&container={one['name']}") for one in names)
