"""What a check can use beside the API's objects: probes, values, servers in pods, time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from labgrader.errors import MissingCapability, TimedOut, Unreachable
from labgrader.grading import context as context_module
from labgrader.grading import temporary_objects as probe_module
from labgrader.grading.context import Context
from labgrader.grading.services import CheckServices, Probes, ValueHistory, Watched
from labgrader.grading.snapshot import Snapshot
from labgrader.grading.temporary_objects import MARK, TemporaryObject
from labgrader.kube.protocols import Answer
from labgrader.kube.resources import LEASE, Object, name_of
from tests.support.fake_cluster import FakeCluster
from tests.support.small_lab import THING


class Clocked(FakeCluster):
    """Stamps what it makes, as an API server does, and makes up names."""

    ahead = timedelta(0)

    def create(self, resource: Any, body: Object, namespace: str | None = None, **more: Any) -> Any:
        metadata = dict(body["metadata"])
        prefix = metadata.pop("generateName", None)
        if prefix:
            metadata["name"] = f"{prefix}{len(self.calls)}"
        stamp = (datetime.now(UTC) + self.ahead).replace(microsecond=0)
        metadata["creationTimestamp"] = stamp.isoformat().replace("+00:00", "Z")
        return super().create(resource, {**body, "metadata": metadata}, namespace, **more)

    def time(self, *, timeout: float = 5) -> datetime:
        return (super().time(timeout=timeout) + self.ahead).replace(microsecond=0)

    def list(self, resource: Any, namespace: str | None = None, **more: Any) -> Any:
        found = super().list(resource, namespace, **more) or []
        wanted = more.get("labels")
        return [o for o in found if not wanted or wanted in o["metadata"].get("labels", {})]


@pytest.fixture
def cluster() -> Clocked:
    return Clocked()


def context(cluster: FakeCluster, **services: Any) -> Context:
    deadline = time.monotonic() + 60
    return Context(Snapshot(cluster), "lab", deadline, services=CheckServices(**services))


def things(cluster: FakeCluster) -> list[str]:
    return [name_of(obj) for obj in cluster.list(THING, "lab") or []]


def test_a_probe_takes_away_what_it_made(cluster: Clocked) -> None:
    with context(cluster).temporary_object(THING) as probe:
        name = probe.create({"spec": {"a": 1}})
        assert things(cluster) == [name]
        assert probe.read(name) is not None
    assert things(cluster) == []


def test_a_probe_cleans_up_after_an_error_too(cluster: Clocked) -> None:
    def breaks() -> None:
        with context(cluster).temporary_object(THING) as probe:
            probe.create({})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        breaks()
    assert things(cluster) == []


def test_what_a_killed_run_left_is_removed_and_what_others_use_is_not(cluster: Clocked) -> None:
    now = int(time.time())
    for name, age in (("forgotten", 3600), ("in-use", 5)):
        labels = {MARK: str(now - age)}
        cluster.put(THING, {"metadata": {"name": name, "labels": labels}}, "lab")
    cluster.put(THING, {"metadata": {"name": "the-learners"}}, "lab")
    with context(cluster).temporary_object(THING):
        assert things(cluster) == ["in-use", "the-learners"]


def test_finalizers_that_nobody_serves_do_not_hold_a_probe(
    cluster: Clocked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_module, "RESERVE_SECONDS", 0.1)
    delete = cluster.delete

    def held(resource: Any, name: str, *rest: Any, **more: Any) -> bool:
        found = cluster.get(resource, name, "lab") or {}
        return not found.get("metadata", {}).get("finalizers") and delete(
            resource, name, *rest, **more
        )

    cluster.delete = held  # type: ignore[method-assign]
    with context(cluster).temporary_object(THING) as probe:
        name = probe.create({"metadata": {"finalizers": ["x.io/y"]}})
    found = cluster.get(THING, name, "lab")
    assert found is None or not found["metadata"].get("finalizers")


def test_a_run_that_is_given_up_removes_what_its_probes_made(cluster: Clocked) -> None:
    probes = Probes()
    probe = context(cluster, probes=probes).temporary_object(THING)
    probe.create({})
    probes.remove_all()
    assert things(cluster) == []
    with pytest.raises(TimedOut):
        probe.create({})


def test_what_is_being_created_when_a_run_is_given_up_is_removed_too(cluster: Clocked) -> None:
    """The object is there, its name is still on the way: that is when Ctrl-C came."""
    probes = Probes()
    probe = context(cluster, probes=probes).temporary_object(THING)
    create, stored, answer = cluster.create, threading.Event(), threading.Event()

    def slow(resource: Any, body: Object, *rest: Any, **more: Any) -> Object:
        made = create(resource, body, *rest, **more)
        if not more.get("dry_run"):
            stored.set()
            assert answer.wait(10)
        return made

    cluster.create = slow  # type: ignore[method-assign]
    making = threading.Thread(target=lambda: probe.create({}))
    making.start()
    assert stored.wait(10)
    threading.Timer(0.1, answer.set).start()
    probes.remove_all()
    making.join(10)
    assert things(cluster) == []


def test_waiting_ends_before_the_checks_time_does(cluster: Clocked) -> None:
    ctx = Context(Snapshot(cluster), "lab", time.monotonic() + 3.2)
    probe: TemporaryObject = ctx.temporary_object(THING)
    assert not probe.until(lambda: False, 60)
    assert ctx.remaining() > 2


def test_the_servers_clock_counts(cluster: Clocked) -> None:
    cluster.ahead = timedelta(hours=3)
    seen = context(cluster).server_time()
    assert abs(seen - datetime.now(UTC) - cluster.ahead) < timedelta(seconds=2)
    assert not cluster.list(THING, "lab")


BEAT = ("spec.renewTime", "spec.holderIdentity")


def renewed(cluster: FakeCluster, at: str, by: str = "me") -> None:
    spec = {"renewTime": at, "holderIdentity": by}
    cluster.put(LEASE, {"metadata": {"name": "l", "uid": "u"}, "spec": spec}, "lab")


def test_a_value_that_changes_while_one_looks_moves(
    cluster: Clocked, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed(cluster, "1")
    monkeypatch.setattr(context_module, "LOOK_PAUSE", 0)
    get: Callable[..., Any] = cluster.get

    def renewing(*args: Any, **more: Any) -> Any:
        renewed(cluster, str(len(cluster.calls)))
        return get(*args, **more)

    cluster.get = renewing  # type: ignore[method-assign]
    assert context(cluster).changes_within(LEASE, "l", *BEAT, 5) == Watched(True, ("me",))


def test_a_value_that_stays_does_not_move(cluster: Clocked) -> None:
    renewed(cluster, "1")
    assert not context(cluster).changes_within(LEASE, "l", *BEAT, 0).moved


def test_what_an_earlier_grading_saw_counts(cluster: Clocked) -> None:
    values = ValueHistory()
    renewed(cluster, "1")
    assert not context(cluster, values=values).changes_within(LEASE, "l", *BEAT, 0).moved
    renewed(cluster, "2")
    calls = len(cluster.calls)
    assert context(cluster, values=values).changes_within(LEASE, "l", *BEAT, 60).moved
    assert len(cluster.calls) == calls + 1


def test_what_another_holder_did_does_not_count(cluster: Clocked) -> None:
    kept, seen = CheckServices(), []
    for at, by in (("1", "a"), ("2", "a"), ("2", "b"), ("3", "b")):
        renewed(cluster, at, by)
        # It has no time to look on, so that only what was seen before can count.
        ctx = Context(Snapshot(cluster), "lab", time.monotonic() + 1, services=kept)
        seen.append(ctx.changes_within(LEASE, "l", *BEAT, 60).moved)
    assert seen == [False, True, False, True]


def test_a_holder_that_comes_back_has_renewed_nothing(
    cluster: Clocked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two write their names in turns; each finds a new time when its name is there again."""
    monkeypatch.setattr(context_module, "LOOK_PAUSE", 0)
    get: Callable[..., Any] = cluster.get

    def taking_turns(*args: Any, **more: Any) -> Any:
        turn = len(cluster.calls)
        renewed(cluster, str(turn), "ab"[turn % 2])
        return get(*args, **more)

    cluster.get = taking_turns  # type: ignore[method-assign]
    found = context(cluster).changes_within(LEASE, "l", *BEAT, 0.05)
    assert not found.moved
    assert set(found.by) == {"a", "b"}
    assert len(found.by) > 2


