"""The backup, run once: whether it ends well, and whether what it wrote restores."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    CONFIG_MAP,
    CRON_JOB,
    PROBE_LABEL,
    Context,
    Evidence,
    Fact,
    Failure,
    MissingCapability,
    Object,
    Rejected,
    Resource,
    Unsettled,
    check,
    dig,
    fact,
    grouped,
    name_of,
    redacted,
)
from labgrader.toolkit.backup_names import formats_in, names_date
from labgrader.toolkit.backups import (
    READER,
    TooMuch,
    Written,
    essence,
    faults_of,
    files_of,
    objects_in,
    total_of,
)
from labgrader.toolkit.jobs import run_job, run_pod
from labgrader.toolkit.scripts import run_by
from labgrader.toolkit.volumes import config_maps, lasting

RUN_SECONDS = 60.0
READ_SECONDS = 30.0
SLACK_SECONDS = 3
MOST_BYTES = 9_500_000
SMALL = {"cpu": "100m", "memory": "128Mi"}
"""A quota may demand that a pod says what it needs."""

IMAGE = "busybox:1.35"
"""What reads the volume: in the lab's cluster already, and to be had elsewhere."""


@check(capabilities=("containers", "writes"), seconds=150)
def backup_restores(
    ctx: Context, name: str, expected: Sequence[Mapping[str, Any]]
) -> Iterator[Fact]:
    """Makes a Job of the CronJob, as `kubectl create job --from` does, and waits for its end.

    It may take 60 seconds, or the Job's own activeDeadlineSeconds where that is less. Then a second
    pod reads the volume: files that this run wrote, as YAML or JSON, packed or not. Their paths
    must have the date in them. Each object that is to be backed up must be there, must be what the
    cluster has now, and must be one that the API server would take under the same name, once what
    it gave it (uid, resourceVersion, status) is gone; it is asked by dry-run. Job and pods are
    removed. The backup stays on your volume, one for each grading, and the result names it.
    Nothing of a Secret is ever shown.
    """
    job = ctx.require(CRON_JOB, name, ctx.namespace, fix=f"Create the CronJob {name} (step 5.3)")
    spec: Object = dig(job, "spec.jobTemplate.spec", {})
    pod: Object = dig(spec, "template.spec", {})
    for config_map in config_maps(pod):  # when one of them changes, it is another backup
        ctx.get(CONFIG_MAP, config_map, ctx.namespace)
    scripts = run_by(pod, lambda named: ctx.get(CONFIG_MAP, named, ctx.namespace))
    formats = [form for script in scripts for form in formats_in(script.text)]
    label = CRON_JOB.describe(name, ctx.namespace)
    before = _wanted(ctx, expected)
    left = ctx.remaining()
    yield _ran(ctx, spec, name, label)
    files = _written(ctx, pod, label, left - ctx.remaining())
    after = _wanted(ctx, expected)
    found, wrong = objects_in(files)
    shown = ", ".join(one.path.rpartition("/")[2] for one in files)[:200]
    yield _left(files, label)
    yield _dated(files, found, (ctx.server_time().timestamp(), formats), label)
    told = f"{shown} {'; '.join(wrong)}".strip()
    restored = (_restores(ctx, one, before, after, found, told) for one in expected)
    yield from grouped("What it holds can be restored", restored, weight=2)


def _ran(ctx: Context, spec: Object, name: str, label: str) -> Fact:
    """Run it; what does not end well has no backup."""
    ran = run_job(ctx, spec, RUN_SECONDS)
    if not ran.why:
        return fact("it runs to its end", ok=True)
    words = redacted(" ".join(ran.log.split()))[-300:]
    said = f"; it said: {words}" if words else ""
    own = spec.get("activeDeadlineSeconds")
    if own is not None and own < RUN_SECONDS and "deadline" in ran.why:
        said = f", and its activeDeadlineSeconds is {own}{said}"
    raise Failure(
        f"The backup does not run to its end: {redacted(ran.why)}{said}",
        expected="a Job of it that completes",
        actual=redacted(ran.why),
        fix=f"kubectl create job try --from=cronjob/{name} -n {ctx.namespace}"
        f" && kubectl logs -f job/try -n {ctx.namespace}",
        evidence=[Evidence(label, "status of a Job made from it", redacted(ran.why))],
    )


def _written(ctx: Context, pod: Object, label: str, seconds: float) -> list[Written]:
    """Return the files that the run wrote to what outlives it; fail where there are none."""
    volumes = lasting(pod)
    fresh = int(seconds) + SLACK_SECONDS
    if not volumes:
        raise _nothing(label, "all that it writes to goes with the pod")
    left = ctx.remaining()
    ran = run_pod(ctx, _reader(pod, volumes, fresh), READ_SECONDS, MOST_BYTES)
    if ran.why:
        raise Unsettled(f"Its volume cannot be read: {redacted(ran.why)}")
    late = int(left - ctx.remaining())
    try:
        files = files_of(ran.log, fresh + late)
    except TooMuch as error:
        raise MissingCapability(str(error), "Keep only what is asked for in a backup") from error
    new = [one for one in files if one.size]
    if not new:
        raise _nothing(label, f"{total_of(ran.log)} files on it, and none of this run")
    return new


def _left(files: Sequence[Written], label: str) -> Fact:
    """Name what the run has left on the volume: a grading never removes a backup."""
    places = list(dict.fromkeys(_within(one.path).rpartition("/")[0] or "/" for one in files))
    shown = ", ".join(places)[:200]
    return fact(
        f"this grading left a backup on the volume: {shown}",
        ok=True,
        weight=0,
        expected="a backup of this run, which is yours to keep or remove",
        actual=shown,
        evidence=[Evidence(label, "volumes", shown)],
    )


