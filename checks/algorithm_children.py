"""What stands behind a resource: its Deployment, its Service and its autoscaler."""

from collections.abc import Iterator, Mapping, Sequence

from labgrader.api import (
    AUTOSCALER,
    DEPLOYMENT,
    LEASE,
    POD,
    SERVICE,
    Context,
    Evidence,
    Fact,
    Object,
    Resource,
    Unsettled,
    check,
    dig,
    fact,
    just_changed,
    leader,
    name_of,
)

SETTLE_SECONDS = 5.0
"""How long an operator may take to follow a change of the resource."""


@check()
def algorithm_children(
    ctx: Context,
    group: str,
    version: str,
    kind: str,
    plural: str,
    lease: str,
    always: Sequence[str],
    with_operator: Sequence[str],
    labels: Mapping[str, str],
    by_hand: Mapping[str, Mapping[str, int]],
) -> Iterator[Fact]:
    """Looks at what belongs to each resource, and whether it follows the resource.

    Where an operator holds the Lease, it must have made the children of every resource, with the
    resource's values as they are now. Where nobody does, you make those of one resource by hand;
    its autoscaler may keep the values from before the update. Either way a Service must lead to the
    Deployment's pods, and the autoscaler to the Deployment.
    """
    holder = leader(ctx.get(LEASE, lease, ctx.namespace), ctx.server_time())
    track = f"the operator's children ({holder.holder} leads)" if holder else "children by hand"
    yield fact(f"graded: {track}", True, weight=0)
    resource = Resource(group, version, plural, kind)
    for name in [*always, *(with_operator if holder else ())]:
        owner = ctx.require(
            resource, name, ctx.namespace, fix=f"Create {name} first; step 4.1 has its values"
        )
        allowed = [_wanted(owner), *([] if holder else [by_hand.get(name, {})])]
        facts = [*_children(ctx, owner, labels, allowed)]
        if (
            holder
            and not all(one.ok for one in facts)
            and just_changed(ctx.server_time(), SETTLE_SECONDS, owner)
        ):
            raise Unsettled(f"The operator is still at work on {name}", "Grade again in a moment")
        yield from facts


def _wanted(owner: Object) -> dict[str, int]:
    """Return what the autoscaler must say, from the resource as it is now."""
    policy = dig(owner, "spec.scalingPolicy", {})
    return {key: policy[key] for key in ("maxReplicas", "targetCPUUtilization") if key in policy}


def _children(
    ctx: Context, owner: Object, labels: Mapping[str, str], allowed: list[Mapping[str, int]]
) -> Iterator[Fact]:
    name = name_of(owner)
    children = {
        part: (resource, ctx.get(resource, f"{name}-{part}", ctx.namespace))
        for part, resource in (
            ("deployment", DEPLOYMENT),
            ("service", SERVICE),
            ("hpa", AUTOSCALER),
        )
    }
    for part, (resource, found) in children.items():
        yield _labelled(resource.describe(f"{name}-{part}", ctx.namespace), found, labels)
    deployment, service, scaler = (found for _, found in children.values())
    if deployment is not None:
        yield from _workload(owner, deployment)
    if service is not None and deployment is not None:
        yield _leads_to(ctx, name, service, deployment)
    if scaler is not None:
        yield from _scales(owner, scaler, allowed)


def _labelled(label: str, found: Object | None, labels: Mapping[str, str]) -> Fact:
    held = dig(found, "metadata.labels", {})
    wrong = {key: held.get(key) for key, value in labels.items() if held.get(key) != value}
    wanted = ", ".join(f"{key}={value}" for key, value in labels.items())
    shown = ", ".join(f"{key}={value}" for key, value in wrong.items()) if found else "not found"
    return fact(
        f"{label} with its labels",
        found is not None and not wrong,
        weight=2,
        reason=f"{label} has {shown}" if found else f"{label} does not exist",
        expected=wanted,
        actual=shown or wanted,
        fix=f"kubectl label {label.replace(' ', '/', 1).split('/', 1)[0].lower()}"
        f" {label.rpartition('/')[2]} --overwrite {wanted.replace(', ', ' ')}"
        if found
        else "With an operator: see its log. By hand: apply the manifest of the step",
        evidence=[Evidence(label, "metadata.labels", shown or wanted)],
    )


