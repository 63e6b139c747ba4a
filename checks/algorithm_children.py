"""What stands behind a resource: its Deployment, its Service and its autoscaler."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    AUTOSCALER,
    CONFIG_MAP,
    DEPLOYMENT,
    LEASE,
    SERVICE,
    ClusterError,
    Context,
    Evidence,
    Fact,
    Object,
    Resource,
    Unsettled,
    check,
    dig,
    fact,
    grouped,
    name_of,
    unjudged,
)
from labgrader.toolkit.autoscaling import cpu_target, scales_alone
from labgrader.toolkit.config_maps import NotReadable, stored_yaml
from labgrader.toolkit.deployments import leads_to, runs_image
from labgrader.toolkit.environment import environment
from labgrader.toolkit.kubernetes import leader, spec_just_changed
from labgrader.toolkit.serving import serves, waits

SETTLE_SECONDS = 5.0
"""How long an operator may take to follow a change of the resource's spec."""


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
    image: str,
    config: str,
) -> Iterator[Fact]:
    """Compares what belongs to each resource with the resource, and checks that it serves.

    Where an operator holds the Lease, it must have made the children of every resource, with the
    resource's values as they are now. Where no operator does, you make those of one resource by
    hand; its autoscaler may keep the values from before the update. Either way the Service must
    lead to the Deployment's pods, and one autoscaler to the Deployment.

    The image is the one of the resource (`spec.image`), of the operator's configuration, or of the
    step. Variables may come from anywhere: literal values, ConfigMaps, Secrets, labels. Where
    containers run, as many pods as the resource asks for must be Ready, and port 80 must answer
    through the Service.
    """
    holder = leader(ctx.get(LEASE, lease, ctx.namespace), ctx.server_time())
    track = f"the operator's children ({holder.holder} leads)" if holder else "children by hand"
    yield fact(f"graded: {track}", True, weight=0)
    resource = Resource(group, version, plural, kind)
    images = [image, *_configured(ctx, config)]
    for name in [*always, *(with_operator if holder else ())]:
        owner = ctx.require(
            resource, name, ctx.namespace, fix=f"Create {name} first; step 4.1 has its values"
        )
        allowed = [_wanted(owner), *([] if holder else [by_hand.get(name, {})])]
        facts = [*_children(ctx, owner, labels, allowed, images)]
        wrong = any(one.ok is False for one in facts)
        if holder and wrong and spec_just_changed(ctx.server_time(), SETTLE_SECONDS, owner):
            raise Unsettled(f"The operator is still at work on {name}", "Grade again in a moment")
        if later := waits(facts):
            raise later
        yield from facts


def _wanted(owner: Object) -> dict[str, int]:
    """Return what the autoscaler must say, from the resource as it is now."""
    policy = dig(owner, "spec.scalingPolicy", {})
    return {key: policy[key] for key in ("maxReplicas", "targetCPUUtilization") if key in policy}


def _configured(ctx: Context, config: str) -> Iterator[str]:
    """Yield the image that the operator's configuration names, as far as it can be read."""
    try:
        texts = dig(ctx.get(CONFIG_MAP, config, ctx.namespace), "data", {})
    except ClusterError:  # the step's own image is known without it
        return
    for text in texts.values():
        try:
            found = dig(stored_yaml(text), "trading.defaultImage")
        except NotReadable:
            continue
        if isinstance(found, str) and found:
            yield found


