"""The status of a resource, held against the cluster."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from labgrader.api import (
    DEPLOYMENT,
    LEASE,
    Context,
    Evidence,
    Fact,
    Failure,
    Object,
    Resource,
    Unsettled,
    check,
    dig,
    fact,
    grouped,
    name_of,
)
from labgrader.toolkit.kubernetes import (
    leader,
    moment,
    spec_just_changed,
    status_just_changed,
    written_at,
)

SETTLE_SECONDS = 5.0
"""How long an operator may take to write down what has changed."""

AHEAD = timedelta(minutes=1)
"""How far ahead of the API server's clock a timestamp may be."""


@check()
def algorithm_status(
    ctx: Context,
    group: str,
    version: str,
    kind: str,
    plural: str,
    lease: str,
    always: Sequence[str],
    with_operator: Sequence[str],
) -> Iterator[Fact]:
    """Compares what the status claims with what the Deployment behind the resource shows.

    A status is read by people and programs who decide by it. One that claims three ready replicas
    while none is, is worse than none. Conditions are as Kubernetes has them: a type, True, False or
    Unknown, since when, a reason in one word, and a message.

    Right after a change of the resource's spec or of the Deployment's status an operator gets a few
    seconds to follow. A status that it only writes again and again gets none. `lastTransitionTime`
    must be a time that is not in the future; whether it moves when the status changes is not
    judged, because one look cannot show it and nothing in the lab depends on it.
    """
    now = ctx.server_time()
    holder = leader(ctx.get(LEASE, lease, ctx.namespace), now)
    resource = Resource(group, version, plural, kind)
    for name in [*always, *(with_operator if holder else ())]:
        found = ctx.require(resource, name, ctx.namespace)
        behind = ctx.get(DEPLOYMENT, f"{name}-deployment", ctx.namespace)
        if not dig(found, "status"):
            raise _silent(resource.describe(name, ctx.namespace), name, led=holder is not None)
        facts = [
            *_counts(ctx, found, behind),
            *grouped("Conditions and times", _conditions(ctx, found, behind, now)),
        ]
        if holder and not all(one.ok for one in facts):
            if spec_just_changed(now, SETTLE_SECONDS, found) or status_just_changed(
                now, SETTLE_SECONDS, behind
            ):
                raise Unsettled(
                    f"The status of {name} is about to change", "Grade again in a moment"
                )
            facts = [*_dated(facts, found, now)]
        yield from facts


def _dated(facts: Sequence[Fact], found: Object, now: datetime) -> Iterator[Fact]:
    """Add to what is wrong that the status was written just now, where it was."""
    at = written_at(found, "status")
    age = (now - at).total_seconds() if at else SETTLE_SECONDS
    for one in facts:
        if one.ok or age >= SETTLE_SECONDS:
            yield one
        else:
            note = f" (the status was written {max(0.0, age):.0f} s ago, and is still wrong)"
            yield replace(one, reason=one.reason + note)


def _silent(label: str, name: str, *, led: bool) -> Failure:
    how = (
        "The operator writes it: look at its log"
        if led
        else f"kubectl patch tradingalgorithm {name} --subresource=status --type=merge -p '…'"
    )
    return Failure(
        f"{label} has no status",
        expected="phase, replicas, readyReplicas, conditions, lastReconciled",
        actual="no status",
        fix=how,
        evidence=[Evidence(label, "status", "")],
    )


def _counts(ctx: Context, found: Object, behind: Object | None) -> Iterator[Fact]:
    """Compare numbers and phase."""
    name = name_of(found)
    for field in ("replicas", "readyReplicas"):
        real = dig(behind, f"status.{field}", 0)
        claimed = dig(found, f"status.{field}")
        count = _true(ctx, name, field, claimed, real, claimed == real)
        yield from grouped("Replica counts", [count])
    ready, wanted = dig(behind, "status.readyReplicas", 0), dig(behind, "spec.replicas", 1)
    phase = dig(found, "status.phase")
    if _rolling(behind):
        good, real = phase not in (None, "", "Suspended"), "a new revision is being rolled out"
    elif ready == 0:
        good, real = phase in ("Pending", "Scaling", "Error", "Suspended"), "no pod is ready"
    elif ready >= wanted:
        good, real = phase in ("Active", "Scaling"), f"all {ready} pods are ready"
    else:
        good = phase in ("Pending", "Active", "Scaling", "Error")
        real = f"{ready} of {wanted} pods are ready"
    yield from grouped("Phase", [_true(ctx, name, "phase", phase, real, good)])