def _workload(owner: Object, deployment: Object) -> Iterator[Fact]:
    name = name_of(owner)
    label = DEPLOYMENT.describe(name_of(deployment), dig(deployment, "metadata.namespace"))
    pod = dig(deployment, "spec.template", {})
    strategy = dig(owner, "spec.tradingStrategy.algorithm", "")
    held = dig(pod, "metadata.labels", {})
    for key, value in (("app", name), ("fintech.io/strategy", strategy)):
        yield _says(label, f"its pods' label {key}", held.get(key), value)
    symbols = dig(owner, "spec.marketData.symbols", [])
    env = {
        entry.get("name"): entry.get("value")
        for container in dig(pod, "spec.containers", [])
        for entry in container.get("env") or ()
    }
    yield _says(label, "STRATEGY", env.get("STRATEGY"), strategy)
    shown = {part.strip() for part in str(env.get("SYMBOLS") or "").split(",")}
    yield _says(label, "SYMBOLS", env.get("SYMBOLS"), ",".join(symbols), shown == set(symbols))
    requests = [
        dig(container, "resources.requests.cpu") for container in dig(pod, "spec.containers", [])
    ]
    yield fact(
        f"{label} requests CPU",
        all(requests),
        reason=f"A container of {label} requests no CPU: the autoscaler has nothing to divide by",
        expected="resources.requests.cpu on every container",
        actual="none" if not any(requests) else "not on every container",
        fix=f"kubectl set resources deployment {name_of(deployment)} --requests=cpu=100m",
    )
    low, high = (dig(owner, f"spec.scalingPolicy.{end}Replicas", 1) for end in ("min", "max"))
    replicas = dig(deployment, "spec.replicas", 1)
    in_range = isinstance(replicas, int) and low <= replicas <= high
    yield _says(label, "replicas", replicas, f"{low} to {high}", in_range)


def _says(label: str, what: str, actual: object, expected: object, ok: bool | None = None) -> Fact:
    good = actual == expected if ok is None else ok
    shown = "nothing" if actual in (None, "") else repr(actual)
    return fact(
        f"{label}: {what}",
        good,
        reason=f"{label}: {what} is {shown} instead of {expected!r}, as the resource says",
        expected=expected,
        actual=shown,
        fix=f"Set it to {expected!r}; an operator takes it from the resource",
        evidence=[Evidence(label, what, shown)],
    )


def _leads_to(ctx: Context, name: str, service: Object, deployment: Object) -> Fact:
    """Whether the Service's port 80 reaches port 80 of the Deployment's pods, and of no others."""
    label = SERVICE.describe(name_of(service), ctx.namespace)
    selector = dig(service, "spec.selector", {})
    pod = dig(deployment, "spec.template", {})
    held = dig(pod, "metadata.labels", {})
    hits = bool(selector) and selector.items() <= held.items()
    strangers = [
        name_of(other)
        for other in (ctx.list(POD, ctx.namespace) if hits else [])
        if selector.items() <= dig(other, "metadata.labels", {}).items()
        and dig(other, "metadata.labels", {}).get("app") != name
    ]
    named = {
        port.get("name"): port.get("containerPort")
        for container in dig(pod, "spec.containers", [])
        for port in container.get("ports") or ()
    }
    targets = {
        port.get("port"): named.get(port.get("targetPort"), port.get("targetPort", port["port"]))
        for port in dig(service, "spec.ports", [])
    }
    actual = f"selects {selector or 'nothing'}, ports {targets}"
    if strangers:
        actual += f", also pods of others: {', '.join(sorted(strangers)[:3])}"
    return fact(
        f"{label} leads to the pods",
        hits and not strangers and targets.get(80) == 80,
        weight=2,
        reason=f"{label} does not lead to the pods of {name_of(deployment)} alone: it {actual}",
        expected=f"selector app: {name}, port 80 to 80",
        actual=actual,
        fix=f"kubectl set selector service {name_of(service)} -n {ctx.namespace} app={name}",
        evidence=[Evidence(label, "spec.selector", str(selector))],
    )


def _scales(owner: Object, scaler: Object, allowed: list[Mapping[str, int]]) -> Iterator[Fact]:
    name = name_of(owner)
    label = AUTOSCALER.describe(name_of(scaler), dig(scaler, "metadata.namespace"))
    target = dig(scaler, "spec.scaleTargetRef", {})
    pointed = f"{target.get('apiVersion')} {target.get('kind')} {target.get('name')}"
    yield _says(label, "its target", pointed, f"apps/v1 Deployment {name}-deployment")
    low = dig(owner, "spec.scalingPolicy.minReplicas")
    yield _says(label, "minReplicas", dig(scaler, "spec.minReplicas", 1), low)
    cpu = next(
        (
            dig(metric, "resource.target.averageUtilization")
            for metric in dig(scaler, "spec.metrics", [])
            if dig(metric, "resource.name") == "cpu"
        ),
        None,
    )
    now = {"maxReplicas": dig(scaler, "spec.maxReplicas"), "targetCPUUtilization": cpu}
    good = any(wanted and wanted.items() <= now.items() for wanted in allowed)
    wanted = " or ".join(
        f"maxReplicas {one.get('maxReplicas')} at {one.get('targetCPUUtilization')} % CPU"
        for one in allowed
        if one
    )
    yield fact(
        f"{label} follows the resource",
        good,
        weight=2,
        reason=f"{label} scales to {now['maxReplicas']} replicas at {cpu} % CPU: not {wanted}",
        expected=wanted,
        actual=f"maxReplicas {now['maxReplicas']} at {cpu} % CPU",
        fix=f"kubectl edit hpa {name_of(scaler)}, and set what the resource says",
        evidence=[Evidence(label, "spec", str(now))],
    )