def _children(
    ctx: Context,
    owner: Object,
    labels: Mapping[str, str],
    allowed: list[Mapping[str, int]],
    images: Sequence[str],
) -> Iterator[Fact]:
    name = name_of(owner)
    scalers = ctx.list(AUTOSCALER, ctx.namespace)
    scaler = next((one for one in scalers if name_of(one) == f"{name}-hpa"), None)
    deployment = ctx.get(DEPLOYMENT, f"{name}-deployment", ctx.namespace)
    service = ctx.get(SERVICE, f"{name}-service", ctx.namespace)
    facts = [_labelled(ctx, DEPLOYMENT, f"{name}-deployment", deployment, labels)]
    if deployment is not None:
        own = dig(owner, "spec.image")
        facts += _workload(ctx, owner, deployment)
        facts.append(runs_image(ctx, deployment, [own] if isinstance(own, str) and own else images))
    yield from grouped(f"The Deployment of {name}", facts)
    facts = [_labelled(ctx, SERVICE, f"{name}-service", service, labels)]
    if service is not None and deployment is not None:
        facts.append(leads_to(ctx, service, deployment, 80, {"app": name}))
        if ctx.runs_containers:
            least = int(dig(owner, "spec.scalingPolicy.minReplicas", 1))
            facts += serves(ctx, name_of(deployment), name_of(service), 80, least)
    yield from grouped(f"The Service of {name}", facts)
    facts = [_labelled(ctx, AUTOSCALER, f"{name}-hpa", scaler, labels)]
    if scaler is not None:
        facts += _scales(owner, scaler, deployment, allowed)
        facts.append(scales_alone(scaler, name_of(deployment or {}), scalers))
    yield from grouped(f"The autoscaler of {name}", facts)


def _labelled(
    ctx: Context, kind: Resource, name: str, found: Object | None, labels: Mapping[str, str]
) -> Fact:
    label = kind.describe(name, ctx.namespace)
    held = dig(found, "metadata.labels", {})
    wrong = [key for key, value in labels.items() if held.get(key) != value]
    shown = ", ".join(f"{key}={held[key]}" if key in held else f"no {key}" for key in wrong)
    wanted = ",".join(f"{key}={value}" for key, value in labels.items())
    change = f"kubectl label {kind.kind.lower()} {name} -n {ctx.namespace} --overwrite"
    return fact(
        f"{label} with its labels",
        found is not None and not wrong,
        reason=f"{label} has {shown}" if found else f"{label} does not exist",
        expected=wanted,
        actual=(shown or wanted) if found else "not found",
        fix=f"{change} {wanted.replace(',', ' ')}"
        if found
        else f"Create the {kind.kind} {name}: an operator does (check its log); by hand, step 4.2"
        " has the manifest",
        evidence=[Evidence(label, "metadata.labels", shown or wanted)],
    )


def _workload(ctx: Context, owner: Object, deployment: Object) -> Iterator[Fact]:
    name, where = name_of(owner), f"deployment {name_of(deployment)} -n {ctx.namespace}"
    label = DEPLOYMENT.describe(name_of(deployment), ctx.namespace)
    pod = dig(deployment, "spec.template", {})
    strategy = dig(owner, "spec.tradingStrategy.algorithm", "")
    held = dig(pod, "metadata.labels", {})
    edit = f"kubectl edit {where}"
    for key, value in (("app", name), ("fintech.io/strategy", strategy)):
        fix = f"{edit}, and set the label {key}: {value} in spec.template.metadata.labels"
        yield _says(label, f"its pods' label {key}", held.get(key), value, fix)
    yield from _variables(ctx, owner, label, pod, where)
    containers = dig(pod, "spec.containers", [])
    asking = [bool(dig(one, "resources.requests.cpu")) for one in containers]
    yield fact(
        f"{label} requests CPU",
        all(asking),
        reason=f"A container of {label} requests no CPU: the autoscaler has nothing to divide by",
        expected="resources.requests.cpu on every container",
        actual="not on every container" if any(asking) else "none",
        fix=f"kubectl set resources {where} --requests=cpu=100m",
    )
    low, high = (dig(owner, f"spec.scalingPolicy.{end}Replicas", 1) for end in ("min", "max"))
    replicas = dig(deployment, "spec.replicas", 1)
    in_range = isinstance(replicas, int) and low <= replicas <= high
    fix = f"kubectl scale {where} --replicas={low}"
    yield _says(label, "replicas", replicas, f"{low} to {high}", fix, in_range)


