"""A deletion that a finalizer holds back, and its release: from the record, or by a probe."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    AUTOSCALER,
    DEPLOYMENT,
    NAMESPACE,
    RESET_AT,
    SERVICE,
    Context,
    Deed,
    Evidence,
    Fact,
    Failure,
    Resource,
    check,
    dig,
    fact,
    moment,
)

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
    strips it by force breaks the promise, and leaves behind what was to be cleaned up.

    The lab's own cluster records every write, so what you did is read from there. On another
    cluster a temporary resource goes the same way, if labgrader may write there.
    """
    resource = Resource(group, version, plural, kind)
    deeds = ctx.deeds(resource)
    if deeds is None:
        yield from _probed(ctx, resource, hold, spec)
        yield _gone(ctx, resource, name)
    else:
        since = _begin(ctx)
        own = [one for one in deeds if one.name == name and _after(one, since)]
        life = _last_life(own)
        if not life:
            raise _nothing_done(own, name, ctx)
        yield from _held_and_released(ctx, resource, life, name, finalizer)
        user = f"system:serviceaccount:{ctx.namespace}:{account}"
        yield _by_whom(life, name, finalizer, user)
    yield _childless(ctx, name)


def _begin(ctx: Context) -> str:
    """Return since when deeds count: since the lab (or this task of it) began anew."""
    namespace = ctx.get(NAMESPACE, ctx.namespace)
    made = str(dig(namespace, "metadata.creationTimestamp", ""))
    return max(made, str(dig(namespace, "metadata.annotations", {}).get(RESET_AT, "")))


def _after(deed: Deed, since: str) -> bool:
    begun, at = moment(since), moment(deed.at)
    return begun is None or at is None or at >= begun


def _finalizers(deed: Deed) -> list[str]:
    return list(dig(deed.after, "metadata.finalizers", []))


def _last_life(deeds: Sequence[Deed]) -> list[Deed]:
    """Return what was done to the last object of that name which somebody deleted."""
    lives: dict[str, list[Deed]] = {}
    for deed in deeds:
        # Whoever deletes what nothing holds is answered with a Status that names it.
        uid = dig(deed.after, "metadata.uid") or dig(deed.after, "details.uid")
        if uid and deed.code < 300:
            lives.setdefault(str(uid), []).append(deed)
    deleted = [life for life in lives.values() if any(one.verb == "delete" for one in life)]
    held = [life for life in deleted if _was_held(life)]
    return (held or deleted or [[]])[-1]


def _was_held(life: Sequence[Deed]) -> bool:
    return any(
        one.verb == "delete" and dig(one.after, "metadata.deletionTimestamp") and _finalizers(one)
        for one in life
    )


def _nothing_done(deeds: Sequence[Deed], name: str, ctx: Context) -> Failure:
    refused = [str(one.after.get("message")) for one in deeds if one.code >= 400]
    made = any(one.code == 201 for one in deeds)
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
    ctx: Context, resource: Resource, life: Sequence[Deed], name: str, finalizer: str
) -> Iterator[Fact]:
    held = _was_held(life)
    label = resource.describe(name, ctx.namespace)
    yield fact(
        f"the deletion of {name} was held back",
        held,
        weight=2,
        reason=f"{name} was deleted while no finalizer held it: it was gone at once",
        expected=f"a deletion that waits for {finalizer}",
        actual="gone at once",
        fix=f"Create it again, put {finalizer} into metadata.finalizers, and delete it then",
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
        fix=f"Take off what you put there: kubectl patch tradingalgorithm {name} -n {ctx.namespace}"
        ' --type=merge -p \'{"metadata":{"finalizers":null}}\'; an operator takes off its own'
        if dying
        else f"kubectl delete tradingalgorithm {name} -n {ctx.namespace} --wait=false",
        evidence=[Evidence(resource.describe(name, ctx.namespace), "metadata.finalizers", actual)],
    )


def _by_whom(life: Sequence[Deed], name: str, finalizer: str, operator: str) -> Fact:
    """Whether the clean-up's finalizer was taken off by whoever had promised the clean-up."""
    served = any(one.user == operator for one in life)
    before: list[str] = []
    stripped_by = ""
    for deed in life:
        if deed.subresource:
            continue
        if finalizer in before and finalizer not in _finalizers(deed):
            stripped_by = deed.user
        before = _finalizers(deed)
    forced = served and bool(stripped_by) and stripped_by != operator
    return fact(
        f"{finalizer} was taken off by whoever cleans up",
        not forced,
        reason=f"{stripped_by} stripped {finalizer} off {name} by force: the operator, which serves"
        " it, had no chance to clean up",
        expected=f"taken off by {operator}",
        actual=f"taken off by {stripped_by or 'nobody'}",
        fix="Do it again with a finalizer of your own beside it, and take off only your own",
        evidence=[Evidence(f"TradingAlgorithm {name}", "audit log", stripped_by)],
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
        fix="Delete them; ownerReferences, or the operator's clean-up, do that by themselves",
        evidence=[Evidence(one) for one in left],
    )


def _probed(ctx: Context, resource: Resource, hold: str, spec: Mapping[str, Any]) -> Iterator[Fact]:
    """Send a temporary resource the same way."""
    ctx.demand_writes("Nobody records here what was done, so that a temporary resource is needed")
    with ctx.probe(resource) as probe:
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
            fix="Whoever serves that finalizer must take it off: look at the operator's log",
        )
