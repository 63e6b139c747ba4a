"""What decides in a reset, without a cluster: finalizers, obstacles, limits, clocks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labgrader.errors import Forbidden, LabError, Rejected, TimedOut, Unreachable
from labgrader.kube import finalizers
from labgrader.kube.obstacles import API_SERVICE, Obstacles
from labgrader.kube.resources import (
    ADMISSION,
    CONFIG_MAP,
    NAMESPACE,
    RESET_AT,
    SECRET,
    Object,
    Resource,
    dig,
)
from labgrader.lab_state.reset import Reset, begin_anew
from tests.support.fake_cluster import FakeCluster

SERVED = {
    "v1": [CONFIG_MAP, SECRET, NAMESPACE],
    "prices.example/v1": [Resource("prices.example", "v1", "prices", "Price")],
}
ENTRIES = """\
- {task: task1, apiVersion: v1, kind: ConfigMap, namespace: lab, name: one}
- {task: task1, apiVersion: v1, kind: ConfigMap, namespace: lab, name: two}
- {task: task1, apiVersion: v1, kind: Namespace, name: lab}
"""


class Discovered(FakeCluster):
    """A fake cluster with discovery; ``undiscovered`` fails for an API version."""

    def __init__(self) -> None:
        super().__init__()
        self.undiscovered: dict[str, LabError] = {}

    def document(self, path: str, kind: str, *, timeout: float = 5) -> Object | None:
        if kind == "APIGroupList":
            version = {"groupVersion": "prices.example/v1"}
            group = {"name": "prices.example", "versions": [version], "preferredVersion": version}
            return {"groups": [group]}
        version_name = path.split("/", 2)[2]
        if version_name in self.undiscovered:
            raise self.undiscovered[version_name]
        verbs = ["list", "delete"]
        found = SERVED.get(version_name, [])
        return {
            "resources": [
                {"name": r.plural, "kind": r.kind, "namespaced": r.namespaced, "verbs": verbs}
                for r in found
            ]
        }


@pytest.fixture
def cluster() -> Discovered:
    found = Discovered()
    found.put(NAMESPACE, {"metadata": {"name": "lab"}})
    for name in ("one", "two"):
        found.put(CONFIG_MAP, {"metadata": {"name": name}}, "lab")
    return found


@pytest.fixture
def reset(cluster: Discovered, tmp_path: Path) -> Callable[..., Reset]:
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "reset.yaml").write_text(ENTRIES)

    def make(**options: float) -> Reset:
        return Reset(cluster, tmp_path, lambda line: None, grace_seconds=0.01, **options)

    return make


def failing(verb: str, plural: str, error: LabError) -> Callable[[str, str], LabError | None]:
    return lambda one, other: error if (one, other) == (verb, plural) else None


@pytest.mark.parametrize(
    ("kind", "finalizer", "is_foreign"),
    [
        ("TradingAlgorithm", "trading-algorithm-cleanup", True),
        ("TradingAlgorithm", "fintech.io/cleanup", True),
        ("TradingAlgorithm", "cleanup.k8s.io/x", True),
        ("TradingAlgorithm", "notkubernetes.io/x", True),
        ("TradingAlgorithm", "kubernetes.io/pvc-protection", True),
        ("PersistentVolumeClaim", "kubernetes.io/pvc-protection", False),
        ("Deployment", "foregroundDeletion", False),
        ("ConfigMap", "orphan", False),
        ("Namespace", "kubernetes", False),
        ("Service", "service.kubernetes.io/load-balancer-cleanup", False),
    ],
)
def test_which_finalizers_kubernetes_serves(kind: str, finalizer: str, is_foreign: bool) -> None:
    obj = {"metadata": {"finalizers": [finalizer]}}
    assert finalizers.foreign(kind, obj) == ([finalizer] if is_foreign else [])


def test_an_object_that_cannot_be_deleted_does_not_keep_the_others(
    cluster: Discovered, reset: Callable[..., Reset]
) -> None:
    cluster.fault = failing("delete", "configmaps", Rejected("not today", status=403))
    residue = reset().run()
    assert [line.partition(": ")[0] for line in residue.stuck] == [
        "ConfigMap lab/one",
        "ConfigMap lab/two",
    ]
    assert "not today" in residue.stuck[0]
    assert cluster.get(NAMESPACE, "lab") is None


def test_nothing_is_left_is_decided_by_the_last_look(
    cluster: Discovered, reset: Callable[..., Reset]
) -> None:
    """The deletion answered with an error, and went through all the same."""

    def gone_meanwhile(verb: str, plural: str) -> LabError | None:
        if (verb, plural) != ("delete", "configmaps"):
            return None
        cluster.fault = lambda one, other: None
        for name in ("one", "two"):
            cluster.delete(CONFIG_MAP, name, "lab")
        return TimedOut("no answer")

    cluster.fault = gone_meanwhile
    assert not reset().run()


@pytest.mark.parametrize("error", [Forbidden("no"), TimedOut("slow"), Unreachable("500")])
def test_a_list_that_cannot_be_read_keeps_the_namespace(
    cluster: Discovered, reset: Callable[..., Reset], error: LabError
) -> None:
    cluster.fault = failing("list", "secrets", error)
    residue = reset().run()
    assert cluster.get(NAMESPACE, "lab") is not None
    assert cluster.get(CONFIG_MAP, "one", "lab") is None
    (line,) = residue.stuck
    assert line.startswith("Namespace lab: not all of its contents can be read: Secret list")
    assert "--include-unknown" in line
    assert not reset().run(include_unknown=True)


@pytest.mark.parametrize(("status", "goes"), [("False", True), ("True", False)])
def test_only_an_aggregated_api_without_a_backend_does_not_keep_it(
    cluster: Discovered, reset: Callable[..., Reset], status: str, goes: bool
) -> None:
    cluster.undiscovered["prices.example/v1"] = Unreachable("503")
    service = {"spec": {"service": {"name": "s", "namespace": "n"}}}
    conditions = {"status": {"conditions": [{"type": "Available", "status": status}]}}
    name = {"metadata": {"name": "v1.prices.example"}}
    cluster.put(API_SERVICE, {**name, **service, **conditions})
    reset().run()
    assert (cluster.get(NAMESPACE, "lab") is None) == goes


def test_a_limit_that_is_over_is_said(cluster: Discovered, reset: Callable[..., Reset]) -> None:
    residue = reset(limit=0.0).run()
    assert len(residue.stuck) == 3
    assert all("Run `labgrader reset` again" in line for line in residue.stuck)


def test_a_cluster_that_does_not_answer_is_no_clean_one(
    cluster: Discovered, reset: Callable[..., Reset]
) -> None:
    cluster.undiscovered["v1"] = Unreachable("nobody")
    for look in (reset().plan, reset().run):
        with pytest.raises(Unreachable, match="nobody"):
            look()


def test_a_note_that_is_refused_does_not_end_a_reset(
    cluster: Discovered, reset: Callable[..., Reset]
) -> None:
    cluster.put(SECRET, {"metadata": {"name": "theirs"}}, "lab")
    cluster.fault = failing("patch", "namespaces", Rejected("no notes", status=403))
    residue = reset().run()
    assert (residue.unknown, residue.stuck) == (["Secret lab/theirs"], [])


def test_the_lab_s_names_elsewhere_are_named(
    cluster: Discovered, reset: Callable[..., Reset]
) -> None:
    cluster.put(CONFIG_MAP, {"metadata": {"name": "two"}}, "elsewhere")
    residue = reset().run()
    assert not residue
    assert [str(one) for one in residue.strays] == ["ConfigMap elsewhere/two"]
    assert cluster.get(CONFIG_MAP, "two", "elsewhere") is not None


def test_admission_that_denies_is_named_with_what_removes_it() -> None:
    cluster = FakeCluster()
    mutating = ADMISSION[1]
    hooks = {"metadata": {"name": "guards"}, "webhooks": [{"name": "deny.example"}]}
    cluster.put(mutating, hooks)
    obstacles = Obstacles(cluster)
    webhook = 'admission webhook "deny.example" denied the request: no'
    told = obstacles.of(Rejected(webhook, status=400))
    assert "MutatingWebhookConfiguration guards denies it" in told.cause
    assert "`kubectl delete mutatingwebhookconfiguration guards`" in told.help
    policy = "x is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"
    told = obstacles.of(Rejected(policy, status=422))
    assert "ValidatingAdmissionPolicy p" in told.cause
    assert "`kubectl delete validatingadmissionpolicybinding b`" in told.help
    assert obstacles.of(Rejected("plain", status=409)).cause == "plain"


@pytest.mark.parametrize("skew", [timedelta(hours=-3), timedelta(0), timedelta(days=400)])
def test_a_reset_is_dated_by_the_clock_of_the_api_server(skew: timedelta) -> None:
    class Skewed(FakeCluster):
        def time(self, *, timeout: float = 5) -> datetime:
            return (datetime.now(UTC) + skew).replace(microsecond=0)

    cluster = Skewed()
    cluster.put(NAMESPACE, {"metadata": {"name": "lab"}})
    before = datetime.now(UTC) + skew
    begin_anew(cluster, "lab")
    noted = dig(cluster.get(NAMESPACE, "lab"), "metadata.annotations", {})[RESET_AT]
    at = datetime.fromisoformat(noted)
    assert before - timedelta(milliseconds=1) <= at <= datetime.now(UTC) + skew
