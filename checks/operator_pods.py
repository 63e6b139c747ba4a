"""The operator's pods: whether they run, and stay up; and if not, what stops them."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from labgrader.api import (
    DEPLOYMENT,
    EVENT,
    NODE,
    POD,
    Context,
    Evidence,
    Fact,
    Failure,
    Forbidden,
    Object,
    Unreachable,
    Unsettled,
    Workload,
    check,
    condition,
    dig,
    fact,
    is_ready,
    moment,
    name_of,
)

CALM = timedelta(seconds=60)
"""How long a container that was restarted must stay up until it counts as running."""

FAILURES = 3
"""How often the kubelet must have said the same until it counts while a rollout still moves."""

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


@check(capabilities=("containers",))
def operator_rollout(ctx: Context, deployment: str) -> Iterator[Fact]:
    """Looks whether the newest revision runs: all pods Ready, none older, and none restarting.

    A rollout that has just begun is not judged; one that cannot succeed is, with what stops it:
    the image, the configuration, the node, or the probe that nobody answers. A container that was
    restarted more than once and ended less than a minute ago is not up yet. A node that has died
    says nothing about the operator: then this cannot be judged.
    """
    workload = Workload.read(ctx, deployment)
    label = DEPLOYMENT.describe(deployment, ctx.namespace)
    missing = _unfinished(workload)
    if missing:
        _demand_nodes(ctx, workload)
        moving = workload.is_moving(ctx.server_time())
        trouble = _trouble(ctx, workload, FAILURES if moving else 1)
        if moving and not trouble:
            raise Unsettled(f"The rollout of {deployment} goes on: {missing}")
        said = workload.condition("Progressing").get("message", "")
        why, fix = trouble or (f"{missing}. {said}".strip(), f"kubectl describe {_one(workload)}")
        raise Failure(
            f"The operator does not run: {why}",
            expected="every pod of the newest revision Ready, and no other",
            actual=missing,
            fix=f"{fix} -n {ctx.namespace}" if "kubectl" in fix else fix,
            evidence=[Evidence(label, "status", why)],
        )
    yield fact(
        "the newest revision is rolled out, and all its pods are Ready",
        True,
        weight=2,
        evidence=[Evidence(label, "status.availableReplicas", str(workload.wanted))],
    )
    yield _stable(ctx, workload)


def _one(workload: Workload) -> str:
    pods = workload.current()
    return f"pod {name_of(pods[0])}" if pods else f"deployment {name_of(workload.deployment)}"


def _unfinished(workload: Workload) -> str:
    """Say what a rollout lacks, in the words of the Deployment's status; empty when it is done."""
    status, wanted = dig(workload.deployment, "status", {}), workload.wanted
    if not wanted:
        return "it asks for no pods (replicas is 0)"
    counts = {key: int(status.get(key, 0)) for key in ("updatedReplicas", "availableReplicas")}
    current = workload.current()
    ready = sum(map(is_ready, current))
    if counts["updatedReplicas"] < wanted or ready < wanted:
        return f"{ready} of {wanted} pods of the newest revision are Ready"
    if len(current) < len(workload.pods):
        return f"{len(workload.pods) - len(current)} pods of an older revision still run"
    if counts["availableReplicas"] < wanted:
        return f"{counts['availableReplicas']} of {wanted} pods are available"
    return ""


def _demand_nodes(ctx: Context, workload: Workload) -> None:
    """Raise where pods are not Ready because their node, or every node, does not answer."""
    try:
        nodes = {name_of(node): condition(node, "Ready") for node in ctx.list(NODE)}
    except Forbidden:
        return
    dead = {name: ready for name, ready in nodes.items() if ready.get("status") != "True"}
    if not dead:
        return
    for pod in workload.current():
        home = dig(pod, "spec.nodeName")
        nowhere = not home and len(dead) == len(nodes)
        if is_ready(pod) or not (home in dead or nowhere):
            continue
        name = home or min(dead)
        why = dead[name].get("message", "it has not said that it is Ready")
        raise Unreachable(
            f"The node {name} does not answer ({why}), and {name_of(pod)} belongs to it",
            f"Bring the node back (kubectl describe node {name}), and check again",
        )


