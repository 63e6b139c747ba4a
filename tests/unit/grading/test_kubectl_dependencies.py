"""What a call of kubectl rests on, and that it is run again only when that has changed."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence

import pytest

from labgrader.errors import Forbidden
from labgrader.grading import dependencies
from labgrader.grading import snapshot as snapshot_module
from labgrader.grading.context import Context
from labgrader.grading.kubectl_dependencies import of_call
from labgrader.grading.services import CheckServices
from labgrader.grading.snapshot import ReadKey, Snapshot
from labgrader.kube.protocols import Said
from labgrader.kube.resources import CRD, DEPLOYMENT, NODE, POD, Object, Resource
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


def definitions(read_key: ReadKey) -> list[Object]:
    assert read_key == ReadKey(CRD)
    return [DEFINITION]


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
    found = of_call(shlex.split(line), definitions)
    assert found == {ReadKey(resource, namespace, name), ReadKey(CRD)}


def test_several_names_and_types() -> None:
    found = of_call(shlex.split("get pods,algos a b -n x"), definitions)
    asked = {ReadKey(one, "x", name) for one in (POD, ALGO) for name in "ab"}
    assert found == asked | {ReadKey(CRD)}


def test_a_call_without_arguments_rests_on_nothing() -> None:
    """A runbook may name kubectl alone, as a word in a sentence."""
    assert of_call([], definitions) == frozenset()


def test_an_access_review_rests_on_roles() -> None:
    assert of_call(["auth", "can-i", "get", "pods", "-n", "x"], definitions) == dependencies.ACCESS


@pytest.mark.parametrize(
    "line",
    [
        "logs deployment/web -n x",
        "top pods -n x",
        "get events -n x -o name",
        "get events -n x -l a=b",
        "get events one -n x",
        "get events -n x --sort-by=.typo",
        "get events",
        "get pods -A",
        "describe pods ../../x -n y",
        "describe pods/../../x -n y",
        "get pods",
        "get unheard-of -n x",
        "api-resources -n x",
        "version",
    ],
)
def test_what_cannot_be_told_is_run_each_time(line: str) -> None:
    assert of_call(shlex.split(line), definitions) == frozenset()


@pytest.mark.parametrize("flags", ["", "--sort-by=.lastTimestamp", "-o wide --no-headers"])
def test_events_can_be_listed_whatever_they_are(flags: str) -> None:
    assert of_call(shlex.split(f"get events -n x {flags}"), definitions) == {ReadKey(CRD)}


class CountingKubectl:
    """Says yes to everything, and counts."""

    def __init__(self) -> None:
        self.runs = 0

    def run(self, arguments: Sequence[str], *, timeout: float) -> Said:
        self.runs += 1
        return Said(0, f"{arguments[0]} {timeout}", "")


@pytest.fixture
def kubectl(monkeypatch: pytest.MonkeyPatch) -> CountingKubectl:
    monkeypatch.setattr(snapshot_module, "PROPAGATION_SECONDS", 0.0)
    return CountingKubectl()


def look(snapshot: Snapshot, kubectl: CountingKubectl, line: str) -> set[ReadKey]:
    services = CheckServices(kubectl=kubectl)
    ctx = Context(snapshot, "x", time.monotonic() + 60, services=services)
    ctx.kubectl(shlex.split(line))
    return ctx.read_keys


def test_it_is_run_again_when_what_it_rests_on_has_changed(kubectl: CountingKubectl) -> None:
    cluster = FakeCluster()
    snapshot = Snapshot(cluster, lasting=True)
    for _ in range(2):
        read_keys = look(snapshot, kubectl, "describe deploy web -n x")
        snapshot = snapshot.refreshed()
    assert (kubectl.runs, ReadKey(DEPLOYMENT, "x", "web") in read_keys) == (1, True)
    cluster.put(DEPLOYMENT, {"metadata": {"name": "web", "resourceVersion": "7"}}, "x")
    look(snapshot.refreshed(), kubectl, "describe deploy web -n x")
    assert kubectl.runs == 2


def test_a_log_is_read_each_time(kubectl: CountingKubectl) -> None:
    snapshot = Snapshot(FakeCluster(), lasting=True)
    for _ in range(2):
        look(snapshot, kubectl, "logs deployment/web -n x")
        snapshot = snapshot.refreshed()
    assert kubectl.runs == 2


@pytest.fixture
def there() -> FakeCluster:
    cluster = FakeCluster()
    cluster.put(CRD, DEFINITION)
    cluster.put(DEPLOYMENT, {"metadata": {"name": "web"}}, "x")
    cluster.put(ALGO, {"metadata": {"name": "one"}}, "x")
    return cluster


def said(cluster: FakeCluster, kubectl: CountingKubectl, line: str) -> Said:
    services = CheckServices(kubectl=kubectl)
    ctx = Context(Snapshot(cluster), "x", time.monotonic() + 60, services=services)
    return ctx.kubectl(shlex.split(line))


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("get deploy web -n x", "deployment.apps/web"),
        ("get deployment/web ta/one -n x -o name", "deployment.apps/web algo.fintech.io/one"),
        ("get algos -n x -o wide --show-labels", "algo.fintech.io/one"),
        ("get -n x deploy --output=yaml", "deployment.apps/web"),
        ("get crd algos.fintech.io -n default", "customresourcedefinition.apiextensions.k8s.io/…"),
    ],
)
def test_what_is_plain_and_there_needs_no_program(
    there: FakeCluster, kubectl: CountingKubectl, line: str, names: str
) -> None:
    found = said(there, kubectl, line)
    assert (found.code, found.err, kubectl.runs) == (0, "", 0)
    wanted = names.replace("…", "algos.fintech.io")
    assert found.out.split() == wanted.split()


@pytest.mark.parametrize(
    "line",
    [
        "get deploy nobody -n x",  # kubectl's own words are told
        "get deploy web other -n x",
        "get pods -n x",  # none: whether that is a fault depends on how it was asked
        "get deploy web",
        "get deploy -A",
        "get deploy web -n y",
        "get deploy -n x -l app=web",
        "get deploy web -n x -o jsonpath={.spec",
        "get deploy web -n x -ojsonpath={.spec",
        "get deploy web -n x -o",
        "get deploy web -n x --sort-by=.x",
        "get deploy web -n x --nonsense",
        "get deploy web/../web -n x",
        "get deploy WEB -n x",
        "describe deploy web -n x",
        "get unheard-of -n x",
    ],
)
def test_everything_else_is_run(there: FakeCluster, kubectl: CountingKubectl, line: str) -> None:
    said(there, kubectl, line)
    assert kubectl.runs == 1


def test_what_cannot_be_read_is_run(there: FakeCluster, kubectl: CountingKubectl) -> None:
    there.fault = lambda verb, plural: Forbidden("no")
    said(there, kubectl, "get deploy web -n x")
    assert kubectl.runs == 1


def test_what_was_there_and_is_gone_is_run_again(
    there: FakeCluster, kubectl: CountingKubectl
) -> None:
    snapshot = Snapshot(there, lasting=True)
    look(snapshot, kubectl, "get deploy web -n x")
    there.delete(DEPLOYMENT, "web", "x")
    look(snapshot.refreshed(), kubectl, "get deploy web -n x")
    assert kubectl.runs == 1
