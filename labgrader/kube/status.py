"""Summarizes the status of an object in a few words, with a severity. Pure."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from labgrader.kube.conditions import condition, is_true
from labgrader.kube.resources import Object, Resource, dig


class Severity(Enum):
    """How good a state is. The values are the marks that stand before its word."""

    GOOD = "✔"
    WAITING = "…"
    BAD = "✘"
    PLAIN = "·"


State = tuple[str, Severity]


def state_of(resource: Resource, obj: Object) -> State:
    """Return an object's state: a deletion first, then what its kind says of itself.

    Kinds that are not Kubernetes' own may have anything anywhere; only their phase and their
    conditions are read.
    """
    if dig(obj, "metadata.deletionTimestamp") is not None:
        holding = [str(one) for one in dig(obj, "metadata.finalizers", [])]
        held = f" (held by finalizer {', '.join(holding)})" if holding else ""
        return f"Terminating{held}", Severity.WAITING
    own = "." not in resource.group or resource.group.endswith(".k8s.io")
    return _READERS.get(resource.kind, _any)(obj) if own else _any(obj)


_GOOD_PHASES = {"Running", "Ready", "Active", "Bound", "Succeeded", "Available", "Healthy"}
_BAD_PHASES = {"Error", "Failed", "Lost", "Degraded", "Unknown"}


def _any(obj: Object) -> State:
    """Read a kind of which nothing is known: its phase, or whether it says that it is ready."""
    phase = dig(obj, "status.phase")
    if isinstance(phase, str) and phase:
        bad = Severity.BAD if phase in _BAD_PHASES else Severity.WAITING
        return phase, Severity.GOOD if phase in _GOOD_PHASES else bad
    ready = condition(obj, "Ready", "Available")
    if ready:
        return (
            ("Ready", Severity.GOOD)
            if ready.get("status") == "True"
            else ("not ready", Severity.BAD)
        )
    return "", Severity.PLAIN


def _pod(pod: Object) -> State:
    total = len(dig(pod, "spec.containers", []))
    statuses = dig(pod, "status.containerStatuses", [])
    up = sum(bool(one.get("ready")) for one in statuses)
    phase = str(dig(pod, "status.phase", "Pending"))
    if phase == "Succeeded":
        return "Completed", Severity.GOOD
    if is_true(pod, "Ready"):
        return f"Ready {up or total}/{total}", Severity.GOOD
    waiting = (dig(one, "state.waiting.reason") for one in statuses)
    ended = (dig(one, "state.terminated.reason") for one in statuses)
    why = next(filter(None, (*waiting, *ended)), None)
    why = why or condition(pod, "PodScheduled").get("reason") or dig(pod, "status.reason")
    trouble = phase == "Failed" or any(word in str(why) for word in ("Err", "BackOff", "OOM"))
    known = f"{phase} {up}/{total}" + (f": {why}" if why else "")
    return known, Severity.BAD if trouble else Severity.WAITING


def _replicas(obj: Object) -> State:
    wanted = dig(obj, "spec.replicas", 1)
    ready = dig(obj, "status.readyReplicas", 0)
    progress, failure = condition(obj, "Progressing"), condition(obj, "ReplicaFailure")
    stuck = failure if failure.get("status") == "True" else progress
    if stuck.get("status") == ("True" if stuck is failure else "False"):
        return f"Ready {ready}/{wanted}: {stuck.get('reason')}", Severity.BAD
    return f"Ready {ready}/{wanted}", Severity.GOOD if ready == wanted else Severity.WAITING


def _replica_set(obj: Object) -> State:
    if dig(obj, "spec.replicas", 1) == 0:
        return "scaled to 0 (an earlier revision)", Severity.PLAIN
    return _replicas(obj)


def _service(service: Object) -> State:
    ports = ", ".join(str(one.get("port")) for one in dig(service, "spec.ports", []))
    headless = dig(service, "spec.clusterIP") == "None"
    kind = "headless" if headless else str(dig(service, "spec.type", "ClusterIP"))
    return f"{kind}, port {ports}" if ports else kind, Severity.PLAIN


def _endpoints(piece: Object) -> State:
    endpoints = piece.get("endpoints") or []
    ready = sum(dig(one, "conditions.ready") is not False for one in endpoints)
    if not ready:
        return "no ready address", Severity.WAITING
    word = f"{ready} of {len(endpoints)} addresses ready"
    return word, Severity.GOOD if ready == len(endpoints) else Severity.WAITING


def _autoscaler(scaler: Object) -> State:
    least, most = dig(scaler, "spec.minReplicas", 1), dig(scaler, "spec.maxReplicas")
    word = f"{dig(scaler, 'status.currentReplicas', 0)} replicas of {least} to {most}"
    active = condition(scaler, "ScalingActive")
    if active.get("status") == "False":
        return f"{word}, measures nothing ({active.get('reason')})", Severity.WAITING
    return word, Severity.GOOD if active else Severity.WAITING


def _lease(lease: Object) -> State:
    holder = dig(lease, "spec.holderIdentity")
    return (f"held by {holder}", Severity.GOOD) if holder else ("held by nobody", Severity.WAITING)


def _cron_job(job: Object) -> State:
    schedule = dig(job, "spec.schedule", "")
    if dig(job, "spec.suspend"):
        return f"suspended ({schedule})", Severity.WAITING
    last = dig(job, "status.lastSuccessfulTime")
    return f"{schedule}, " + (f"last success {last}" if last else "no success yet"), Severity.PLAIN


def _job(job: Object) -> State:
    if is_true(job, "Complete"):
        return "Complete", Severity.GOOD
    if is_true(job, "Failed"):
        return f"Failed: {condition(job, 'Failed').get('reason')}", Severity.BAD
    return f"running, {dig(job, 'status.active', 0)} active", Severity.WAITING


def _definition(definition: Object) -> State:
    if is_true(definition, "Established"):
        return "Established", Severity.GOOD
    names = condition(definition, "NamesAccepted")
    refused = names.get("status") == "False"
    return (
        ("names not accepted", Severity.BAD)
        if refused
        else ("not yet established", Severity.WAITING)
    )


def _counted(field: str, one: str) -> Callable[[Object], State]:
    """Return a reader that counts what stands in a field."""

    def read(obj: Object) -> State:
        count = len(obj.get(field) or ())
        return f"{count} {one}" if count == 1 else f"{count} {one}s", Severity.PLAIN

    return read


_READERS: dict[str, Callable[[Object], State]] = {
    "Pod": _pod,
    "Deployment": _replicas,
    "ReplicaSet": _replica_set,
    "Service": _service,
    "EndpointSlice": _endpoints,
    "HorizontalPodAutoscaler": _autoscaler,
    "Lease": _lease,
    "CronJob": _cron_job,
    "Job": _job,
    "CustomResourceDefinition": _definition,
    "ConfigMap": _counted("data", "key"),
    "Role": _counted("rules", "rule"),
    "ClusterRole": _counted("rules", "rule"),
    "ValidatingWebhookConfiguration": _counted("webhooks", "webhook"),
    "MutatingWebhookConfiguration": _counted("webhooks", "webhook"),
}
