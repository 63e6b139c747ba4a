"""Diagnoses pods that are not Ready: containers, scheduling, readiness gates, events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labgrader.errors import Forbidden, Unreachable
from labgrader.grading.context import Context
from labgrader.kube.conditions import condition
from labgrader.kube.images import plain_name
from labgrader.kube.resources import EVENT, NODE, Object, dig, name_of
from labgrader.toolkit.workloads import is_ready
from labgrader.util.suggestion import near

BROKEN = (
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
    "StartError",
)
"""Why a container waits when it does not wait for something that comes by itself."""

_FULL = ("Insufficient ", "were unschedulable", "untolerated taint", "Too many pods")
"""How the scheduler says that the nodes have no room now, whatever the pod is like."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a pod from being Ready, and how to fix it.

    ``full`` says that the nodes have no room for it: that may be the cluster's fault.
    """

    why: str
    fix: str
    full: bool = False


def trouble_of(
    ctx: Context, pod: Object, *, times: int = 1, moving: bool = False
) -> Trouble | None:
    """Return what keeps a pod from being Ready; None where it is Ready, or nothing is known.

    Args:
        times: how often the kubelet must have reported a failed probe or volume.
        moving: whether a rollout goes on: then a gate may still be opened.
    """
    if is_ready(pod):
        return None
    return (
        _waiting(ctx, pod)
        or _unscheduled(pod)
        or (None if moving else _gated(pod))
        or _reported(ctx, pod, times)
    )


def demand_nodes(ctx: Context, pods: Sequence[Object]) -> None:
    """Raise where pods are not Ready because their node, or every node, does not answer."""
    try:
        nodes = {name_of(node): condition(node, "Ready") for node in ctx.list(NODE)}
    except Forbidden:
        return
    dead = {name: ready for name, ready in nodes.items() if ready.get("status") != "True"}
    if not dead:
        return
    for pod in pods:
        home = dig(pod, "spec.nodeName")
        nowhere = not home and len(dead) == len(nodes)
        if is_ready(pod) or not (home in dead or nowhere):
            continue
        name = home or min(dead)
        why = dead[name].get("message", "it has not reported that it is Ready")
        raise Unreachable(
            f"The node {name} does not answer ({why}), and {name_of(pod)} belongs to it",
            f"Bring the node back (kubectl describe node {name}), and check again",
        )


def _waiting(ctx: Context, pod: Object) -> Trouble | None:
    """Return why a container of the pod does not start, as the kubelet reports it."""
    both = ("initContainerStatuses", "containerStatuses")
    for status in [one for key in both for one in dig(pod, f"status.{key}", [])]:
        waiting = dig(status, "state.waiting", {})
        if waiting.get("reason") not in BROKEN:
            continue
        last = dig(status, "lastState.terminated", {})
        why = f"{waiting['reason']}: {waiting.get('message', 'no message')}"
        if "Image" in str(waiting["reason"]):
            why += _similar(ctx, str(status.get("image", "")))
        if not last:
            return Trouble(why, f"kubectl describe pod {name_of(pod)}")
        said = last.get("message") or ctx.previous_log(name_of(pod), str(status["name"]))
        ended = f"its last run ended with code {last.get('exitCode')} ({last.get('reason')})"
        ended += f", and its last line was: {said}" if said else ""
        fix = f"kubectl logs --previous {name_of(pod)} -c {status['name']}"
        return Trouble(f"{why}; {ended}", fix)
    return None


def _similar(ctx: Context, image: str) -> str:
    """Name the image on the nodes that has nearly the same name; empty where none has."""
    try:
        nodes = ctx.list(NODE)
    except Forbidden:
        return ""
    there = {
        plain_name(name)
        for node in nodes
        for one in dig(node, "status.images", [])
        for name in one.get("names") or ()
        if "@" not in name
    }
    meant = near(plain_name(image), there)
    return f"; the node has {meant}" if meant and meant != image else ""


def _unscheduled(pod: Object) -> Trouble | None:
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") != "False":
        return None
    message = str(scheduled.get("message"))
    full = any(one in message for one in _FULL)
    return Trouble(f"no node takes it: {message}", f"kubectl describe pod {name_of(pod)}", full)


def _gated(pod: Object) -> Trouble | None:
    """Return the readiness gate that keeps a pod from being Ready though its containers are."""
    if condition(pod, "ContainersReady").get("status") != "True":
        return None
    gates = [str(one.get("conditionType")) for one in dig(pod, "spec.readinessGates", [])]
    closed = [one for one in gates if condition(pod, one).get("status") != "True"]
    if not closed:
        return None
    shown = condition(pod, closed[0]).get("status", "not set")
    return Trouble(
        f"its readiness gate {closed[0]} is not open: the condition {closed[0]} of the pod is"
        f" {shown}, and must be True",
        f"Remove {closed[0]} from spec.template.spec.readinessGates, or run the controller that"
        " sets this condition",
    )


def _reported(ctx: Context, pod: Object, times: int) -> Trouble | None:
    """Return what the kubelet has reported ``times`` times about this pod's volumes and probes."""
    if condition(pod, "ContainersReady").get("status") == "True":
        return None  # what events say of probes is over
    uid = dig(pod, "metadata.uid")
    own = [one for one in ctx.list(EVENT, ctx.namespace) if dig(one, "involvedObject.uid") == uid]
    statuses = dig(pod, "status.containerStatuses", [])
    started = any(dig(one, "state.running") or dig(one, "lastState.terminated") for one in statuses)
    restarted = any(one.get("restartCount") for one in statuses)
    for event in sorted(own, key=_last_seen, reverse=True):
        reason, message = event.get("reason"), " ".join(str(event.get("message")).split())
        often = _count(event) >= times
        if reason in ("FailedMount", "FailedCreatePodSandBox") and often and not started:
            return Trouble(message, f"kubectl describe pod {name_of(pod)}")
        if reason == "Unhealthy" and (often or restarted):
            fix = "Serve the path and port that the probe asks; what the container does now:"
            return Trouble(f"it is not Ready: {message}", f"{fix} kubectl logs {name_of(pod)}")
    return None


def _last_seen(event: Object) -> str:
    series = dig(event, "series.lastObservedTime")
    return str(series or event.get("lastTimestamp") or event.get("eventTime") or "")


def _count(event: Object) -> int:
    return int(dig(event, "series.count", 0) or event.get("count") or 1)
