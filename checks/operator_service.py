"""The Service in front of the operator: whom it reaches, and on which ports."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    ENDPOINT_SLICE,
    POD,
    SERVICE,
    Context,
    Evidence,
    Fact,
    Failure,
    Object,
    Unsettled,
    check,
    dig,
    fact,
    grouped,
    name_of,
)
from labgrader.toolkit.workloads import Workload, ended, is_ready

SERVICE_LABEL = "kubernetes.io/service-name"

Reached = tuple[Mapping[str, Any], Mapping[str, int]]
"""An endpoint, and the numbers of its ports by their names."""


@check()
def operator_service(
    ctx: Context, name: str, deployment: str, ports: Sequence[int]
) -> Iterator[Fact]:
    """Looks at where the Service leads: at its EndpointSlices, not at its selector.

    They must hold pods of the Deployment and nobody else's, one of them ready, and each port must
    lead to the container port of that number, by its number or by its name. A Service with or
    without an address of its own (headless) is fine, and so are further ports. Pods that have ended
    or were evicted get no requests, whatever their labels: they do not count.
    """
    service = ctx.require(
        SERVICE,
        name,
        ctx.namespace,
        fix=f"kubectl expose deployment {deployment} -n {ctx.namespace} --name={name}"
        f" --port={ports[0]}",
    )
    if dig(service, "spec.type") == "ExternalName":
        raise Failure(
            f"The Service {name} is only another name for {dig(service, 'spec.externalName')}",
            expected="a Service with a selector",
            actual="type ExternalName",
            fix=f"Delete the Service {name}, and create it again with a selector (step 3.3)",
        )
    workload = Workload.read(ctx, deployment)
    pods = ctx.list(POD, ctx.namespace)
    gone = {name_of(pod) for pod in pods if ended(pod)}
    endpoints = [one for one in _endpoints(ctx, name) if _pod(one[0]) not in gone]
    pods = [pod for pod in pods if not ended(pod)]
    _demand_fresh(service, pods, endpoints)
    reached = (
        _lasting(service, workload, deployment),
        _own(service, workload, endpoints),
        _ready(service, workload, endpoints),
    )
    yield from grouped("It leads to the operator's pods", reached)
    yield from grouped("Its ports", (_leads(service, endpoints, number) for number in ports))


def _endpoints(ctx: Context, name: str) -> Iterator[Reached]:
    for found in ctx.list(ENDPOINT_SLICE, ctx.namespace):
        if dig(found, "metadata.labels", {}).get(SERVICE_LABEL) == name:
            ports = {str(one.get("name", "")): one.get("port") for one in found.get("ports") or ()}
            for endpoint in found.get("endpoints") or ():
                yield endpoint, ports


def _pod(endpoint: Mapping[str, Any]) -> str:
    """Return the endpoint's pod; of one that somebody wrote by hand, its address."""
    target = endpoint.get("targetRef") or {}
    return str(target.get("name") or ", ".join(endpoint.get("addresses") or ()))


def _demand_fresh(service: Object, pods: Sequence[Object], endpoints: Sequence[Reached]) -> None:
    """Raise ``Unsettled`` where the endpoints do not follow the selector and the pods (yet)."""
    selector = dig(service, "spec.selector", {})
    if not selector:
        return
    chosen = {
        name_of(pod)
        for pod in pods
        if selector.items() <= dig(pod, "metadata.labels", {}).items()
        and dig(pod, "status.podIP")
        and not dig(pod, "metadata.deletionTimestamp")
    }
    ready = {name_of(pod) for pod in pods if name_of(pod) in chosen and is_ready(pod)}
    there = {_pod(endpoint): dig(endpoint, "conditions.ready", True) for endpoint, _ in endpoints}
    alive = {name_of(pod) for pod in pods if not dig(pod, "metadata.deletionTimestamp")}
    serving = {name for name, fine in there.items() if fine}
    if chosen - set(there) or (set(there) & alive) - chosen or ready - serving:
        raise Unsettled("The endpoints of the Service do not follow its selector yet")


def _label(service: Object) -> str:
    return SERVICE.describe(name_of(service), dig(service, "metadata.namespace"))


def _selector(service: Object) -> str:
    pairs = dig(service, "spec.selector", {})
    return ", ".join(f"{key}={value}" for key, value in pairs.items()) or "no selector"


