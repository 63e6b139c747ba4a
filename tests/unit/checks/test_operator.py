"""The checks of a running operator, on states that a test cluster is rarely in."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from labgrader.errors import Forbidden, MissingCapability, Rejected, Unsettled
from labgrader.grading.context import Context
from labgrader.grading.findings import Fact, Failure
from labgrader.grading.services import Watched
from labgrader.grading.snapshot import Snapshot
from labgrader.kube.protocols import Answer, AuditedWrite
from labgrader.kube.resources import (
    DEPLOYMENT,
    EVENT,
    LEASE,
    POD,
    REPLICA_SET,
    Object,
    Resource,
)
from tests.support.fake_cluster import FakeCluster
from tests.support.lab_checks import CHECKS

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LONG_AGO = "2026-01-01T11:00:00Z"
JUST_NOW = "2026-01-01T11:59:58Z"
SPACE = "trading-platform"
NAME = "operator"
ACCOUNT = f"system:serviceaccount:{SPACE}:trading-operator"


class Still(Context):
    """A context in which time stands still, and pods answer what a test says."""

    def __init__(self, cluster: FakeCluster) -> None:
        super().__init__(
            Snapshot(cluster), SPACE, time.monotonic() + 86_400
        )  # some are made when the tests are collected
        self.page = Answer(200, "up 1\n")
        self.watched = Watched(True, ("me",))
        self.done: list[AuditedWrite] | None = None
        self.files: str | Exception = "ca.crt\nnamespace\ntoken\n"
        self.log = ""

    def server_time(self) -> datetime:
        return NOW

    def http_get(self, kind: str, name: str, port: int | str, path: str) -> Answer:
        return self.page

    def changes_within(
        self,
        resource: Resource,
        name: str,
        path: str,
        by: str,
        seconds: float,
        steady: float = 0.0,
    ) -> Watched:
        return self.watched

    def audited_writes(
        self, resource: Resource, *, fresh: bool = False, contents: bool = False
    ) -> list[AuditedWrite] | None:
        return self.done

    def get_raw(self, path: str) -> str:
        return self.log

    def execute(self, pod: str, container: str, command: Sequence[str]) -> str:
        if isinstance(self.files, Exception):
            raise self.files
        return self.files


def owned(name: str, owner: str, **more: Any) -> Object:
    reference = {"uid": owner, "controller": True}
    return {"metadata": {"name": name, "uid": name, "ownerReferences": [reference]}, **more}


def state(
    pod: Mapping[str, Any] | None = None,
    *,
    ready: bool = False,
    conditions: Sequence[Mapping[str, str]] = (),
    events: Sequence[Mapping[str, Any]] = (),
    moved: str = LONG_AGO,
    **spec: Any,
) -> Still:
    """Return a context with a Deployment of one pod (none where ``pod`` is None)."""
    cluster = FakeCluster()
    count = 1 if ready else 0
    progress = {"type": "Progressing", "lastUpdateTime": moved, "message": "still trying"}
    status = {
        "observedGeneration": 1,
        "updatedReplicas": 1,
        "availableReplicas": count,
        "conditions": [*conditions, progress],
    }
    metadata = {"name": NAME, "uid": "d", "generation": 1}
    body = {"metadata": metadata, "spec": {"replicas": 1, **spec}, "status": status}
    cluster.create(DEPLOYMENT, body, SPACE)
    cluster.create(REPLICA_SET, owned("set", "d"), SPACE)
    if pod is not None:
        said = {"conditions": [{"type": "Ready", "status": str(ready)}], **pod}
        running = {"containers": [{"name": "manager"}]}
        cluster.create(POD, owned("pod", "set", status=said, spec=running), SPACE)
    for number, event in enumerate(events):
        whole = {"metadata": {"name": f"e{number}"}, "involvedObject": {"uid": "pod"}, **event}
        cluster.create(EVENT, whole, SPACE)
    return Still(cluster)


def judged(check: str, context: Still, **parameters: Any) -> list[Fact]:
    return list(CHECKS[check].judge(context, **parameters) or ())


def failure(check: str, context: Still, **parameters: Any) -> Failure:
    with pytest.raises(Failure) as caught:
        judged(check, context, **parameters)
    found = caught.value
    assert all((found.reason, found.expected, found.actual, found.fix))
    return found


def container(**status: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "manager", **status}]}


def waiting(reason: str, message: str = "no luck") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


ENDED = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": JUST_NOW}}
REFUSED = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: small"}
UNHEALTHY = {
    "reason": "Unhealthy",
    "count": 3,
    "message": 'Readiness probe failed: Get "http://10.0.0.1:8081/readyz": connection refused',
}
TROUBLE = [
    (state(container(state=waiting("ImagePullBackOff"))), "ImagePullBackOff: no luck"),
    (state(container(state=waiting("CreateContainerConfigError"))), "no luck"),
    (
        state(container(state=waiting("CrashLoopBackOff"), lastState=ENDED)),
        "its last run ended with code 137 (OOMKilled)",
    ),
    (state({"initContainerStatuses": [{"state": waiting("ErrImagePull")}]}), "ErrImagePull"),
    (state(conditions=[REFUSED]), "its pods are refused: exceeded quota"),
    (
        state({"conditions": [{"type": "PodScheduled", "status": "False", "message": "full"}]}),
        "no node takes it: full",
    ),
    (state({}, events=[UNHEALTHY]), "connection refused"),
    (state({}, events=[{"reason": "FailedMount", "message": 'no "x"'}]), 'no "x"'),
    (state({}, paused=True), "its rollout is paused"),
    (state({}, replicas=0), "it asks for no pods"),
    (state({}), "0 of 1 pods of the newest revision are Ready. still trying"),
]


@pytest.mark.parametrize(("context", "reason"), TROUBLE, ids=[why for _, why in TROUBLE])
def test_what_stops_a_rollout_is_said(context: Still, reason: str) -> None:
    found = failure("operator_rollout", context, deployment=NAME)
    assert reason in found.reason


def test_a_rollout_that_goes_on_is_not_judged_unless_it_cannot_succeed() -> None:
    with pytest.raises(Unsettled):
        judged("operator_rollout", state({}, moved=JUST_NOW), deployment=NAME)
    for at_first in ({"reason": "FailedMount", "message": "x"}, {**UNHEALTHY, "count": 1}):
        with pytest.raises(Unsettled):
            judged(
                "operator_rollout", state({}, moved=JUST_NOW, events=[at_first]), deployment=NAME
            )
    hopeless = state({}, moved=JUST_NOW, events=[UNHEALTHY])
    assert "not Ready" in failure("operator_rollout", hopeless, deployment=NAME).reason


def test_an_operator_that_runs_but_was_restarted_just_now() -> None:
    calm = state(container(restartCount=7, lastState={}), ready=True)
    assert [one.ok for one in judged("operator_rollout", calm, deployment=NAME)] == [True, True]
    shaky = state(container(restartCount=2, lastState=ENDED), ready=True)
    rolled, stable = judged("operator_rollout", shaky, deployment=NAME)
    assert (rolled.ok, stable.ok) == (True, False)
    assert "pod/manager (2 restarts, the last run ended with code 137)" in stable.reason


PAGES = [
    ("up 1\n", ""),
    ('# HELP up x\n# TYPE up gauge\nup{a="b"} NaN 1\n', ""),
    ("", "it is empty"),
    ("# HELP up nothing else\n", "it has no metrics"),
    ("<html><body>fine</body></html>", "invalid metric name"),
    ('{"up": 1}', "begins with"),
    ("ok", "could not convert"),
    ("up{ 1", "begins with"),
    ("up 1\nthen nonsense", "begins with"),
    ("\x00\x01", "begins with"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "why"), PAGES, ids=[repr(body) for body, _ in PAGES])
def test_pages_that_prometheus_can_read_and_others(body: str, why: str) -> None:
    context = state({}, ready=True)
    context.page = Answer(200, body)
    figures = endpoints(context)["Prometheus can read the metrics"]
    assert figures.ok is (not why)
    assert why in figures.reason


def endpoints(context: Still) -> dict[str, Fact]:
    health = [{"path": "/healthz", "port": 8081}]
    metrics = {"path": "/metrics", "port": 8080}
    told = {"deployment": NAME, "service": "svc", "health": health, "metrics": metrics}
    return {one.name: one for one in judged("operator_endpoints", context, **told)}


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (Answer(503, "not yet"), 'status 503 "not yet"'),
        (Answer(None, "connection refused"), "connection refused"),
        (Answer(302, ""), "status 302"),
    ],
    ids=["503", "refused", "elsewhere"],
)
def test_answers_other_than_200(page: Answer, why: str) -> None:
    context = state({}, ready=True)
    context.page = page
    found = endpoints(context)
    assert not any(one.ok for one in found.values())
    assert why in found["/healthz on 8081 answers 200"].reason


def test_a_page_without_end_is_no_page() -> None:
    context = state({}, ready=True)
    context.page = Answer(200, "up 1\n", cut=True)
    assert "does not end" in endpoints(context)["Prometheus can read the metrics"].reason


LIVING = {"holderIdentity": "pod", "leaseDurationSeconds": 15, "renewTime": JUST_NOW}
ASKED = {"name": "lead", "account": "trading-operator", "deployment": NAME}


def held(manager: str = "operator", **spec: Any) -> Still:
    """Return a context with an operator of one pod, and a Lease."""
    context = state({"podIP": "10.0.0.7"}, ready=True)
    fields = {"f:spec": {"f:renewTime": {}}}
    written = [{"manager": manager, "time": JUST_NOW, "fieldsV1": fields}]
    metadata = {"name": "lead", "creationTimestamp": LONG_AGO, "managedFields": written}
    cluster: Any = context._snapshot.cluster
    cluster.create(LEASE, {"metadata": metadata, "spec": {**LIVING, **spec}}, SPACE)
    return context


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"holderIdentity": ""}, "holderIdentity is empty"),
        ({"holderIdentity": "  "}, "holderIdentity is empty"),
        ({"holderIdentity": None}, "holderIdentity is empty"),
        ({"leaseDurationSeconds": 0}, "leaseDurationSeconds is not set"),
        ({"leaseDurationSeconds": None}, "leaseDurationSeconds is not set"),
        ({"leaseDurationSeconds": -5}, "leaseDurationSeconds is -5"),
        ({"leaseDurationSeconds": "15s"}, "leaseDurationSeconds is 15s"),
        ({"renewTime": None}, "renewTime is not set"),
        ({"renewTime": "just now"}, "renewTime is just now"),
        ({"renewTime": LONG_AGO}, "It ran out 3585 s ago"),
        ({"renewTime": "9999-12-31T23:59:59.999999Z"}, "still to come"),
        ({"renewTime": "0001-01-01T00:00:00Z"}, "It ran out"),
    ],
)
def test_a_lease_that_is_no_sign_of_life(spec: dict[str, Any], why: str) -> None:
    assert why in failure("lease_held", held(**spec), **ASKED).reason


def test_a_lease_that_does_not_move_or_goes_to_and_fro() -> None:
    for by, why in ((("pod",), "nobody renews it"), (("a", "b", "a"), "Two copies both lead")):
        context = held()
        context.watched = Watched(False, by)
        (found,) = judged("lease_held", context, **ASKED)
        assert not found.ok
        assert why in found.reason


def wrote(
    uid: str = "", user: str = ACCOUNT, ago: int = 5, address: str = "1.2.3.4"
) -> AuditedWrite:
    at = (NOW - timedelta(seconds=ago)).isoformat()
    agent = "kubectl/v1.37 (linux)"
    return AuditedWrite(at, user, "update", "lead", "", 200, {}, uid, uid, agent, address)


BY_RECORD = [
    ([wrote("pod")], ""),
    ([wrote("", address="10.0.0.7")], ""),  # a token that names no pod, from the pod's address
    ([wrote("", "admin", ago=3000), wrote("pod")], ""),  # long over
    ([wrote("pod", ago=40), wrote("", "admin", ago=30), wrote("pod", ago=20)], ""),  # once
    ([wrote("", "admin")], "is renewed by admin (kubectl/v1.37), not by a pod"),
    ([wrote("")], "outside of its pods"),
    ([wrote("other")], "is renewed by Pod other, not by a pod of operator"),
    ([wrote("pod", ago=50), wrote("other", ago=40), wrote("other", ago=1)], "by Pod other"),
    ([wrote("pod", ago=n) if n % 2 else wrote("other", ago=n) for n in range(9, 0, -1)], "turns"),
]


@pytest.mark.parametrize(("done", "why"), BY_RECORD)
def test_who_renews_a_lease_is_told_by_the_record(done: list[AuditedWrite], why: str) -> None:
    context = held(holderIdentity="anything")
    context.done = done
    (found,) = judged("lease_held", context, **ASKED)
    assert found.ok is (not why)
    assert why in found.reason


@pytest.mark.parametrize("last", [wrote("", "admin", ago=1), wrote("set-gone", ago=1)])
def test_a_writer_that_may_have_been_the_last_of_its_kind_is_waited_for(last: AuditedWrite) -> None:
    """Somebody has annotated the Lease, or the pod before this one has just ended."""
    context = held()
    context.done = [wrote("pod", ago=30), last]
    with pytest.raises(Unsettled):
        judged("lease_held", context, **ASKED)


def test_without_a_record_the_holders_name_tells_or_a_log() -> None:
    """Also a record that holds nothing of this Lease."""
    for done in (None, []):
        context = held()
        context.done = done
        (found,) = judged("lease_held", context, **ASKED)
        assert found.ok
        assert "there is no record of who writes it" in found.name
    context = held(holderIdentity="the-one")
    context.log = "leading as the-one"
    (found,) = judged("lease_held", context, **ASKED)
    assert found.ok
    assert "the log of pod names the holder" in found.name
    context = held(holderIdentity="the-one")
    with pytest.raises(MissingCapability, match="names no pod of operator"):
        judged("lease_held", context, **ASKED)


def test_without_a_record_another_pod_or_a_persons_program_is_told() -> None:
    context = held(holderIdentity="stranger-1")
    cluster: Any = context._snapshot.cluster
    cluster.create(POD, {"metadata": {"name": "stranger-1", "uid": "s"}}, SPACE)
    (found,) = judged("lease_held", context, **ASKED)
    assert "is held by Pod stranger-1, which is no pod of operator" in found.reason
    context = held(manager="kubectl-patch")
    context.files = Rejected("no such program", status=500)
    (found,) = judged("lease_held", context, **ASKED)
    assert "is renewed with kubectl-patch, which the pods of operator do not have" in found.reason
    context = held(manager="kubectl-patch")  # an operator that is a script with kubectl
    (found,) = judged("lease_held", context, **ASKED)
    assert found.ok


def test_a_long_lease_is_looked_at_for_a_minute_at_most() -> None:
    context = held(leaseDurationSeconds=10**9, renewTime=LONG_AGO)
    looks: list[float] = []

    def changes_within(
        resource: Resource, name: str, path: str, by: str, seconds: float, steady: float = 0.0
    ) -> Watched:
        looks.append(seconds)
        return Watched(False, ("pod",))

    context.changes_within = changes_within  # type: ignore[method-assign]
    (found,) = judged("lease_held", context, **ASKED)
    assert (found.ok, looks) == (False, [60.0])


RUNS = container(ready=True, containerID="containerd://1")
TOKEN = {"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}


def token(context: Still, volume: Mapping[str, Any] = TOKEN) -> Fact:
    """Give the pod a volume, and judge."""
    cluster: Any = context._snapshot.cluster
    pod = cluster.get(POD, "pod", SPACE)
    pod["spec"] = {
        "containers": [{"name": "manager", "volumeMounts": [{"name": "t", "mountPath": "/token"}]}],
        "volumes": [volume],
    }
    cluster.apply(POD, pod, SPACE)
    (found,) = judged("operator_token", context, deployment=NAME, ports=[8080])
    return found


@pytest.mark.parametrize(
    ("files", "ok", "how"),
    [
        ("token\n", True, "`ls /token` lists it"),
        ("", False, ""),
        (Forbidden("no exec for you"), True, "by the pod's volumes"),
    ],
    ids=["listed", "not there", "forbidden"],
)
def test_the_token_is_looked_for_where_that_is_possible(
    files: str | Exception, ok: bool, how: str
) -> None:
    context = state(RUNS, ready=True)
    context.files = files
    found = token(context)
    assert (found.ok, how in found.name) == (ok, True)


def test_a_pod_that_only_seems_to_run_is_judged_by_its_spec() -> None:
    sources = [{"serviceAccountToken": {"path": "token", "audience": "vault"}}]
    of_others = {"name": "t", "projected": {"sources": sources}}
    for volume, ok in ((TOKEN, True), (of_others, False)):
        context = state(container(ready=True), ready=True)
        context.files = AssertionError("nobody runs there")
        assert token(context, volume).ok is ok


def test_no_pods_hold_no_token() -> None:
    with pytest.raises(Unsettled):
        judged("operator_token", state(moved=JUST_NOW), deployment=NAME, ports=[8080])
    refused = state(conditions=[REFUSED], moved=JUST_NOW)
    found = failure("operator_token", refused, deployment=NAME, ports=[8080])
    assert "exceeded quota" in found.reason


def failing_over(copies: int, **spec: Any) -> Still:
    context = held(**spec)
    cluster: Any = context._snapshot.cluster
    for number in range(1, copies):
        pod = cluster.get(POD, "pod", SPACE)
        pod["metadata"]["name"] = f"pod-{number}"
        cluster.create(POD, pod, SPACE)
    return context


def test_failover_wants_two_copies_and_a_change() -> None:
    one = failing_over(1, leaseTransitions=5)
    assert (
        "no other could take over" in failure("failover", one, lease="lead", deployment=NAME).reason
    )
    for spec, ok in (
        ({"leaseTransitions": 1}, True),
        ({"leaseTransitions": 0}, False),
        ({}, False),
        ({"leaseTransitions": 1, "holderIdentity": ""}, False),
        ({"leaseTransitions": 1, "renewTime": LONG_AGO}, False),
    ):
        (changed,) = judged("failover", failing_over(2, **spec), lease="lead", deployment=NAME)
        assert changed.ok is ok


@pytest.mark.parametrize(
    ("pods", "ok"),
    [
        (["set-a", "set-a", "set-b"], True),
        (["set-a", "set-a"], False),
        (["other", "set-a"], False),
        (["set-a", ""], False),
    ],
)
def test_where_writers_are_recorded_a_typed_number_is_no_failover(
    pods: list[str], ok: bool
) -> None:
    context = failing_over(2, leaseTransitions=9)
    context.done = [wrote(pod) for pod in pods]
    (changed,) = judged("failover", context, lease="lead", deployment=NAME)
    assert changed.ok is ok


GATE = {"type": "ContainersReady", "status": "True"}


def test_a_readiness_gate_that_stays_closed_is_named_and_not_an_old_probe() -> None:
    context = state(
        {"conditions": [GATE, {"type": "Ready", "status": "False"}]}, events=[UNHEALTHY]
    )
    cluster: Any = context._snapshot.cluster
    pod = cluster.get(POD, "pod", SPACE)
    pod["spec"]["readinessGates"] = [{"conditionType": "example.com/checked"}]
    cluster.apply(POD, pod, SPACE)
    found = failure("operator_rollout", context, deployment=NAME)
    assert "its readiness gate example.com/checked is not open" in found.reason
    assert "readinessGates" in found.fix


def test_a_long_pause_before_a_restart_is_no_time_that_a_container_was_up() -> None:
    """It waited five minutes, and runs again for two seconds."""
    last = {"terminated": {"exitCode": 1, "finishedAt": LONG_AGO}}
    now = {"running": {"startedAt": JUST_NOW}}
    shaky = state(container(restartCount=9, lastState=last, state=now), ready=True)
    _, stable = judged("operator_rollout", shaky, deployment=NAME)
    assert not stable.ok


def test_an_evicted_pod_of_an_older_revision_does_not_run_any_more() -> None:
    context = state({}, ready=True)
    cluster: Any = context._snapshot.cluster
    cluster.create(REPLICA_SET, owned("old", "d"), SPACE)
    cluster.create(POD, owned("evicted", "old", status={"phase": "Failed"}), SPACE)
    assert all(one.ok for one in judged("operator_rollout", context, deployment=NAME))
