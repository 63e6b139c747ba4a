"""What is behind a resource: its containers' environment and image, and whether it serves."""

from __future__ import annotations

import time
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest

from labgrader.errors import ClusterError, Forbidden, MissingCapability, Unsettled
from labgrader.grading.context import Context
from labgrader.grading.snapshot import Snapshot
from labgrader.kube.images import aliases, is_image
from labgrader.kube.protocols import Answer
from labgrader.kube.resources import (
    CONFIG_MAP,
    DEPLOYMENT,
    NODE,
    POD,
    REPLICA_SET,
    SECRET,
    Object,
    Resource,
)
from labgrader.toolkit.autoscaling import beside, cpu_target
from labgrader.toolkit.environment import environment
from labgrader.toolkit.serving import serves, waits
from labgrader.toolkit.workloads import service_targets
from tests.support.fake_cluster import FakeCluster

SPACE, NOW = "lab", datetime(2026, 1, 1, 12, tzinfo=UTC)
LONG_AGO, JUST_NOW = "2026-01-01T11:00:00Z", "2026-01-01T11:59:58Z"


class Asked(Context):
    """A context in which time stands still, and Services answer what a test says."""

    def __init__(self, cluster: FakeCluster) -> None:
        super().__init__(Snapshot(cluster), SPACE, time.monotonic() + 60)
        self.answer: Answer | Exception = Answer(200, "hello")

    def server_time(self) -> datetime:
        return NOW

    def http_get(self, kind: str, name: str, port: int | str, path: str) -> Answer:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Closed(FakeCluster):
    """Secrets may not be read."""

    def get(self, resource: Resource, *args: Any, **more: Any) -> Object | None:
        if resource is SECRET:
            raise Forbidden("no secrets for you")
        return super().get(resource, *args, **more)


