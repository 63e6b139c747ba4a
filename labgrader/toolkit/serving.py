"""Facts about serving: pods are Ready, and a Service port reaches them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from labgrader.errors import ClusterError, MissingCapability, Unsettled
from labgrader.grading.context import Context
from labgrader.grading.findings import Fact, fact, unjudged
from labgrader.kube.quantities import quantity
from labgrader.kube.resources import DEPLOYMENT, NODE, POD, SERVICE, Object, dig, name_of
from labgrader.model.result import Evidence
from labgrader.toolkit.pod_diagnosis import Trouble, demand_nodes, trouble_of
from labgrader.toolkit.workloads import Workload, is_ready

FAILURES = 3
"""How often the kubelet must have reported the same until it counts while a rollout moves."""

_ANSWERED = ("malformed HTTP", "HTTP response to HTTPS", "malformed MIME")
"""How the API server's proxy says that something answered which does not speak HTTP."""


def serves(ctx: Context, deployment: str, service: str, port: int, least: int) -> Iterator[Fact]:
    """State that ``least`` pods of a Deployment are Ready and answer on a port of a Service.

    Any answer will do, whatever its status. What only time can tell is a fact that is not judged,
    with ``Unsettled`` as its error.
    """
    try:
        workload = Workload.read(ctx, deployment)
        ready = [pod for pod in workload.current() if is_ready(pod)]
        if len(ready) < least:
            yield _not_ready(ctx, workload, len(ready), least)
            return
    except ClusterError as error:
        yield unjudged(f"the pods of {deployment} are Ready", error)
        return
    label = DEPLOYMENT.describe(deployment, ctx.namespace)
    shown = f"{len(ready)} Ready pods"
    evidence = [Evidence(label, "status.readyReplicas", shown)]
    yield fact(f"the pods of {deployment} are Ready", True, evidence=evidence)
    yield _answers(ctx, workload, service, port)


def waits(facts: list[Fact]) -> Unsettled | None:
    """Return what the facts wait for, where nothing else is wrong: it is worth asking again."""
    if any(one.ok is False for one in facts):
        return None
    return next((one.error for one in facts if isinstance(one.error, Unsettled)), None)


def _not_ready(ctx: Context, workload: Workload, ready: int, least: int) -> Fact:
    """State why fewer than ``least`` pods are Ready.

    Raises:
        ClusterError: it is the cluster's fault, or will be known in a moment.
    """
    pods = workload.current()
    name = f"the pods of {name_of(workload.deployment)} are Ready"
    demand_nodes(ctx, pods)
    moving = workload.is_moving(ctx.server_time())
    times = FAILURES if moving else 1
    found = [(pod, trouble_of(ctx, pod, times=times, moving=moving)) for pod in pods]
    broken = [(pod, trouble) for pod, trouble in found if trouble and not trouble.full]
    crowded = [(pod, trouble) for pod, trouble in found if trouble and trouble.full]
    if not broken and crowded and _fits_somewhere(ctx, crowded[0][0]):
        raise MissingCapability(
            f"The nodes have no room for {name_of(crowded[0][0])}: {crowded[0][1].why}",
            "Remove what needs the room, or lower the requests (100m CPU is enough)",
        )
    if not broken and not crowded and moving:
        raise Unsettled(f"{ready} of {least} pods of {name_of(workload.deployment)} are Ready")
    pod, trouble = next(iter(broken + crowded), (None, _untold(workload)))
    label = POD.describe(name_of(pod), ctx.namespace) if pod else _label(workload)
    fix = f"{trouble.fix} -n {ctx.namespace}" if "kubectl" in trouble.fix else trouble.fix
    return fact(
        name,
        False,
        reason=f"{ready} of {least} pods of {name_of(workload.deployment)} are Ready."
        f" {label}: {trouble.why}",
        expected=f"{least} Ready pods or more",
        actual=f"{ready} Ready pods",
        fix=fix,
        evidence=[Evidence(label, "status", trouble.why)],
    )


def _label(workload: Workload) -> str:
    return DEPLOYMENT.describe(
        name_of(workload.deployment), dig(workload.deployment, "metadata.namespace")
    )


def _untold(workload: Workload) -> Trouble:
    """Return what the Deployment itself says, where nothing is known of its pods."""
    refused = workload.condition("ReplicaFailure")
    if refused.get("status") == "True":
        return Trouble(f"its pods are refused: {refused.get('message')}", "Fix what it names")
    if dig(workload.deployment, "spec.paused", False):
        name = name_of(workload.deployment)
        return Trouble("its rollout is paused", f"kubectl rollout resume deployment {name}")
    said = str(workload.condition("Progressing").get("message", "no reason is reported"))
    return Trouble(said, f"kubectl describe deployment {name_of(workload.deployment)}")


def _fits_somewhere(ctx: Context, pod: Object) -> bool:
    """Whether a node could hold the pod if nothing else ran there."""
    needs: dict[str, float] = {}
    for container in dig(pod, "spec.containers", []):
        for key, amount in dig(container, "resources.requests", {}).items():
            needs[key] = needs.get(key, 0.0) + float(quantity(amount) or 0)
    return any(_holds(dig(node, "status.allocatable", {}), needs) for node in ctx.list(NODE))


def _holds(room: Mapping[str, Any], needs: Mapping[str, float]) -> bool:
    return all(float(quantity(room.get(key)) or 0) >= amount for key, amount in needs.items())


def _answers(ctx: Context, workload: Workload, service: str, port: int) -> Fact:
    """State that something answers on a port of the Service, asked through the API server."""
    name = f"port {port} of {service} answers"
    try:
        answer = ctx.http_get("services", service, port, "/")
        there = answer.status is not None or any(one in answer.body for one in _ANSWERED)
        if not there and workload.is_moving(ctx.server_time()):
            raise Unsettled(f"Port {port} of {service} does not answer yet: {answer.body[:150]}")
    except ClusterError as error:
        return unjudged(name, error)
    label = SERVICE.describe(service, ctx.namespace)
    said = f"status {answer.status}" if there else answer.body[:200]
    return fact(
        name,
        there,
        reason=f"Port {port} of {label} does not answer, though pods are Ready: {said}",
        expected=f"an answer on port {port}",
        actual=said,
        fix=f"Let the container listen on the port that the Service leads to; try: kubectl get"
        f" --raw /api/v1/namespaces/{ctx.namespace}/services/{service}:{port}/proxy/",
        evidence=[Evidence(label, f":{port}/", said)],
    )