def test_a_holder_must_stay_where_that_is_asked_for(
    cluster: Clocked, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = ValueHistory()
    renewed(cluster, "1")
    context(cluster, values=values).changes_within(LEASE, "l", *BEAT, 0)
    renewed(cluster, "2")
    monkeypatch.setattr(context_module, "LOOK_PAUSE", 0.01)
    asked = len(cluster.calls)
    assert context(cluster, values=values).changes_within(LEASE, "l", *BEAT, 60, steady=0.05).moved
    assert len(cluster.calls) > asked + 1


def test_what_has_just_moved_need_not_move_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A grading right after another one need not wait for the next heartbeat."""
    values, began = ValueHistory(), time.monotonic()
    seen = []
    for after, value in ((0, "1"), (4, "2"), (5, "2"), (14, "2"), (15, "2")):
        monkeypatch.setattr(time, "monotonic", lambda now=began + after: now)
        seen.append(values.note("k", value, "me", 10))
    assert seen == [False, True, True, True, False]


def test_what_was_seen_long_ago_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    values = ValueHistory()
    assert not values.note("k", "1", "me", 10)
    later = time.monotonic() + 60
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert not values.note("k", "2", "me", 10)
    assert values.note("k", "3", "me", 10)


class Hanging:
    def http_get(self, path: str, *, timeout: float = 3) -> Answer:
        raise TimedOut("no answer")


def test_a_server_that_hangs_is_its_own_fault_where_the_api_answers(cluster: Clocked) -> None:
    answer = context(cluster, containers=Hanging()).http_get("pods", "p", 8081, "/healthz")
    assert answer.status is None
    assert "did not answer" in answer.body


def test_a_server_that_hangs_is_not_judged_where_the_api_hangs_too(cluster: Clocked) -> None:
    def dead(*, timeout: float = 5) -> Any:
        raise Unreachable("gone")

    cluster.version = dead  # type: ignore[method-assign]
    with pytest.raises(Unreachable):
        context(cluster, containers=Hanging()).http_get("pods", "p", 8081, "/healthz")


def test_without_containers_nothing_is_asked(cluster: Clocked) -> None:
    with pytest.raises(MissingCapability):
        context(cluster).http_get("pods", "p", 8081, "/healthz")
    with pytest.raises(MissingCapability):
        context(cluster).execute("p", "c", ["ls"])


def test_without_a_record_nothing_is_known(cluster: Clocked) -> None:
    assert context(cluster).audited_writes(THING) is None
