"""What belongs to a Deployment, and what a pod's spec says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from labgrader.toolkit.mounts import mounted_files
from labgrader.toolkit.workloads import (
    Workload,
    declares,
    is_ready,
    resolve_port,
    runs_as,
    serving_container,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MAP = "settings"
KEY = "config.yaml"


def owned(name: str, owner: str, **metadata: Any) -> dict[str, Any]:
    reference = {"uid": owner, "controller": True}
    return {"metadata": {"name": name, "uid": name, "ownerReferences": [reference], **metadata}}


def workload(**conditions: dict[str, str]) -> Workload:
    listed = [{"type": kind, **said} for kind, said in conditions.items()]
    deployment = {"metadata": {"uid": "d"}, "spec": {}, "status": {"conditions": listed}}
    pods = [owned("pod-new", "new"), owned("pod-old", "old"), owned("pod-other", "elsewhere")]
    return Workload(deployment, [owned("new", "d"), owned("old", "d")], pods)


def test_the_pods_of_today_are_those_of_the_newest_revision() -> None:
    assert [pod["metadata"]["name"] for pod in workload().current()] == ["pod-new"]
    assert workload().wanted == 1


@pytest.mark.parametrize(
    ("age", "refused", "moving"), [(5, "False", True), (61, "False", False), (5, "True", False)]
)
def test_a_rollout_moves_until_nothing_happens(age: int, refused: str, moving: bool) -> None:
    last = (NOW - timedelta(seconds=age)).isoformat()
    found = workload(Progressing={"lastUpdateTime": last}, ReplicaFailure={"status": refused})
    assert found.is_moving(NOW) is moving


def test_a_rollout_of_which_nothing_is_known_does_not_move() -> None:
    assert not workload().is_moving(NOW)
    assert not workload(Progressing={"lastUpdateTime": "long ago"}).is_moving(NOW)


def test_a_port_is_a_number_or_the_name_of_one() -> None:
    container = {"ports": [{"name": "health", "containerPort": 8081}]}
    assert resolve_port(container, "health") == 8081
    assert resolve_port(container, 8082) == 8082
    assert resolve_port(container, "metrics") is None
    assert resolve_port({}, "health") is None
    assert resolve_port(container, None) is None
    assert declares(container, 8081)
    assert not declares(container, 8080)
    assert not declares({"ports": [{"containerPort": 8080, "protocol": "UDP"}]}, 8080)


def test_the_container_that_serves_is_found_wherever_it_stands() -> None:
    side = {"name": "side", "livenessProbe": {"httpGet": {"port": 9000}}}
    manager = {
        "name": "manager",
        "ports": [{"name": "health", "containerPort": 8081}],
        "readinessProbe": {"httpGet": {"port": "health"}},
    }
    assert serving_container({"containers": [side, manager]}, [8080, 8081]) is manager
    assert serving_container({"containers": [side]}, [8080, 8081]) is side
    assert serving_container({}, [8080]) == {}


def test_the_container_wins_over_the_pod() -> None:
    pod = {"securityContext": {"runAsUser": 1, "runAsNonRoot": True}}
    assert runs_as(pod, {}) == (1, True)
    assert runs_as(pod, {"securityContext": {"runAsUser": 0}}) == (0, True)
    assert runs_as({}, {"securityContext": {"runAsNonRoot": False}}) == (None, False)


def test_a_pod_is_ready_by_its_condition() -> None:
    def pod(status: str) -> dict[str, Any]:
        return {"status": {"conditions": [{"type": "Ready", "status": status}]}}

    assert [is_ready(one) for one in (pod("True"), pod("False"), {})] == [True, False, False]


def seen(volume: dict[str, Any], mount: dict[str, Any], **pod: Any) -> list[str]:
    """Return where the container finds the key."""
    spec = {"volumes": [{"name": "v", **volume}], **pod}
    container = {"volumeMounts": [{"name": "v", **mount}]}
    return mounted_files(spec, container, MAP, [KEY])


PLAIN = {"configMap": {"name": MAP}}
AT = {"mountPath": "/etc/config/"}
ITEM = {"configMap": {"name": MAP, "items": [{"key": KEY, "path": "a/b.yaml"}]}}


@pytest.mark.parametrize(
    ("volume", "mount", "files"),
    [
        (PLAIN, AT, ["/etc/config/config.yaml"]),
        (PLAIN, {**AT, "subPath": KEY}, ["/etc/config"]),
        (PLAIN, {"mountPath": "/x/y", "subPath": KEY}, ["/x/y"]),
        (PLAIN, {**AT, "subPath": "other"}, []),
        (ITEM, AT, ["/etc/config/a/b.yaml"]),
        (ITEM, {**AT, "subPath": "a"}, ["/etc/config/b.yaml"]),
        ({"projected": {"sources": [{"secret": {}}, PLAIN]}}, AT, ["/etc/config/config.yaml"]),
        ({"configMap": {"name": "other"}}, AT, []),
        ({"emptyDir": {}}, AT, []),
        ({"configMap": {"name": MAP, "items": [{"key": "x", "path": KEY}]}}, AT, []),
    ],
)
def test_where_a_key_is_a_file(volume: dict[str, Any], mount: dict[str, Any], files: Any) -> None:
    assert seen(volume, mount) == files


def test_a_file_must_be_readable() -> None:
    shut = {"configMap": {"name": MAP, "defaultMode": 0o400}}
    assert seen(shut, AT) == []
    assert seen(shut, AT, securityContext={"fsGroup": 65532}) == ["/etc/config/config.yaml"]
    opened = [{"key": KEY, "path": KEY, "mode": 0o444}]
    assert seen({"configMap": {**shut["configMap"], "items": opened}}, AT)
