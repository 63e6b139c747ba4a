"""A deletion that a finalizer holds back, and its release: from the record, or by a probe."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    AUTOSCALER,
    DEPLOYMENT,
    NAMESPACE,
    RESET_AT,
    SERVICE,
    AuditedWrite,
    Context,
    Evidence,
    Fact,
    Failure,
    Resource,
    check,
    dig,
    fact,
)
from labgrader.toolkit.kubernetes import foreign, moment

GONE_SECONDS = 15.0
"""How long an operator may take to clean up after a probe."""


@check(seconds=40)
def algorithm_deletion(
    ctx: Context,
    group: str,
    version: str,
    kind: str,
    plural: str,
    name: str,
    finalizer: str,
    hold: str,
    account: str,
    spec: Mapping[str, Any],
) -> Iterator[Fact]:
    """Looks at how one resource was deleted while a finalizer held it.

    A finalizer is a promise: somebody cleans up before the object goes. The API server only marks
    the object; whoever made the promise takes the finalizer off when the work is done. Whoever
    strips it by force breaks the promise, and leaves behind what was to be cleaned up. Only your
    own finalizer or the operator's counts: what `--cascade=foreground` or `orphan` adds is taken
    off by the garbage collector, and promises nothing of yours.

    The lab's own cluster records every write, so what you did is read from there. On another
    cluster a temporary resource goes the same way, if labgrader may write there.
    """
    resource = Resource(group, version, plural, kind)
    writes = ctx.audited_writes(resource, contents=True)
    if writes is None:
        yield from _probed(ctx, resource, hold, spec)
        yield _gone(ctx, resource, name)
    else:
        since = _begin(ctx)
        own = [one for one in writes if one.name == name and _after(one, since)]
        life = _last_life(own)
        if not life:
            raise _nothing_done(own, name, ctx)
        yield from _held_and_released(ctx, resource, life, name, finalizer)
        user = f"system:serviceaccount:{ctx.namespace}:{account}"
        yield _by_whom(life, name, _promised(writes, user), user)
    yield _childless(ctx, name)


def _begin(ctx: Context) -> str:
    """Return since when writes count: since the lab (or this task of it) began anew."""
    namespace = ctx.get(NAMESPACE, ctx.namespace)
    made = str(dig(namespace, "metadata.creationTimestamp", ""))
    return max(made, str(dig(namespace, "metadata.annotations", {}).get(RESET_AT, "")))


def _after(write: AuditedWrite, since: str) -> bool:
    begun, at = moment(since), moment(write.at)
    return begun is None or at is None or at >= begun


def _finalizers(write: AuditedWrite) -> list[str]:
    return list(dig(write.after, "metadata.finalizers", []))


def _last_life(writes: Sequence[AuditedWrite]) -> list[AuditedWrite]:
    """Return what was done to the last object of that name which somebody deleted."""
    lives: dict[str, list[AuditedWrite]] = {}
    for write in writes:
        # Whoever deletes what nothing holds is answered with a Status that names it.
        uid = dig(write.after, "metadata.uid") or dig(write.after, "details.uid")
        if uid and write.code < 300:
            lives.setdefault(str(uid), []).append(write)
    deleted = [life for life in lives.values() if any(one.verb == "delete" for one in life)]
    held = [life for life in deleted if _was_held(life)]
    return (held or deleted or [[]])[-1]


def _was_held(life: Sequence[AuditedWrite]) -> bool:
    """Whether a finalizer held the object that no controller of Kubernetes itself takes off."""
    return any(_doomed(one) and foreign("", one.after) for one in life)


def _doomed(write: AuditedWrite) -> bool:
    return write.verb == "delete" and bool(dig(write.after, "metadata.deletionTimestamp"))


def _cascading(life: Sequence[AuditedWrite]) -> str:
    """Return the finalizers of the garbage collector that held it; empty where none did."""
    return ", ".join(next((_finalizers(one) for one in life if _doomed(one)), []))


def _nothing_done(writes: Sequence[AuditedWrite], name: str, ctx: Context) -> Failure:
    refused = [str(one.after.get("message")) for one in writes if one.code >= 400]
    made = any(one.code == 201 for one in writes)
    told = f": the API server refused it: {refused[-1]}" if refused and not made else ""
    return Failure(
        f"{name} {'was made, and not' if made else 'was never made and'} deleted{told}",
        expected=f"{name} created, given a finalizer, deleted, held back, released",
        actual="created" if made else "refused" if refused else "nothing on record",
        fix=f"kubectl delete tradingalgorithm {name} -n {ctx.namespace} --wait=false"
        if made
        else f"Create {name} with the values of the step, then delete it",
        evidence=[Evidence(f"TradingAlgorithm {ctx.namespace}/{name}", "audit log")],
    )


def _held_and_released(
    ctx: Context, resource: Resource, life: Sequence[AuditedWrite], name: str, finalizer: str
) -> Iterator[Fact]:
    held, other = _was_held(life), _cascading(life)
    label = resource.describe(name, ctx.namespace)
    why = f"only {other} held it, which the garbage collector adds and takes off by itself"
    gone = "no finalizer held it: it was gone at once"
    yield fact(
        f"the deletion of {name} was held back",
        held,
        weight=2,
        reason=f"{name} was deleted while {why if other else gone}",
        expected=f"a deletion that waits for {finalizer}, or a finalizer of your own",
        actual=f"held by {other}" if other else "gone at once",
        fix=f"Create {name} again with {finalizer} in metadata.finalizers, and delete it with"
        " --wait=false",
        evidence=[Evidence(label, "audit log", f"{len(life)} writes")],
    )
    yield _gone(ctx, resource, name)


def _gone(ctx: Context, resource: Resource, name: str) -> Fact:
    found = ctx.get(resource, name, ctx.namespace)
    left = dig(found, "metadata.finalizers", [])
    dying = dig(found, "metadata.deletionTimestamp") is not None
    actual = f"waits for {', '.join(left)}" if dying else "there, and not being deleted"
    return fact(
        f"{name} is gone",
        found is None,
        reason=f"{name} is still there: it {actual}",
        expected="not found",
        actual=actual if found else "not found",
        fix="Remove the finalizer that you added; an operator removes its own:"
        f" `kubectl patch tradingalgorithm {name} -n {ctx.namespace} --type=merge -p"
        ' \'{"metadata":{"finalizers":null}}\'`'
        if dying
        else f"kubectl delete tradingalgorithm {name} -n {ctx.namespace} --wait=false",
        evidence=[Evidence(resource.describe(name, ctx.namespace), "metadata.finalizers", actual)],
    )


def _promised(writes: Sequence[AuditedWrite], operator: str) -> set[str]:
    """Return the finalizers that the operator puts on resources of this type, or takes off."""
    held: dict[str, set[str]] = {}
    found: set[str] = set()
    for write in writes:
        uid = str(dig(write.after, "metadata.uid", ""))
        if not uid or write.code >= 300 or write.subresource:
            continue
        before, after = held.get(uid, set()), set(_finalizers(write))
        if write.user == operator:
            found |= before ^ after
        held[uid] = after
    return found


def _by_whom(life: Sequence[AuditedWrite], name: str, promised: set[str], operator: str) -> Fact:
    """Whether the operator's finalizer was taken off by the operator itself."""
    before: set[str] = set()
    stripped, by = "", ""
    for write in life:
        if write.subresource:
            continue
        after = set(_finalizers(write))
        gone = promised & (before - after)
        if gone and write.user != operator:
            stripped, by = min(gone), write.user
        before = after
    forced = any(one.user == operator for one in life) and bool(stripped)
    return fact(
        "the operator's finalizer was not taken off by others",
        not forced,
        reason=f"{by} stripped {stripped} off {name} by force: the operator, which serves it, had"
        " no chance to clean up",
        expected=f"taken off by {operator}",
        actual=f"taken off by {by}" if forced else "not taken off by force",
        fix=f"Create {name} again with a finalizer of your own in metadata.finalizers, delete it,"
        " wait until the operator's finalizer is gone, and remove only your own",
        evidence=[Evidence(f"TradingAlgorithm {name}", "audit log", by)],
    )