def _variables(ctx: Context, owner: Object, label: str, pod: Object, where: str) -> Iterator[Fact]:
    """State what the containers find in their environment, wherever it comes from."""
    strategy = dig(owner, "spec.tradingStrategy.algorithm", "")
    symbols = dig(owner, "spec.marketData.symbols", [])

    def fits(name: str, value: str | None) -> bool:
        if name == "STRATEGY":
            return bool(value == strategy)
        return {part.strip() for part in (value or "").split(",")} == set(symbols)

    seen = [environment(ctx, pod, one) for one in dig(pod, "spec.containers", [])]
    for name, wanted in (("STRATEGY", strategy), ("SYMBOLS", ",".join(symbols))):
        unread = [one.unread for env in seen for key in (name, "") if (one := env.get(key))]
        found = [env[name] for env in seen if name in env]
        good = any(fits(name, one.value) for one in found)
        if not good and (error := next((one for one in unread if one), None)):
            yield unjudged(f"{label}: {name}", error)
            continue
        shown = found[-1].shown if found else "nothing"
        fix = f"kubectl set env {where} {name}={wanted}"
        yield _says(label, name, shown, f'"{wanted}"', fix, good)


def _says(
    label: str, what: str, actual: object, expected: object, fix: str, ok: bool | None = None
) -> Fact:
    good = actual == expected if ok is None else ok
    shown = "not set" if actual in (None, "") else str(actual)
    return fact(
        f"{label}: {what}",
        good,
        reason=f"{label}: {what} is {shown} instead of {expected}, as the resource says",
        expected=expected,
        actual=shown,
        fix=fix,
        evidence=[Evidence(label, what, shown)],
    )


def _scales(
    owner: Object, scaler: Object, deployment: Object | None, allowed: list[Mapping[str, int]]
) -> Iterator[Fact]:
    name, where = name_of(owner), dig(scaler, "metadata.namespace")
    label = AUTOSCALER.describe(name_of(scaler), where)
    edit = f"kubectl edit hpa {name_of(scaler)} -n {where}, and set"
    target = dig(scaler, "spec.scaleTargetRef", {})
    pointed = f"{target.get('apiVersion')} {target.get('kind')} {target.get('name')}"
    wanted = f"apps/v1 Deployment {name}-deployment"
    yield _says(label, "its target", pointed, wanted, f"{edit} spec.scaleTargetRef")
    low = dig(owner, "spec.scalingPolicy.minReplicas")
    now = dig(scaler, "spec.minReplicas", 1)
    yield _says(label, "minReplicas", now, low, f"{edit} spec.minReplicas: {low}")
    yield _follows(label, edit, scaler, deployment, allowed)


def _follows(
    label: str,
    edit: str,
    scaler: Object,
    deployment: Object | None,
    allowed: list[Mapping[str, int]],
) -> Fact:
    """State that the autoscaler has the resource's maximum and CPU target.

    The CPU may be that of all containers or of one of them (ContainerResource).
    """
    cpu, container = cpu_target(scaler)
    names = [one.get("name") for one in dig(deployment, "spec.template.spec.containers", [])]
    missing = bool(container) and deployment is not None and container not in names
    most = dig(scaler, "spec.maxReplicas")
    now: dict[str, Any] = {"maxReplicas": most, "targetCPUUtilization": cpu}
    good = any(wanted and wanted.items() <= now.items() for wanted in allowed) and not missing
    wanted = " or ".join(
        f"maxReplicas {one.get('maxReplicas')} at {one.get('targetCPUUtilization')} % CPU"
        for one in allowed
        if one
    )
    shown = f"maxReplicas {most} " + (
        f"at {cpu} % CPU" if cpu is not None else "without a CPU target"
    )
    shown += f" of the container {container}, which the pods do not have" if missing else ""
    return fact(
        f"{label} follows the resource",
        good,
        reason=f"{label} has {shown} instead of {wanted}",
        expected=wanted,
        actual=shown,
        fix=f"{edit} spec.maxReplicas, and averageUtilization of the cpu metric: {wanted}",
        evidence=[Evidence(label, "spec", shown)],
    )