def _select(service: Object, workload: Workload) -> str:
    """Return the command that lets the Service select what the Deployment selects."""
    labels = dig(workload.deployment, "spec.selector.matchLabels", {})
    wanted = ",".join(f"{key}={value}" for key, value in labels.items())
    where = dig(service, "metadata.namespace")
    return f"kubectl set selector service {name_of(service)} '{wanted}' -n {where}"


def _lasting(service: Object, workload: Workload, deployment: str) -> Fact:
    """State that the selector fits the template: the pods of today are not those of tomorrow."""
    selector = dig(service, "spec.selector", {})
    labels = dig(workload.deployment, "spec.template.metadata.labels", {})
    shown = ", ".join(f"{key}={value}" for key, value in labels.items()) or "no labels"
    return fact(
        "it selects what every pod of the Deployment has",
        bool(selector) and selector.items() <= labels.items(),
        reason=f"The Service selects {_selector(service)}, and the pods of {deployment} are made"
        f" with {shown}",
        expected=f"a selector that fits {shown}",
        actual=_selector(service),
        fix=_select(service, workload),
        evidence=[Evidence(_label(service), "spec.selector", _selector(service))],
    )


def _own(service: Object, workload: Workload, endpoints: Sequence[Reached]) -> Fact:
    own = {name_of(pod) for pod in workload.pods}
    gone = {_pod(end) for end, _ in endpoints if dig(end, "conditions.terminating", False)}
    strangers = sorted({_pod(end) for end, _ in endpoints} - own - gone)
    shown = ", ".join(sorted({_pod(end) for end, _ in endpoints})) or "nobody"
    return fact(
        "it reaches pods of the Deployment and nothing else",
        bool(endpoints) and not strangers,
        reason=f"The Service also sends requests to {', '.join(strangers)}: not the operator's"
        if strangers
        else f"The Service reaches nobody: no pod has {_selector(service)}",
        expected=f"pods of {name_of(workload.deployment)} only",
        actual=shown,
        fix=_select(service, workload),
        evidence=[Evidence(_label(service), "endpointslices", shown)],
    )


def _ready(service: Object, workload: Workload, endpoints: Sequence[Reached]) -> Fact:
    ready = sorted({_pod(end) for end, _ in endpoints if dig(end, "conditions.ready", True)})
    name = name_of(workload.deployment)
    return fact(
        "one of them is ready",
        bool(ready),
        reason="No pod behind the Service is ready, so it answers nobody",
        expected="a ready endpoint",
        actual=f"ready: {', '.join(ready) or 'none'}; of {len(endpoints)} endpoints",
        fix=f"kubectl describe pods -n {dig(service, 'metadata.namespace')}: why are those of"
        f" {name} not Ready, and does the selector fit?",
        evidence=[Evidence(_label(service), "endpointslices", f"ready: {', '.join(ready)}")],
    )


def _leads(service: Object, endpoints: Sequence[Reached], number: int) -> Fact:
    """State that one port of the Service is served by the container port of the same number."""
    given = dig(service, "spec.ports", [])
    mine = next((p for p in given if p.get("port") == number and _is_tcp(p)), None)
    target = mine.get("targetPort", number) if mine else None
    ready = [ports for end, ports in endpoints if dig(end, "conditions.ready", True)]
    led = {ports.get(str(mine.get("name", ""))) for ports in ready} if mine else set()
    ports = ", ".join(f"{p.get('port')} to {p.get('targetPort')}" for p in given) or "none"
    where = ", ".join(str(one or f"{target}, which no container has") for one in led)
    if mine is None:
        reason = f"The Service has no port {number}"
    elif not led or led == {None}:
        reason = f"Port {number} of the Service leads nowhere: its target is {target}"
    else:
        reason = f"Port {number} of the Service leads to port {where} of the pods"
    return fact(
        f"its port {number} leads to port {number} of the pods",
        led == {number},
        reason=reason,
        expected=f"port {number} with targetPort {number}, or the name of that container port",
        actual=ports,
        fix=f"kubectl edit service {name_of(service)} -n {dig(service, 'metadata.namespace')},"
        f" and set port: {number}, targetPort: {number}",
        evidence=[Evidence(_label(service), "spec.ports", ports)],
    )


def _is_tcp(port: Object) -> bool:
    return bool(port.get("protocol", "TCP") == "TCP")
