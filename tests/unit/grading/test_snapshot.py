"""What outlives a snapshot: reads until they change, dry-runs as long as what they rest on."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from labgrader.errors import Rejected, Unreachable
from labgrader.grading import snapshot as snapshot_module
from labgrader.grading.context import Context
from labgrader.grading.snapshot import ReadKey, Snapshot
from labgrader.kube.resources import (
    ADMISSION,
    CLUSTER_ROLE_BINDING,
    CRD,
    NAMESPACE,
    RESOURCE_QUOTA,
    Object,
    Resource,
    dig,
)
from tests.support.fake_cluster import FakeCluster
from tests.support.small_lab import THING

WEBHOOK, POLICY = ADMISSION[0], ADMISSION[2]
REVIEW = {"user": "system:serviceaccount:lab:a"}


@pytest.fixture
def cluster() -> FakeCluster:
    cluster = FakeCluster()
    cluster.put(CRD, named("things.example.io"))
    cluster.put(NAMESPACE, named("lab"))
    return cluster


@pytest.fixture(autouse=True)
def in_effect_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_module, "PROPAGATION_SECONDS", 0.0)


def named(name: str, **more: object) -> Object:
    return {"metadata": {"name": name}, **more}


def webhook(*groups: str) -> Object:
    return named("w", webhooks=[{"name": "w.io", "rules": [{"apiGroups": list(groups)}]}])


def context(snapshot: Snapshot) -> Context:
    return Context(snapshot, "lab", time.monotonic() + 60)


def ask(snapshot: Snapshot) -> None:
    """Ask everything that can be asked."""
    ctx = context(snapshot)
    ctx.dry_run_create(THING, named("probe"), "lab")
    ctx.dry_run_patch(THING, "a", {"spec": {}}, "lab")
    ctx.access_review(REVIEW)


def asked(cluster: FakeCluster, snapshot: Snapshot) -> list[str]:
    """Return the verbs of what had to be asked again."""
    before = len(cluster.calls)
    ask(snapshot)
    return [verb for verb, *_ in cluster.calls[before:] if verb in ("create", "patch")]


def first(cluster: FakeCluster) -> Snapshot:
    cluster.put(THING, named("a"), "lab")
    snapshot = Snapshot(cluster, lasting=True)
    ask(snapshot)
    return snapshot


def test_what_rests_on_nothing_new_is_not_asked_again(cluster: FakeCluster) -> None:
    assert asked(cluster, first(cluster).refreshed()) == []


@pytest.mark.parametrize(
    ("resource", "changed", "namespace", "again"),
    [
        (CRD, named("things.example.io"), None, ["create", "patch"]),
        (NAMESPACE, named("lab"), None, ["create", "patch"]),
        (WEBHOOK, webhook("other.io"), None, ["create", "patch"]),
        (POLICY, named("p"), None, ["create", "patch"]),
        (RESOURCE_QUOTA, named("q"), "lab", ["create", "patch"]),
        (THING, named("a"), "lab", ["patch"]),
        (CLUSTER_ROLE_BINDING, named("b"), None, ["create"]),
    ],
)
def test_a_change_has_asked_again_what_rests_on_it(
    cluster: FakeCluster, resource: Resource, changed: Object, namespace: str, again: list[str]
) -> None:
    snapshot = first(cluster)
    cluster.put(resource, changed, namespace)
    assert asked(cluster, snapshot.refreshed()) == again


def test_a_change_that_was_seen_by_a_watch_does_as_well(cluster: FakeCluster) -> None:
    snapshot = first(cluster)
    assert asked(cluster, snapshot.invalidated({ReadKey(WEBHOOK)})) == ["create", "patch"]


def test_what_a_webhook_decides_is_asked_each_time(cluster: FakeCluster) -> None:
    cluster.put(WEBHOOK, webhook("example.io"))
    assert asked(cluster, first(cluster).refreshed()) == ["create", "patch"]


def test_what_a_policy_decides_by_its_parameters_is_asked_each_time(cluster: FakeCluster) -> None:
    cluster.put(POLICY, named("p", spec={"paramKind": {"kind": "ConfigMap"}}))
    assert asked(cluster, first(cluster).refreshed()) == ["create", "patch"]


def test_what_was_asked_just_after_a_change_is_asked_again(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_module, "PROPAGATION_SECONDS", 3600.0)
    assert len(asked(cluster, first(cluster).refreshed())) == 3


def test_where_the_premises_may_not_be_read_everything_is_asked(cluster: FakeCluster) -> None:
    cluster.fault = lambda verb, plural: (
        Unreachable("gone") if verb == "list" and plural != THING.plural else None
    )
    assert len(asked(cluster, first(cluster).refreshed())) == 3


def test_a_refusal_lasts_and_an_outage_does_not(cluster: FakeCluster) -> None:
    snapshot = Snapshot(cluster, lasting=True)
    for error in (Rejected("no", status=422), Unreachable("gone")):
        cluster.fault = lambda verb, plural, e=error: e if verb == "create" else None
        with pytest.raises(type(error)):
            context(snapshot).dry_run_create(THING, named(type(error).__name__), "lab")
    cluster.fault = lambda verb, plural: None
    renewed = context(snapshot.refreshed())
    with pytest.raises(Rejected):
        renewed.dry_run_create(THING, named("Rejected"), "lab")
    assert renewed.dry_run_create(THING, named("Unreachable"), "lab")


def test_a_dry_run_returns_its_refusal_and_lasts_as_what_it_depends_on(
    cluster: FakeCluster,
) -> None:
    also = ReadKey(Resource("", "v1", "limitranges", "LimitRange"), "lab")
    cluster.fault = lambda verb, plural: Rejected("no", status=403) if verb == "create" else None
    before = context(Snapshot(cluster, lasting=True))
    answer = before.dry_run(THING, named("asked"), "lab", depends_on=[also])
    assert answer.stored is None
    assert answer.refusal is not None
    assert also in before.read_keys


def test_a_single_grading_reads_no_premises(cluster: FakeCluster) -> None:
    cluster.put(THING, named("a"), "lab")
    ask(Snapshot(cluster))
    assert {verb for verb, *_ in cluster.calls} == {"create", "patch"}


def names_of(objects: Sequence[Object]) -> tuple[str, ...]:
    DERIVED.append(len(objects))
    return tuple(dig(one, "metadata.name") for one in objects)


DERIVED: list[int] = []


def test_what_is_worked_out_from_a_collection_holds_as_long_as_it_does(
    cluster: FakeCluster,
) -> None:
    DERIVED.clear()
    cluster.put(THING, named("a"), "lab")
    snapshot = Snapshot(cluster)
    first, second = context(snapshot), context(snapshot)
    assert first.computed(THING, names_of) == second.computed(THING, names_of) == ("a",)
    assert ReadKey(THING) in second.read_keys
    assert context(snapshot.invalidated(set())).computed(THING, names_of) == ("a",)
    assert context(snapshot.refreshed()).computed(THING, names_of) == ("a",)
    assert DERIVED == [1]
    cluster.put(THING, named("b"), "lab")
    assert context(snapshot).computed(THING, names_of) == ("a",), "a snapshot is one view"
    assert context(snapshot.refreshed()).computed(THING, names_of) == ("a", "b")
    snapshot.forget([ReadKey(THING)])
    assert context(snapshot).computed(THING, names_of) == ("a", "b")
    assert DERIVED == [1, 2, 2]


def test_a_read_that_fails_when_renewed_is_left_to_whoever_wants_it(cluster: FakeCluster) -> None:
    snapshot = Snapshot(cluster)
    cluster.put(THING, named("a"), "lab")
    context(snapshot).get(THING, "a", "lab")
    cluster.fault = lambda verb, plural: Unreachable("gone")
    renewed = snapshot.refreshed()
    cluster.fault = lambda verb, plural: None
    assert context(renewed).get(THING, "a", "lab") is not None


def test_what_a_collection_shows_is_not_read_once_more(cluster: FakeCluster) -> None:
    cluster.put(THING, named("a", spec=1), "lab")
    snapshot = Snapshot(cluster, lasting=True)

    def look() -> list[object]:
        ctx = context(snapshot)
        ctx.list(THING, "lab")
        return [ctx.get(THING, "a", "lab"), ctx.get(THING, "none", "lab"), ctx.get(CRD, "x")]

    look()
    cluster.put(THING, named("a", spec=2), "lab")
    cluster.calls.clear()
    snapshot = snapshot.refreshed()
    found, none, _ = look()
    assert [call[:2] for call in cluster.calls] == [("list", "things"), ("get", CRD.plural)]
    assert found is not None
    assert {key: found[key] for key in ("kind", "apiVersion", "spec")} == {
        "kind": "Thing",
        "apiVersion": "example.io/v1",
        "spec": 2,
    }
    assert none is None
    cluster.delete(THING, "a", "lab")
    snapshot = snapshot.refreshed()
    assert look()[0] is None


def test_a_collection_of_all_namespaces_does_not_mix_them_up(cluster: FakeCluster) -> None:
    cluster.put(THING, {"metadata": {"name": "a", "namespace": "other"}}, "other")
    snapshot = Snapshot(cluster, lasting=True)
    for _ in range(2):
        ctx = context(snapshot)
        assert ctx.list(THING)
        assert ctx.get(THING, "a", "lab") is None
        assert ctx.get(THING, "a", "other")
        snapshot = snapshot.refreshed()


def test_where_the_collection_cannot_be_read_the_object_is(cluster: FakeCluster) -> None:
    cluster.put(THING, named("a"), "lab")
    snapshot = Snapshot(cluster, lasting=True)
    context(snapshot).list(THING, "lab")
    context(snapshot).get(THING, "a", "lab")
    cluster.fault = lambda verb, plural: Unreachable("no") if verb == "list" else None
    assert context(snapshot.refreshed()).get(THING, "a", "lab")


def test_an_older_collection_says_nothing_about_an_object_that_has_changed(
    cluster: FakeCluster,
) -> None:
    """The two have watches of their own: one may know what the other does not know yet."""
    snapshot = Snapshot(cluster, lasting=True)
    assert context(snapshot).list(THING, "lab") == []
    assert context(snapshot).get(THING, "a", "lab") is None
    cluster.put(THING, named("a"), "lab")
    snapshot = snapshot.invalidated({ReadKey(THING, "lab", "a")})
    assert context(snapshot).get(THING, "a", "lab")