def _rolling(behind: Object | None) -> bool:
    """Whether pods of an older revision still serve: then a resource may be called ready or not."""
    keys = ("readyReplicas", "updatedReplicas", "replicas")
    ready, updated, all_of_them = (int(dig(behind, f"status.{key}", 0)) for key in keys)
    return ready > 0 and updated < all_of_them


def _true(ctx: Context, name: str, field: str, claimed: object, real: object, good: bool) -> Fact:
    shown = "nothing" if claimed in (None, "") else str(claimed)
    label = f"TradingAlgorithm {ctx.namespace}/{name}"
    return fact(
        f"{name}: {field} is true",
        good,
        reason=f"status.{field} of {name} claims {shown}, and the cluster shows: {real}",
        expected=real,
        actual=shown,
        fix="Write what the Deployment shows; an operator does so at each of its changes:"
        f" kubectl get deployment {name}-deployment -n {ctx.namespace} -o jsonpath='{{.status}}'",
        evidence=[Evidence(label, f"status.{field}", shown)],
    )


def _conditions(
    ctx: Context, found: Object, behind: Object | None, now: datetime
) -> Iterator[Fact]:
    name = name_of(found)
    label = f"TradingAlgorithm {ctx.namespace}/{name}"
    conditions = dig(found, "status.conditions", [])
    wrong = [*_malformed(conditions, now)]
    yield fact(
        f"{name}: conditions are well formed",
        not wrong,
        reason=f"status.conditions of {name}: {'; '.join(wrong)}",
        expected="type, status True|False|Unknown, lastTransitionTime, reason in one word, message",
        actual="; ".join(wrong) or "as it should be",
        fix="kubectl explain tradingalgorithm.status.conditions shows the fields",
        evidence=[Evidence(label, "status.conditions", "; ".join(wrong))],
    )
    ready, wanted = dig(behind, "status.readyReplicas", 0), dig(behind, "spec.replicas", 1)
    said = next((c.get("status") for c in conditions if c.get("type") == "Ready"), None)
    if _rolling(behind):
        real = "True, False or Unknown: a new revision is being rolled out"
        yield _true(ctx, name, "conditions Ready", said, real, said in ("True", "False", "Unknown"))
    elif ready >= wanted > 0:
        yield _true(ctx, name, "conditions Ready", said, "True: all pods are ready", said == "True")
    else:
        real = f"not True: {ready} of {wanted} pods are ready"
        yield _true(ctx, name, "conditions Ready", said, real, said in ("False", "Unknown"))
    at = moment(dig(found, "status.lastReconciled"))
    shown = str(dig(found, "status.lastReconciled", "nothing"))
    good = at is not None and at <= now + AHEAD
    yield _true(ctx, name, "lastReconciled", shown, "a time that is not in the future", good)


def _malformed(conditions: Sequence[Object], now: datetime) -> Iterator[str]:
    if not conditions:
        yield "there are none"
    types = [str(condition.get("type")) for condition in conditions]
    for twice in sorted({one for one in types if types.count(one) > 1}):
        yield f"{twice} occurs more than once"
    for condition in conditions:
        name = condition.get("type") or "a condition without a type"
        if condition.get("status") not in ("True", "False", "Unknown"):
            yield f"{name} has status {_word(condition.get('status'))}"
        at = moment(condition.get("lastTransitionTime"))
        if at is None or at > now + AHEAD:
            yield f"{name} has lastTransitionTime {_word(condition.get('lastTransitionTime'))}"
        reason = str(condition.get("reason") or "")
        if not reason.isidentifier():
            yield f"{name} has reason {_word(reason)}, which is not one word"
        if not condition.get("message"):
            yield f"{name} has no message"


def _word(value: object) -> str:
    return "not set" if value in (None, "") else f'"{value}"'
