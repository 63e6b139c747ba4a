"""Runs a Job or a pod as a temporary object to its end, within bounds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labgrader.errors import LabError, MissingCapability, QuotaExceeded
from labgrader.grading.context import Context
from labgrader.grading.temporary_objects import TemporaryObject
from labgrader.kube.conditions import condition
from labgrader.kube.resources import EVENT, JOB, NODE, POD, Object, dig, name_of

PENDING_SECONDS = 25.0
"""How long a pod may wait for a node, a volume or an image before that is what is wrong."""

_NEVER = {
    *("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"),
    *("CreateContainerConfigError", "CreateContainerError", "RunContainerError"),
}

_LATE = "DeadlineExceeded"
_OF_MANY_RUNS = {
    *("selector", "manualSelector", "suspend", "ttlSecondsAfterFinished"),
    *("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"),
}
"""Fields of a Job that make no sense for one run of one pod, or end it before it was read."""

_NO_ROOM = ("exceeded quota", "failed quota", "usage per Container", "usage per Pod")
"""How a refusal by a ResourceQuota or a LimitRange reads."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How it went. ``why`` is empty where it ended well; ``log`` is what it said."""

    why: str
    log: str


def run_job(ctx: Context, spec: Mapping[str, Any], seconds: float) -> Ran:
    """Run a Job once, from a Job's spec; it and its pod are gone afterwards.

    Args:
        seconds: how long it may take; the spec's own activeDeadlineSeconds holds where it is less.
    """
    with ctx.temporary_object(JOB) as probe:
        name = probe.create({"spec": once_only(spec, int(seconds))})
        return _follow(ctx, probe, name, seconds, f"job-name={name}")


def once_only(spec: Mapping[str, Any], seconds: int) -> dict[str, Any]:
    """Return a Job's spec for one run of one pod, without retries, that stays until it is read."""
    own = spec.get("activeDeadlineSeconds")
    kept = {key: value for key, value in spec.items() if key not in _OF_MANY_RUNS}
    return {
        **kept,
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": 0,
        "activeDeadlineSeconds": seconds if own is None else min(int(own), seconds),
    }


def run_pod(ctx: Context, spec: Mapping[str, Any], seconds: float, most: int) -> Ran:
    """Run a pod once; it is gone afterwards. At most ``most`` bytes of its log are read."""
    once = {**spec, "restartPolicy": "Never", "activeDeadlineSeconds": int(seconds)}
    with ctx.temporary_object(POD) as probe:
        name = probe.create({"spec": once})
        return _follow(ctx, probe, name, seconds, "", most)


def _follow(
    ctx: Context, probe: TemporaryObject, name: str, seconds: float, labels: str, most: int = 4000
) -> Ran:
    """Wait until it has ended, or never will."""
    state: dict[str, Any] = {}

    def ended() -> bool:
        pods = _pods(ctx, name, labels)
        state["pod"] = pods[-1] if pods else None
        state["stuck"] = _stuck(ctx, state["pod"])
        whole = probe.read(name) or {}
        _demand_room(ctx, whole, state["pod"])
        phase = dig(whole, "status.phase", "")
        failed = condition(whole, "Failed")
        state["why"] = str(failed.get("message") or failed.get("reason") or "")
        state["late"] = failed.get("reason") == _LATE
        if phase == "Failed":
            state["why"] = str(dig(whole, "status.message") or "it failed")
        done = bool(dig(whole, "status.succeeded")) or phase == "Succeeded"
        return done or bool(state["why"]) or (bool(state["stuck"]) and _waited(state))

    finished = probe.until(ended, seconds)
    log = _log(ctx, state.get("pod"), most)
    if not finished:
        why = state.get("stuck") or f"it had not ended after {seconds:.0f} s"
        return Ran(str(why), log)
    return Ran(str(state["stuck"] or (state["why"] and _ended_with(state))), log)


def _demand_room(ctx: Context, owner: Object, pod: Object | None) -> None:
    """Raise where the cluster has no room for any pod: that says nothing about this one.

    Raises:
        QuotaExceeded: a quota or a limit of the namespace keeps a Job's pod from being made.
        MissingCapability: no node takes pods at all.
    """
    if pod is None:
        said = _told(ctx, owner)
        if any(one in said for one in _NO_ROOM):
            raise QuotaExceeded(
                f"The namespace has no room for a pod: {said}",
                f"kubectl describe resourcequota,limitrange -n {ctx.namespace}",
            )
        return
    if condition(pod, "PodScheduled").get("status") != "False":
        return
    nodes = ctx.list_live(NODE)
    closed = [name_of(node) for node in nodes if dig(node, "spec.unschedulable")]
    if nodes and not any(_takes_pods(node) for node in nodes):
        raise MissingCapability(
            f"No node takes pods now: {', '.join(closed) or 'none is ready'}"
            f"{' may not be scheduled to' if closed else ''}",
            f"kubectl uncordon {closed[0]}" if closed else "kubectl describe nodes says why",
        )


def _takes_pods(node: Object) -> bool:
    """Whether a node takes pods that ask for nothing special."""
    shut = any(
        one.get("effect") in ("NoSchedule", "NoExecute") for one in dig(node, "spec.taints", [])
    )
    ready = condition(node, "Ready").get("status") == "True"
    return ready and not shut and not dig(node, "spec.unschedulable")


def _waited(state: dict[str, Any]) -> bool:
    """Whether a pod has been stuck for so long that this is what is wrong."""
    since = state.setdefault("since", time.monotonic())
    never = any(one in str(state["stuck"]) for one in _NEVER)
    return never or time.monotonic() - float(since) > PENDING_SECONDS


def _ended_with(state: dict[str, Any]) -> str:
    """Return how a container ended, which says more than its Job does; unless it was too late."""
    if state.get("late"):
        return str(state["why"])
    for one in dig(state.get("pod"), "status.containerStatuses", []):
        code = dig(one, "state.terminated.exitCode")
        if code:
            return f"it ended with exit code {code}"
    return str(state["why"])


def _pods(ctx: Context, name: str, labels: str) -> list[Object]:
    if not labels:
        found = ctx.get_live(POD, name)
        return [found] if found else []
    return ctx.list_live(POD, labels)


def _stuck(ctx: Context, pod: Object | None) -> str:
    """Say what a pod waits for that it may never get; empty where it does not."""
    if pod is None or dig(pod, "status.phase") != "Pending":
        return ""
    for one in dig(pod, "status.containerStatuses", []):
        waiting = dig(one, "state.waiting", {})
        if waiting.get("reason") in _NEVER:
            return f"{waiting['reason']}: {str(waiting.get('message', ''))[:200]}"
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return str(scheduled.get("message") or "no node takes it")[:250]
    return _told(ctx, pod)


def _told(ctx: Context, owner: Object) -> str:
    """Return the last warning about an object: what keeps it from going on stands nowhere else."""
    uid = dig(owner, "metadata.uid")
    warnings = [
        str(one.get("message"))
        for one in ctx.list_live(EVENT)
        if dig(one, "involvedObject.uid") == uid and one.get("type") == "Warning"
    ]
    return warnings[-1][:250] if warnings else ""


def _log(ctx: Context, pod: Object | None, most: int) -> str:
    """Return what a pod's first container said; empty where nothing can be read."""
    if pod is None:
        return ""
    path = f"{POD.path(ctx.namespace, name_of(pod))}/log?limitBytes={most}"
    container = dig(pod, "spec.containers", [{}])[0].get("name")
    try:
        return ctx.get_raw(f"{path}&container={container}")
    except LabError:
        return ""
