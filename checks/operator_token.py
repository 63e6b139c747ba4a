"""The token by which the operator speaks to the API server."""

from collections.abc import Iterator, Sequence

from labgrader.api import (
    DEPLOYMENT,
    POD,
    ClusterError,
    Context,
    Evidence,
    Fact,
    Failure,
    Object,
    Rejected,
    Unsettled,
    check,
    dig,
    fact,
    name_of,
)
from labgrader.toolkit.workloads import Workload, serving_container

DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount"


@check()
def operator_token(ctx: Context, deployment: str, ports: Sequence[int]) -> Iterator[Fact]:
    """Looks at the running pods for the token by which the operator speaks to the API server.

    The API server itself adds a volume with the token of the pod's service account, unless the
    account or the pod says `automountServiceAccountToken: false`; a projected volume of your own
    with a `serviceAccountToken` for the API server is as good. Where containers run, one of them is
    asked for the files as well, with `ls`; a container without that program, or somebody who may
    not start one there, is judged by the pod alone.
    """
    workload = Workload.read(ctx, deployment)
    label = DEPLOYMENT.describe(deployment, ctx.namespace)
    pods = workload.current()
    if not pods and workload.is_moving(ctx.server_time()):
        raise Unsettled(f"No pod of {deployment} is there yet")
    if not pods:
        raise _no_pods(workload, label, f"{deployment} -n {ctx.namespace}")
    for pod in pods:
        yield _token(ctx, pod, serving_container(pod["spec"], ports), deployment)


def _no_pods(workload: Workload, label: str, name: str) -> Failure:
    said = workload.condition("ReplicaFailure").get("message", f"replicas: {workload.wanted}")
    return Failure(
        f"{label} has no pods, so nothing holds a token ({said})",
        expected="a pod with the token of its service account",
        actual="no pods",
        fix=f"kubectl describe deployment {name}, and mend what its conditions name"
        if workload.wanted
        else f"kubectl scale deployment {name} --replicas=1",
        evidence=[Evidence(label, "status.replicas", "0")],
    )


def _token(ctx: Context, pod: Object, container: Object, deployment: str) -> Fact:
    """State whether the container has the token, by the pod's spec and, if it can be, by itself."""
    name = str(container.get("name"))
    paths = list(_token_paths(pod["spec"], container))
    seen = _listed(ctx, pod, name, paths[0]) if paths else None
    how = f"`ls {paths[0]}` lists it" if seen else "by the pod's volumes"
    label = POD.describe(name_of(pod), ctx.namespace)
    return fact(
        "the token is mounted" + (f" ({how})" if paths else ""),
        bool(paths) and seen is not False,
        reason=f"The container {name} of {label} has no service account token: it cannot speak to"
        " the API server",
        expected=f"a token at {DIRECTORY}",
        actual=f"mounted at {', '.join(paths)}, and not there" if paths else "no volume with one",
        fix=_mount(container, f"deployment {deployment} -n {ctx.namespace}"),
        evidence=[Evidence(label, "spec.volumes", how if paths else "no serviceAccountToken")],
    )


def _mount(container: Object, where: str) -> str:
    """Return what gives the container a token; another volume in its place has to go first."""
    mounts = dig(container, "volumeMounts", [])
    other = next((one["name"] for one in mounts if one.get("mountPath") == DIRECTORY), None)
    if other:
        return (
            f"kubectl edit {where}: let the volume {other} have a serviceAccountToken without"
            " audience, or remove it from volumeMounts"
        )
    return (
        f"kubectl patch {where} --type=merge -p"
        """ '{"spec": {"template": {"spec": {"automountServiceAccountToken": true}}}}'"""
    )


def _token_paths(spec: Object, container: Object) -> Iterator[str]:
    """Yield where a token for the API server is mounted; for another audience it is of no use."""
    volumes = {
        one["name"]
        for one in dig(spec, "volumes", [])
        for source in dig(one, "projected.sources", [])
        if "serviceAccountToken" in source and not dig(source, "serviceAccountToken.audience")
    }
    for mount in dig(container, "volumeMounts", []):
        if mount["name"] in volumes:
            yield mount["mountPath"]


def _listed(ctx: Context, pod: Object, container: str, path: str) -> bool | None:
    """Ask the container itself; None where it does not run or cannot be asked."""
    statuses = dig(pod, "status.containerStatuses", [])
    runs = {one["name"] for one in statuses if one.get("ready") and one.get("containerID")}
    if container not in runs:  # what only seems to run has no container's id
        return None
    try:
        return bool(ctx.execute(name_of(pod), container, ["ls", path]).split())
    except (ClusterError, Rejected):
        return None