def _trouble(ctx: Context, workload: Workload, times: int) -> tuple[str, str] | None:
    """Return what keeps the pods from running and how to mend it; None where nothing is known."""
    if not workload.wanted:
        name = name_of(workload.deployment)
        return "it asks for no pods", f"kubectl scale deployment {name} --replicas=1"
    if dig(workload.deployment, "spec.paused", False):
        name = name_of(workload.deployment)
        return "its rollout is paused", f"kubectl rollout resume deployment {name}"
    refused = workload.condition("ReplicaFailure")
    if refused.get("status") == "True":
        return f"its pods are refused: {refused.get('message')}", "Mend what the message names"
    events = ctx.list(EVENT, ctx.namespace)
    for pod in workload.current():
        found = _waiting(ctx, pod) or _unscheduled(pod) or _told(pod, events, times)
        if found and not is_ready(pod):
            return f"{POD.describe(name_of(pod), ctx.namespace)}: {found[0]}", found[1]
    return None


def _waiting(ctx: Context, pod: Object) -> tuple[str, str] | None:
    """Return why a container of the pod does not start, as the kubelet says."""
    both = ("initContainerStatuses", "containerStatuses")
    for status in [one for key in both for one in dig(pod, f"status.{key}", [])]:
        waiting = dig(status, "state.waiting", {})
        if waiting.get("reason") not in BROKEN:
            continue
        last = dig(status, "lastState.terminated", {})
        why = f"{waiting['reason']}: {waiting.get('message', 'no message')}"
        if not last:
            return why, f"kubectl describe pod {name_of(pod)}"
        said = last.get("message") or ctx.last_words(name_of(pod), str(status["name"]))
        ended = f"its last run ended with code {last.get('exitCode')} ({last.get('reason')})"
        ended += f", and its last line was: {said}" if said else ""
        return f"{why}; {ended}", f"kubectl logs --previous {name_of(pod)} -c {status['name']}"
    return None


def _unscheduled(pod: Object) -> tuple[str, str] | None:
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") != "False":
        return None
    return f"no node takes it: {scheduled.get('message')}", f"kubectl describe pod {name_of(pod)}"


def _told(pod: Object, events: Sequence[Object], times: int) -> tuple[str, str] | None:
    """Return what the kubelet has said ``times`` times about this pod's volumes and probes."""
    own = [one for one in events if dig(one, "involvedObject.uid") == dig(pod, "metadata.uid")]
    statuses = dig(pod, "status.containerStatuses", [])
    started = any(dig(one, "state.running") or dig(one, "lastState.terminated") for one in statuses)
    restarted = any(one.get("restartCount") for one in statuses)
    for event in sorted(own, key=_last_seen, reverse=True):
        reason, message = event.get("reason"), " ".join(str(event.get("message")).split())
        often = _count(event) >= times
        if reason in ("FailedMount", "FailedCreatePodSandBox") and often and not started:
            return message, f"kubectl describe pod {name_of(pod)}"
        if reason == "Unhealthy" and (often or restarted):
            mend = "Let the operator serve the path and port that the probe asks; what it does now:"
            return f"it is not Ready: {message}", f"{mend} kubectl logs {name_of(pod)}"
    return None


def _last_seen(event: Object) -> str:
    series = dig(event, "series.lastObservedTime")
    return str(series or event.get("lastTimestamp") or event.get("eventTime") or "")


def _count(event: Object) -> int:
    return int(dig(event, "series.count", 0) or event.get("count") or 1)


def _stable(ctx: Context, workload: Workload) -> Fact:
    """State that no container is between two crashes."""
    shaky = []
    for pod in workload.current():
        for status in dig(pod, "status.containerStatuses", []):
            ended = moment(dig(status, "lastState.terminated.finishedAt"))
            often = int(status.get("restartCount", 0)) >= 2
            if often and ended and ctx.server_time() - ended < CALM:
                count = status["restartCount"]
                shaky.append(f"{name_of(pod)}/{status['name']} ({count} restarts)")
    return fact(
        "no container is restarting",
        not shaky,
        reason=f"Restarted again less than a minute ago: {', '.join(shaky)}",
        expected="containers that stay up",
        actual=", ".join(shaky) or "no restarts of late",
        fix=f"kubectl logs --previous {_one(workload).removeprefix('pod ')} -n {ctx.namespace}",
    )
