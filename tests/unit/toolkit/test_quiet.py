"""Whether an operator comes to rest: what is watched, what is left out, what the record adds."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from labgrader.grading.context import Context
from labgrader.grading.snapshot import Snapshot
from labgrader.kube.protocols import AuditedWrite
from labgrader.kube.resources import DEPLOYMENT, Object, Resource
from labgrader.toolkit import quiet
from labgrader.toolkit.quiet import Quiet
from tests.support.fake_cluster import FakeCluster

THING = Resource("lab.dev", "v1", "things", "Thing")
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Recorded(Context):
    done: list[AuditedWrite] | None = None

    def server_time(self) -> datetime:
        return NOW

    def audited_writes(
        self, resource: Resource, *, fresh: bool = False, contents: bool = False
    ) -> list[AuditedWrite] | None:
        assert fresh
        return self.done if resource is DEPLOYMENT else []


@pytest.fixture
def cluster() -> FakeCluster:
    found = FakeCluster()
    found.put(THING, {"metadata": {"name": "a"}, "spec": {}}, "lab")
    for name in ("a-deployment", "stranger"):
        found.put(
            DEPLOYMENT, {"metadata": {"name": name, "uid": "u"}, "spec": {"replicas": 1}}, "lab"
        )
    return found


def watched(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> tuple[Quiet, Recorded]:
    monkeypatch.setattr(quiet, "LOOK_SECONDS", 0)
    ctx = Recorded(Snapshot(cluster), "lab", time.monotonic() + 60)
    return Quiet(ctx, THING, (DEPLOYMENT,), "operator"), ctx


LEFT_OUT: list[Object] = [
    {
        "metadata": {"name": "a-deployment", "uid": "u", "resourceVersion": "9"},
        "spec": {"replicas": 1},
    },
    {"metadata": {"name": "a-deployment", "uid": "u"}, "spec": {"replicas": 7}},
    {
        "metadata": {"name": "a-deployment", "uid": "u"},
        "spec": {"replicas": 1},
        "status": {"replicas": 1},
    },
    {"metadata": {"name": "stranger", "annotations": {"a": "b"}}},
]


@pytest.mark.parametrize("changed", LEFT_OUT)
def test_what_controllers_and_others_write_does_not_disturb(
    changed: Object, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, _ = watched(cluster, monkeypatch)
    time.sleep(0.02)
    cluster.put(DEPLOYMENT, changed, "lab")
    assert watch.lasted() >= 0.02
    assert not watch.changed


def put_status(cluster: FakeCluster) -> None:
    body: dict[str, Any] = {"metadata": {"name": "a"}, "spec": {}, "status": {"at": "now"}}
    cluster.put(THING, body, "lab")


def put_annotation(cluster: FakeCluster) -> None:
    metadata = {"name": "a-deployment", "uid": "u", "annotations": {"seen": "now"}}
    cluster.put(DEPLOYMENT, {"metadata": metadata, "spec": {"replicas": 1}}, "lab")


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (put_status, "Thing a (status)"),
        (put_annotation, "Deployment a-deployment (metadata.annotations)"),
    ],
)
def test_what_the_operator_writes_is_named(
    write: Any, told: str, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, _ = watched(cluster, monkeypatch)
    time.sleep(0.02)
    write(cluster)
    assert watch.lasted() == 0
    assert watch.changed == told


@pytest.mark.parametrize(
    ("count", "user", "ago", "busy"),
    [
        (2, "system:serviceaccount:lab:operator", 1, True),
        (1, "system:serviceaccount:lab:operator", 1, False),
        (9, "system:serviceaccount:lab:operator", 30, False),
        (9, "admin", 1, False),
    ],
)
def test_writes_that_change_nothing_are_in_the_record(
    count: int,
    user: str,
    ago: int,
    busy: bool,
    cluster: FakeCluster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch, ctx = watched(cluster, monkeypatch)
    at = (NOW - timedelta(seconds=ago)).isoformat()
    ctx.done = [AuditedWrite(at, user, "patch", "a-deployment", "", 200)] * count
    assert bool(watch.written_in_vain(3)) is busy
    ctx.done = None
    assert not watch.written_in_vain(3)


def test_only_what_it_is_about_is_watched(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another resource, its child, and what the record says of them disturb nothing."""
    _, ctx = watched(cluster, monkeypatch)
    watch = Quiet(ctx, THING, (DEPLOYMENT,), "operator", lambda name: name == "b")
    assert not watch.watches_something
    cluster.put(THING, {"metadata": {"name": "b"}, "spec": {}}, "lab")
    assert watch.lasted() == 0
    assert watch.watches_something
    time.sleep(0.02)
    put_status(cluster)
    put_annotation(cluster)
    assert watch.lasted() >= 0.02

    user, at = "system:serviceaccount:lab:operator", NOW.isoformat()
    ctx.done = [AuditedWrite(at, user, "patch", "a-deployment", "", 200)] * 2
    assert watch.written_in_vain(2) == ""
    ctx.done = [AuditedWrite(at, user, "patch", "b-deployment", "", 200)] * 2
    assert watch.written_in_vain(2) == "Deployment b-deployment (2 writes in 2 s)"