def _childless(ctx: Context, name: str) -> Fact:
    left = [
        kind.describe(f"{name}-{part}", ctx.namespace)
        for part, kind in (
            ("deployment", DEPLOYMENT),
            ("service", SERVICE),
            ("hpa", AUTOSCALER),
        )
        if ctx.get(kind, f"{name}-{part}", ctx.namespace) is not None
    ]
    return fact(
        f"nothing of {name} is left",
        not left,
        reason=f"{name} left behind: {', '.join(left)}",
        expected="no Deployment, Service or autoscaler of it",
        actual=", ".join(left) or "none",
        fix=f"kubectl delete deployment,service,hpa -n {ctx.namespace} --ignore-not-found"
        f" {name}-deployment {name}-service {name}-hpa",
        evidence=[Evidence(one) for one in left],
    )


def _probed(ctx: Context, resource: Resource, hold: str, spec: Mapping[str, Any]) -> Iterator[Fact]:
    """Send a temporary resource the same way."""
    ctx.demand_writes("Nobody records here what was done, so that a temporary resource is needed")
    with ctx.temporary_object(resource) as probe:
        name = probe.create({"metadata": {"finalizers": [hold]}, "spec": dict(spec)})
        probe.delete(name)
        held = dig(probe.read(name), "metadata.deletionTimestamp") is not None
        yield fact(
            "a finalizer holds a deletion back (seen on a temporary resource)",
            held,
            weight=2,
            reason="A temporary resource with a finalizer was gone at once",
            expected="a deletion that waits",
            actual="gone at once",
        )
        found = probe.read(name)
        kept = [one for one in dig(found, "metadata.finalizers", []) if one != hold]
        probe.patch(name, {"metadata": {"finalizers": kept}})
        gone = probe.until(lambda: probe.read(name) is None, GONE_SECONDS)
        waits = dig(probe.read(name), "metadata.finalizers", [])
        yield fact(
            "it goes when the finalizer is taken off",
            gone,
            reason=f"A temporary resource does not go: it waits for {', '.join(waits)}",
            expected="gone",
            actual=f"waits for {', '.join(waits)}" if waits else "gone",
            fix="The operator must remove its finalizer from metadata.finalizers when it has"
            " cleaned up: check its log",
        )