TEMPLATE = {"metadata": {"labels": {"team": "blue"}, "annotations": {"a/b": "c"}}}
VARIABLES = [
    ([{"name": "X", "value": "1"}], "1"),
    ([{"name": "X"}], ""),
    ([{"name": "X", "value": "1"}, {"name": "X", "value": "2"}], "2"),
    ([{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}], "of the map"),
    ([{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "no"}}}], None),
    ([{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "no", "key": "k"}}}], None),
    ([{"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}], "hidden"),
    ([{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['team']"}}}], "blue"),
    ([{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['a/b']"}}}], "c"),
    ([{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}], None),
    ([{"name": "A", "value": "a"}, {"name": "X", "value": "$(A)-$(B)-$$(A)"}], "a-$(B)-$(A)"),
    (
        [
            {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {"name": "X", "value": "id-$(S)"},
        ],
        "id-hidden",
    ),
]


@pytest.mark.parametrize(("entries", "value"), VARIABLES)
def test_a_variable_is_what_the_kubelet_would_make_of_it(
    entries: list[Object], value: str | None
) -> None:
    cluster = FakeCluster()
    cluster.create(CONFIG_MAP, {"metadata": {"name": "m"}, "data": {"k": "of the map"}}, SPACE)
    secret = {"metadata": {"name": "s"}, "data": {"k": b64encode(b"hidden").decode()}}
    cluster.create(SECRET, secret, SPACE)
    found = environment(Asked(cluster), TEMPLATE, {"env": entries})["X"]
    assert found.value == value
    assert "hidden" not in found.shown


def test_whole_maps_come_first_and_may_have_a_prefix() -> None:
    cluster = FakeCluster()
    cluster.create(CONFIG_MAP, {"metadata": {"name": "m"}, "data": {"A": "1", "B": "2"}}, SPACE)
    sources = [{"configMapRef": {"name": "m"}}, {"prefix": "P_", "configMapRef": {"name": "m"}}]
    container = {"envFrom": sources, "env": [{"name": "A", "value": "own"}]}
    found = environment(Asked(cluster), {}, container)
    assert {key: one.value for key, one in found.items()} == {
        "A": "own",
        "B": "2",
        "P_A": "1",
        "P_B": "2",
    }


def test_what_may_not_be_read_is_neither_right_nor_wrong() -> None:
    entry = {"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    uses = {"name": "Y", "value": "$(X)"}
    found = environment(Asked(Closed()), {}, {"env": [entry, uses]})
    assert found["X"].value is found["Y"].value is None
    assert isinstance(found["X"].unread, Forbidden)
    assert isinstance(found["Y"].unread, Forbidden)


@pytest.mark.parametrize(
    ("actual", "same"),
    [
        ("nginx:1.21", True),
        ("docker.io/library/nginx:1.21", True),
        ("mirror.example.com:5000/library/nginx:1.21", True),
        ("mirror.example.com/hub/library/nginx:1.21", True),
        ("localhost/nginx:1.21", True),
        ("nginx:1.21@sha256:abc", True),
        ("nginx@sha256:abc", False),
        ("nginx", False),
        ("nginx:1.21.6", False),
        ("acme/nginx:1.21", False),
        ("nginx-unprivileged:1.21", False),
    ],
)
def test_names_of_one_image(actual: str, same: bool) -> None:
    assert is_image(actual, "nginx:1.21") is same


def test_a_node_knows_an_image_by_several_names() -> None:
    names = ["docker.io/library/nginx@sha256:abc", "docker.io/library/nginx:1.21"]
    nodes = [{"status": {"images": [{"names": ["other:1"]}, {"names": names}]}}]
    assert any(is_image(one, "nginx:1.21") for one in aliases("nginx@sha256:abc", nodes))


def test_the_cpu_of_one_container_is_a_target_as_well() -> None:
    aim = {"type": "Utilization", "averageUtilization": 50}
    for kind, more in (("resource", {}), ("containerResource", {"container": "c"})):
        scaler = {"spec": {"metrics": [{kind: {"name": "cpu", "target": aim, **more}}]}}
        assert cpu_target(scaler) == (50, more.get("container", ""))
    memory = {"spec": {"metrics": [{"resource": {"name": "memory", "target": aim}}]}}
    amount = {"resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "1"}}}
    for none in (memory, {"spec": {"metrics": [amount]}}, {}):
        assert cpu_target(none) == (None, "")


def test_other_autoscalers_of_the_same_deployment() -> None:
    def scaler(name: str, kind: str, of: str) -> Object:
        return {"metadata": {"name": name}, "spec": {"scaleTargetRef": {"kind": kind, "name": of}}}

    scalers = [
        scaler("own", "Deployment", "d"),
        scaler("second", "Deployment", "d"),
        scaler("elsewhere", "Deployment", "other"),
        scaler("set", "StatefulSet", "d"),
    ]
    assert beside("own", "d", scalers) == ["second"]


def test_ports_are_told_apart_by_their_protocol() -> None:
    ports = [
        {"name": "x", "containerPort": 53, "protocol": "UDP"},
        {"name": "x", "containerPort": 80},
    ]
    service = {
        "spec": {
            "ports": [
                {"port": 80, "targetPort": "x"},
                {"port": 80, "targetPort": "x", "protocol": "UDP"},
                {"port": 81, "targetPort": "none"},
                {"port": 82},
            ]
        }
    }
    found = service_targets(service, {"containers": [{"ports": ports}]})
    assert found == {(80, "TCP"): 80, (80, "UDP"): 53, (81, "TCP"): "none", (82, "TCP"): 82}


def serving(*pods: Object, moved: str = LONG_AGO, requests: str = "100m", room: str = "2") -> Asked:
    """Return a context with a Deployment ``web`` of these pods' statuses, and one node."""
    cluster = FakeCluster()
    progress = {"type": "Progressing", "lastUpdateTime": moved, "message": "still trying"}
    cluster.create(
        DEPLOYMENT,
        {
            "metadata": {"name": "web", "uid": "d", "generation": 1},
            "spec": {"replicas": len(pods)},
            "status": {"observedGeneration": 1, "conditions": [progress]},
        },
        SPACE,
    )
    owner = {"ownerReferences": [{"uid": "d", "controller": True}]}
    cluster.create(REPLICA_SET, {"metadata": {"name": "set", "uid": "s", **owner}}, SPACE)
    ready = {"type": "Ready", "status": "True"}
    cluster.create(
        NODE,
        {
            "metadata": {"name": "n"},
            "status": {
                "conditions": [ready],
                "allocatable": {"cpu": room},
                "images": [{"names": ["docker.io/library/nginx:1.21"]}],
            },
        },
    )
    for number, status in enumerate(pods):
        owner = {"ownerReferences": [{"uid": "s", "controller": True}]}
        metadata = {"name": f"p{number}", "uid": f"p{number}", **owner}
        containers = [{"name": "c", "resources": {"requests": {"cpu": requests}}}]
        pod = {"metadata": metadata, "spec": {"containers": containers}, "status": status}
        cluster.create(POD, pod, SPACE)
    return Asked(cluster)


READY = {"conditions": [{"type": "Ready", "status": "True"}]}
NO_IMAGE = {
    "containerStatuses": [
        {
            "name": "c",
            "image": "ngimx:1.21",
            "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}},
        }
    ]
}
STARTING = {"containerStatuses": [{"name": "c", "state": {"running": {}}}]}
NO_ROOM = {
    "conditions": [
        {"type": "PodScheduled", "status": "False", "message": "0/1 nodes: 1 Insufficient cpu."}
    ]
}


def stated(context: Asked, least: int = 1) -> list[tuple[bool | None, str, ClusterError | None]]:
    found = serves(context, "web", "web", 80, least)
    return [(one.ok, one.reason, one.error) for one in found]


def test_pods_that_are_ready_and_answer() -> None:
    for answer in (Answer(200, ""), Answer(404, "no"), Answer(None, "malformed HTTP response")):
        context = serving(READY)
        context.answer = answer
        assert [ok for ok, *_ in stated(context)] == [True, True]


def test_a_port_that_does_not_answer() -> None:
    context = serving(READY)
    context.answer = Answer(None, "connection refused")
    (_, (ok, reason, _)) = stated(context)
    assert not ok
    assert "connection refused" in reason
    context = serving(READY, moved=JUST_NOW)
    context.answer = Answer(None, "no endpoints")
    assert isinstance(stated(context)[1][2], Unsettled)
    context.answer = Forbidden("no proxy for you")
    assert isinstance(stated(context)[1][2], Forbidden)


def test_an_image_that_cannot_be_had_is_named_with_what_is_there() -> None:
    for moved in (LONG_AGO, JUST_NOW):
        ((ok, reason, _),) = stated(serving(NO_IMAGE, moved=moved))
        assert not ok
        assert "0 of 1 pods of web are Ready" in reason
        assert "ErrImagePull: not found; the node has nginx:1.21" in reason


def test_what_is_starting_is_not_judged_yet_and_what_never_starts_is() -> None:
    ((ok, _, error),) = stated(serving(STARTING, moved=JUST_NOW))
    assert ok is None
    assert isinstance(error, Unsettled)
    ((ok, reason, _),) = stated(serving(STARTING))
    assert ok is False
    assert "still trying" in reason


def test_a_full_node_is_no_fault_unless_no_node_could_hold_the_pod() -> None:
    ((ok, _, error),) = stated(serving(READY, NO_ROOM), 2)
    assert ok is None
    assert isinstance(error, MissingCapability)
    ((ok, reason, _),) = stated(serving(READY, NO_ROOM, requests="64"), 2)
    assert ok is False
    assert "Insufficient cpu" in reason


def test_only_what_is_not_wrong_otherwise_is_waited_for() -> None:
    facts = list(serves(serving(STARTING, moved=JUST_NOW), "web", "web", 80, 1))
    assert isinstance(waits(facts), Unsettled)
    wrong = list(serves(serving(NO_IMAGE), "web", "web", 80, 1))
    assert waits([*facts, *wrong]) is None
    assert waits([]) is None
