"""What a call of kubectl rests on, and that it is run again only when that has changed."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence

import pytest

from labgrader.engine import premises
from labgrader.engine import snapshot as snapshot_module
from labgrader.engine.context import Context
from labgrader.engine.instruments import Instruments
from labgrader.engine.kubectl_premises import of_call
from labgrader.engine.ports import Said
from labgrader.engine.snapshot import Interest, Snapshot
from labgrader.model.resource import CRD, DEPLOYMENT, NODE, POD, Object, Resource
from tests.support.fake_cluster import FakeCluster

ALGO = Resource("fintech.io", "v1", "algos", "Algo")
DEFINITION: Object = {
    "metadata": {"name": "algos.fintech.io"},
    "spec": {
        "group": "fintech.io",
        "scope": "Namespaced",
        "names": {"plural": "algos", "singular": "algo", "kind": "Algo", "shortNames": ["ta"]},
        "versions": [{"name": "v1", "served": True}],
    },
}


@pytest.mark.parametrize(
    ("line", "resource", "namespace", "name"),
    [
        ("get pods -n x", POD, "x", None),
        ("get po -n x -l app=y -o name", POD, "x", None),
        ("describe deployment/web -n x", DEPLOYMENT, "x", "web"),
        ("describe deploy web --namespace=x", DEPLOYMENT, "x", "web"),
        ("get deployments.apps web -n x -n y", DEPLOYMENT, "y", "web"),
        ("rollout status deployment/web -n x --watch=false", DEPLOYMENT, "x", "web"),
        ("get ta one -n x -o yaml", ALGO, "x", "one"),
        ("get algos.fintech.io -n x", ALGO, "x", None),
        ("get nodes -n default", NODE, None, None),
        ("get crd algos.fintech.io -n default", CRD, None, "algos.fintech.io"),
    ],
)
def test_what_a_call_rests_on(
    line: str, resource: Resource, namespace: str | None, name: str | None
) -> None:
    found = of_call(shlex.split(line), [DEFINITION])
    assert found == {Interest(resource, namespace, name), Interest(CRD)}


def test_several_names_and_types() -> None:
    found = of_call(shlex.split("get pods,algos a b -n x"), [DEFINITION])
    asked = {Interest(one, "x", name) for one in (POD, ALGO) for name in "ab"}
    assert found == asked | {Interest(CRD)}


def test_an_access_review_rests_on_roles() -> None:
    assert of_call(["auth", "can-i", "get", "pods", "-n", "x"], []) == premises.ACCESS


@pytest.mark.parametrize(
    "line",
    [
        "logs deployment/web -n x",
        "top pods -n x",
        "get events -n x",
        "get pods -A",
        "get pods",
        "get unheard-of -n x",
        "api-resources -n x",
        "version",
    ],
)
def test_what_cannot_be_told_is_run_each_time(line: str) -> None:
    assert of_call(shlex.split(line), [DEFINITION]) == frozenset()


class CountingKubectl:
    """Says yes to everything, and counts."""

    def __init__(self) -> None:
        self.runs = 0

    def run(self, arguments: Sequence[str], *, timeout: float) -> Said:
        self.runs += 1
        return Said(0, f"{arguments[0]} {timeout}", "")


@pytest.fixture
def kubectl(monkeypatch: pytest.MonkeyPatch) -> CountingKubectl:
    monkeypatch.setattr(snapshot_module, "LATE_SECONDS", 0.0)
    return CountingKubectl()


def look(snapshot: Snapshot, kubectl: CountingKubectl, line: str) -> set[Interest]:
    instruments = Instruments(kubectl=kubectl)
    ctx = Context(snapshot, "x", time.monotonic() + 60, instruments=instruments)
    ctx.kubectl(shlex.split(line))
    return ctx.interests


def test_it_is_run_again_when_what_it_rests_on_has_changed(kubectl: CountingKubectl) -> None:
    cluster = FakeCluster()
    snapshot = Snapshot(cluster, lasting=True)
    for _ in range(2):
        interests = look(snapshot, kubectl, "get deploy web -n x")
        snapshot = snapshot.renewed()
    assert (kubectl.runs, Interest(DEPLOYMENT, "x", "web") in interests) == (1, True)
    cluster.put(DEPLOYMENT, {"metadata": {"name": "web", "resourceVersion": "7"}}, "x")
    look(snapshot.renewed(), kubectl, "get deploy web -n x")
    assert kubectl.runs == 2


def test_a_log_is_read_each_time(kubectl: CountingKubectl) -> None:
    snapshot = Snapshot(FakeCluster(), lasting=True)
    for _ in range(2):
        look(snapshot, kubectl, "logs deployment/web -n x")
        snapshot = snapshot.renewed()
    assert kubectl.runs == 2