def _dated(
    files: Sequence[Written],
    found: Sequence[Object],
    when: tuple[float, Sequence[str]],
    label: str,
) -> Fact:
    """State that what is to be restored lies at paths with the date in them."""
    now, formats = when
    dated = [one for one in files if names_date(_within(one.path), now, formats)]
    lost = {_what_of(one) for one in found}
    if dated and len(dated) < len(files):
        lost -= {_what_of(one) for one in objects_in(dated)[0]}
    elif dated:
        lost = set()
    shown = ", ".join(_within(one.path) for one in files)[:200]
    return fact(
        "it lies in a directory with the date in its name",
        bool(dated) and not lost,
        reason=f"The run wrote to {shown}: no date is in the path, so the next night replaces it",
        expected="a directory such as /backups/$(date +%Y%m%d)",
        actual=shown,
        fix=f"Edit the script of {label}: write below `/backups/$(date +%Y%m%d-%H%M%S)`",
        evidence=[Evidence(label, "volumes", shown)],
    )


def _within(path: str) -> str:
    """Return where a file lies on its volume."""
    return re.sub(r"^/labgrader/\d+/", "", path)


def _what_of(obj: Object) -> str:
    return f"{obj.get('kind')} {dig(obj, 'metadata.namespace', '')}/{name_of(obj)}"


def _nothing(label: str, why: str) -> Failure:
    return Failure(
        f"The run left nothing behind that could be restored: {why}",
        expected="files on a volume that outlives the pod",
        actual=why,
        fix=f"Edit the script of {label}: write below the mountPath of its PersistentVolumeClaim",
        evidence=[Evidence(label, "volumes", why)],
    )


def _reader(pod: Object, volumes: Sequence[Object], fresh: int) -> Object:
    """Return a pod that reads these volumes as the backup's own user, and may do nothing else."""
    places = [f"/labgrader/{at}" for at, _ in enumerate(volumes)]
    slack = int(READ_SECONDS) + fresh
    user = dig(pod, "containers", [{}])[0].get("securityContext") or {}
    kept = {key: user[key] for key in ("runAsUser", "runAsGroup", "runAsNonRoot") if key in user}
    return {
        "automountServiceAccountToken": False,
        "securityContext": dig(pod, "securityContext", {}),
        "terminationGracePeriodSeconds": 0,
        "containers": [
            {
                "name": "reader",
                "image": IMAGE,
                "command": ["sh", "-c", READER, "sh", *places],
                "resources": {"requests": SMALL, "limits": SMALL},
                "env": [
                    {"name": "FRESH", "value": str(slack)},
                    {"name": "MINUTES", "value": str(slack // 60 + 2)},
                ],
                "securityContext": {
                    **kept,
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [
                    {"name": one["name"], "mountPath": place, "readOnly": True}
                    for one, place in zip(volumes, places, strict=True)
                ],
            }
        ],
        "volumes": list(volumes),
    }


def _resource(one: Mapping[str, Any]) -> Resource:
    return Resource(one["group"], one["version"], one["plural"], one["kind"], one["namespaced"])


def _wanted(ctx: Context, expected: Sequence[Mapping[str, Any]]) -> dict[str, list[Object]]:
    """Return what a backup must hold, as it is now, by kind. Not watched: it may go on changing."""
    found: dict[str, list[Object]] = {}
    for one in expected:
        resource = _resource(one)
        if one.get("name"):
            single = ctx.get_live(resource, one["name"])
            found[one["kind"]] = [single] if single else []
        else:
            # Without what another check has made for a moment.
            every = ctx.list_live(resource)
            found[one["kind"]] = [
                e for e in every if PROBE_LABEL not in dig(e, "metadata.labels", {})
            ]
    return found


def _restores(
    ctx: Context,
    one: Mapping[str, Any],
    before: Mapping[str, Sequence[Object]],
    after: Mapping[str, Sequence[Object]],
    found: Sequence[Object],
    files: str,
) -> Fact:
    """State that everything of one kind could be restored."""
    kind, resource = one["kind"], _resource(one)
    if sorted(map(_what, before[kind])) != sorted(map(_what, after[kind])):
        raise Unsettled(f"{kind} changed while the backup ran")
    namespace = ctx.namespace if resource.namespaced else None
    typed = [{"kind": kind, **each} for each in after[kind]]

    def refused(body: Object) -> str:
        try:
            ctx.dry_run_create(resource, body, namespace)
        except Rejected as error:
            # Validation comes first: what is there already was found to be valid.
            return "" if error.reason == "AlreadyExists" else f"refused: {error.message[:200]}"
        return ""

    faults = {name_of(each): why for each in typed if (why := faults_of(each, found, refused))}
    told = "; ".join(f"{name}: {why}" for name, why in faults.items())[:300]
    return fact(
        f"{kind} restores",
        bool(typed) and not faults,
        reason=f"{kind} {told}" if faults else f"There is no {kind} in the cluster to compare with",
        expected=f"{len(typed)} of {kind}, as they are",
        actual=told or "none",
        fix=f"Let the script save {one['plural']} with `kubectl get … -o yaml`, all of it",
        evidence=[Evidence(f"files of the run: {files}"[:300], kind, told)],
    )


def _what(obj: Object) -> str:
    return f"{name_of(obj)} {essence(obj)}"
