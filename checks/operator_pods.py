"""The operator's pods: whether they run, and stay up; and if not, what stops them."""

from collections.abc import Iterator
from datetime import timedelta

from labgrader.api import (
    DEPLOYMENT,
    POD,
    Context,
    Evidence,
    Fact,
    Failure,
    Unsettled,
    check,
    dig,
    fact,
    name_of,
)
from labgrader.toolkit.kubernetes import moment
from labgrader.toolkit.pod_diagnosis import demand_nodes, trouble_of
from labgrader.toolkit.workloads import Workload, is_ready

CALM = timedelta(seconds=60)
"""How long a container that was restarted must stay up until it counts as running."""

FAILURES = 3
"""How often the kubelet must have said the same until it counts while a rollout still moves."""


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
        demand_nodes(ctx, workload.current())
        moving = workload.is_moving(ctx.server_time())
        trouble = _trouble(ctx, workload, moving=moving)
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


def _trouble(ctx: Context, workload: Workload, *, moving: bool) -> tuple[str, str] | None:
    """Return what keeps the pods from running and how to fix it; None where nothing is known."""
    if not workload.wanted:
        name = name_of(workload.deployment)
        return "it asks for no pods", f"kubectl scale deployment {name} --replicas=1"
    if dig(workload.deployment, "spec.paused", False):
        name = name_of(workload.deployment)
        return "its rollout is paused", f"kubectl rollout resume deployment {name}"
    refused = workload.condition("ReplicaFailure")
    if refused.get("status") == "True":
        return f"its pods are refused: {refused.get('message')}", "Fix what the message names"
    for pod in workload.current():
        found = trouble_of(ctx, pod, times=FAILURES if moving else 1, moving=moving)
        if found:
            return f"{POD.describe(name_of(pod), ctx.namespace)}: {found.why}", found.fix
    return None


def _stable(ctx: Context, workload: Workload) -> Fact:
    """State that no container is between two crashes.

    A container that ends again and again waits longer each time before it is started: what counts
    is how long its present run lasts.
    """
    shaky = []
    for pod in workload.current():
        for status in dig(pod, "status.containerStatuses", []):
            last = dig(status, "lastState.terminated", {})
            since = moment(dig(status, "state.running.startedAt") or last.get("finishedAt"))
            often = int(status.get("restartCount", 0)) >= 2
            if often and last and since and ctx.server_time() - since < CALM:
                count = status["restartCount"]
                why = f"{count} restarts, the last run ended with code {last.get('exitCode')}"
                shaky.append(f"{name_of(pod)}/{status['name']} ({why})")
    return fact(
        "no container is restarting",
        not shaky,
        reason=f"Restarted again less than a minute ago: {', '.join(shaky)}",
        expected="containers that stay up",
        actual=", ".join(shaky) or "no recent restarts",
        fix=f"kubectl logs --previous {_one(workload).removeprefix('pod ')} -n {ctx.namespace}",
    )
