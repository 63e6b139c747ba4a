"""Live grading: a change re-judges what it concerns, and nothing else."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from labgrader.api import fact
from labgrader.errors import Forbidden, Unreachable
from labgrader.grading import change_feed as watches_module
from labgrader.grading import live as live_module
from labgrader.grading.events import CheckFinished, RunFinished
from labgrader.grading.live import Live, Retries
from labgrader.grading.temporary_objects import PREFIX
from labgrader.kube.resources import CRD, LEASE, dig
from labgrader.model.result import Outcome, Report
from tests.support.fake_cluster import FakeCluster
from tests.support.small_lab import OTHER, THING, SmallLab, info

PATIENCE = 20.0
"""Seconds after which a test gives up; no test waits that long when all is well."""


class Session:
    """Runs a ``Live`` in a thread and hands out its reports one by one."""

    def __init__(self, lab: SmallLab, cluster: FakeCluster) -> None:
        self.reports: queue.Queue[Report] = queue.Queue()
        self.links: queue.Queue[Any] = queue.Queue()
        self.changes: list[str] = []
        self.judged: list[str] = []
        self.live = Live(
            lab.runner(),
            cluster,
            lab.criteria,
            info,
            self._hear,
            on_link=self.links.put,
            on_change=lambda change: self.changes.append(change.text),
        )
        self.thread = threading.Thread(target=self.live.run, daemon=True)
        self.thread.start()

    def _hear(self, event: Any) -> None:
        if isinstance(event, CheckFinished):
            self.judged.append(event.result.id)
        if isinstance(event, RunFinished):
            self.reports.put(event.report)

    def outcomes(self) -> dict[str, Outcome]:
        report = self.reports.get(timeout=PATIENCE)
        return {check.id: check.outcome for check in report.checks}

    def until(self, **wanted: Outcome) -> None:
        """Wait for a report in which these outcomes stand."""
        while wanted.items() - (self.outcomes()).items():
            pass


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def session(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setattr(watches_module, "RETRY_SECONDS", 0.01)

    def thing(ctx):
        yield fact("thing", ctx.get(THING, "a", "lab") is not None, reason="no thing")

    def other(ctx):
        yield fact("other", bool(ctx.list(OTHER, "lab")), reason="no other")

    def after(ctx):
        yield fact("after", True)

    lab = SmallLab()
    lab.add(thing)
    lab.add(other)
    lab.add(after, needs=("thing",))
    started = Session(lab, cluster)
    yield started
    started.live.close()
    cluster.break_watches(None)
    started.thread.join(PATIENCE)
    assert not started.thread.is_alive()


def test_a_change_turns_a_check_green_and_frees_its_dependents(
    session: Session, cluster: FakeCluster
) -> None:
    assert session.outcomes()["after"] is Outcome.BLOCKED
    session.judged.clear()
    cluster.put(THING, {"metadata": {"name": "a"}}, "lab")
    session.until(thing=Outcome.PASSED, after=Outcome.PASSED)
    assert "other" not in session.judged
    assert any("a" in text for text in session.changes)


def test_deletion_turns_it_red_again(session: Session, cluster: FakeCluster) -> None:
    cluster.put(OTHER, {"metadata": {"name": "x"}}, "lab")
    session.until(other=Outcome.PASSED)
    cluster.delete(OTHER, "x", "lab")
    session.until(other=Outcome.FAILED)


def test_what_changed_while_a_watch_was_down_is_found(
    session: Session, cluster: FakeCluster
) -> None:
    session.outcomes()
    cluster.fault = lambda verb, plural: Unreachable("gone") if verb == "watch" else None
    cluster.break_watches(Unreachable("gone"))
    assert isinstance(session.links.get(timeout=PATIENCE), Unreachable)
    cluster.put(THING, {"metadata": {"name": "a"}}, "lab")
    cluster.fault = lambda verb, plural: None
    assert session.links.get(timeout=PATIENCE) is None
    session.until(thing=Outcome.PASSED)


def test_a_type_that_appears_later_is_seen(cluster: FakeCluster, session: Session) -> None:
    session.outcomes()
    cluster.served = {"things"}
    cluster.break_watches(None)
    cluster.served = {"things", "others"}
    cluster.put(OTHER, {"metadata": {"name": "x"}}, "lab")
    session.until(other=Outcome.PASSED)


def test_errors_are_tried_again_without_a_change(
    monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster
) -> None:
    monkeypatch.setattr(watches_module, "RETRY_SECONDS", 0.01)

    def thing(ctx):
        yield fact("thing", ctx.get(THING, "a", "lab") is None)

    lab = SmallLab()
    lab.add(thing)
    cluster.fault = lambda verb, plural: Unreachable("gone")
    session = Session(lab, cluster)
    assert session.outcomes()["thing"] is Outcome.ERROR
    cluster.fault = lambda verb, plural: None
    session.until(thing=Outcome.PASSED)
    session.live.close()
    cluster.break_watches(None)
    session.thread.join(PATIENCE)
    assert not session.thread.is_alive()


def test_what_may_not_be_watched_is_looked_at_now_and_then(
    monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster
) -> None:
    monkeypatch.setattr(watches_module, "POLL_SECONDS", 0.01)

    def thing(ctx):
        yield fact("thing", ctx.get(THING, "a", "lab") is not None, reason="no thing")

    lab = SmallLab()
    lab.add(thing)
    cluster.fault = lambda verb, plural: Forbidden("no") if verb == "watch" else None
    session = Session(lab, cluster)
    assert session.outcomes()["thing"] is Outcome.FAILED
    cluster.put(THING, {"metadata": {"name": "a"}}, "lab")
    session.until(thing=Outcome.PASSED)
    assert session.links.empty(), "the cluster is not lost"
    session.live.close()
    session.thread.join(PATIENCE)
    assert not session.thread.is_alive()


def test_a_change_that_takes_effect_late_is_judged_again(
    monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster
) -> None:
    """The definition changes at once, what it brings about only after that judgement."""
    monkeypatch.setattr(live_module, "SETTLE_SECONDS", 0.001)  # or the echo joins its change
    monkeypatch.setattr(live_module, "ECHO_SECONDS", 0.1)
    in_force = threading.Event()
    seen = threading.Event()

    def rule(ctx):
        if ctx.get(CRD, "x") is not None:
            seen.set()
        yield fact("rule", in_force.is_set(), reason="not in force")

    lab = SmallLab()
    lab.add(rule)
    session = Session(lab, cluster)
    session.outcomes()
    cluster.put(CRD, {"metadata": {"name": "x"}})
    assert seen.wait(PATIENCE)
    in_force.set()
    session.until(rule=Outcome.PASSED)
    assert len(session.changes) == 1
    session.live.close()
    cluster.break_watches(None)
    session.thread.join(PATIENCE)
    assert not session.thread.is_alive()


def test_what_never_stops_changing_is_judged_all_the_same(
    session: Session, cluster: FakeCluster
) -> None:
    session.outcomes()
    stop = threading.Event()

    def fight() -> None:
        number = 0
        while not stop.wait(0.002):
            number += 1
            cluster.put(THING, {"metadata": {"name": "a"}, "spec": number}, "lab")

    fighter = threading.Thread(target=fight)
    fighter.start()
    try:
        session.until(thing=Outcome.PASSED)
    finally:
        stop.set()
        fighter.join()


def test_a_refresh_reads_and_judges_everything_again(
    session: Session, cluster: FakeCluster
) -> None:
    session.outcomes()
    session.judged.clear()
    before = len(cluster.calls)
    session.live.refresh()
    session.outcomes()
    assert {"thing", "other"} <= set(session.judged)
    read = {(verb, plural) for verb, plural, *_ in cluster.calls[before:]}
    assert {("get", THING.plural), ("list", OTHER.plural)} <= read


def test_a_lease_that_is_renewed_is_no_news_once_its_check_has_passed(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(ctx):
        lease = ctx.get(LEASE, "leader", "lab")
        yield fact("held", dig(lease, "spec.holderIdentity", "") != "", reason="nobody")

    def beat(holder: str, at: int) -> None:
        spec = {"holderIdentity": holder, "renewTime": str(at), "leaseTransitions": 0}
        cluster.put(LEASE, {"metadata": {"name": "leader", "uid": "u"}, "spec": spec}, "lab")

    lab = SmallLab()
    lab.add(held)
    beat("", 0)
    session = Session(lab, cluster)
    session.until(held=Outcome.FAILED)
    beat("pod-a", 1)
    session.until(held=Outcome.PASSED)
    changes, judged = len(session.changes), len(session.judged)
    for at in range(4, 9):
        beat("pod-a", at)
    beat("pod-b", 9)  # this is news, and comes after the beats
    while not any(True for _ in session.changes[changes:]):
        session.outcomes()
    assert len(session.changes) == changes + 1
    assert len(session.judged) <= judged + 2
    session.live.close()
    cluster.break_watches(None)
    session.thread.join(PATIENCE)


def test_what_a_probe_makes_is_no_news(session: Session, cluster: FakeCluster) -> None:
    session.outcomes()
    session.judged.clear()
    cluster.put(OTHER, {"metadata": {"name": f"{PREFIX}x7-deployment"}}, "lab")
    cluster.put(THING, {"metadata": {"name": "a"}}, "lab")
    session.until(thing=Outcome.PASSED)
    assert "other" not in session.judged
    assert not any(PREFIX in text for text in session.changes)


def test_a_check_that_writes_is_judged_again_only_for_what_it_reads(cluster: FakeCluster) -> None:
    def needed(ctx):
        yield fact("needed", ctx.list(OTHER, "lab") is not None)

    def writing(ctx):
        yield fact("writing", ctx.get(THING, "a", "lab") is None)

    lab = SmallLab()
    lab.add(needed)
    lab.add(writing, needs=("needed",), capabilities=("writes",))
    lab.capabilities = lambda snapshot: frozenset({"writes"})
    session = Session(lab, cluster)
    session.until(needed=Outcome.PASSED, writing=Outcome.PASSED)
    session.judged.clear()
    cluster.put(OTHER, {"metadata": {"name": "x"}}, "lab")
    session.outcomes()
    assert session.judged == ["needed"]
    cluster.put(THING, {"metadata": {"name": "a"}}, "lab")
    session.until(writing=Outcome.FAILED)
    session.live.close()
    cluster.break_watches(None)
    session.thread.join(PATIENCE)


def test_what_was_kept_falls_with_what_it_needs(cluster: FakeCluster) -> None:
    """And what needs it in turn, all in the report that says so; it is judged when it may be."""

    def needed(ctx):
        yield fact("needed", not ctx.list(OTHER, "lab"), reason="something is there")

    def writing(ctx):
        yield fact("writing", True)

    def after(ctx):
        yield fact("after", True)

    lab = SmallLab()
    lab.add(needed)
    lab.add(writing, needs=("needed",), capabilities=("writes",))
    lab.add(after, needs=("writing",))
    lab.capabilities = lambda snapshot: frozenset({"writes"})
    session = Session(lab, cluster)
    session.until(writing=Outcome.PASSED, after=Outcome.PASSED)
    session.judged.clear()
    cluster.put(OTHER, {"metadata": {"name": "x"}}, "lab")
    fallen = session.outcomes()
    assert fallen == {
        "needed": Outcome.FAILED,
        "writing": Outcome.BLOCKED,
        "after": Outcome.BLOCKED,
    }
    assert session.judged == ["needed", "writing", "after"]
    cluster.delete(OTHER, "x", "lab")
    session.until(needed=Outcome.PASSED, writing=Outcome.PASSED, after=Outcome.PASSED)
    session.live.close()
    cluster.break_watches(None)
    session.thread.join(PATIENCE)


def test_what_cannot_be_judged_is_tried_less_and_less_often() -> None:
    lab = SmallLab()

    def gone(ctx):
        raise Unreachable("gone")

    def here(ctx):
        yield fact("here", True)

    lab.add(gone)
    report = lab.report(FakeCluster())
    retries = Retries()
    assert [retries.pause(report) for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    retries.reset()
    assert retries.pause(report) == 1
    well = SmallLab()
    well.add(here)
    assert retries.pause(well.report(FakeCluster())) is None
    assert retries.pause(report) == 1, "it was well meanwhile"


def test_what_lacks_a_capability_is_tried_seldom() -> None:
    def needy(ctx):
        yield fact("needy", True)

    lab = SmallLab()
    lab.add(needy, capabilities=("containers",))
    report = lab.report(FakeCluster())
    retries = Retries()
    assert [retries.pause(report) for _ in range(3)] == [10, 10, 10]

    def gone(ctx):
        raise Unreachable("gone")

    lab.add(gone)
    assert retries.pause(lab.report(FakeCluster())) == 1


def test_a_change_and_a_refresh_shorten_the_pause(
    session: Session, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    resets: queue.Queue[None] = queue.Queue()
    session.outcomes()
    monkeypatch.setattr(session.live._retries, "reset", lambda: resets.put(None))
    cluster.put(THING, {"metadata": {"name": "a"}}, "lab")
    resets.get(timeout=PATIENCE)
    session.until(thing=Outcome.PASSED)
    while not resets.empty():
        resets.get()
    session.live.refresh()
    resets.get(timeout=PATIENCE)


def test_when_the_cluster_answers_again_what_was_unsure_is_tried_at_once(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watches_module, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(live_module, "FIRST_RETRY_SECONDS", 1000.0)
    monkeypatch.setattr(live_module, "LAST_RETRY_SECONDS", 1000.0)

    def thing(ctx):
        yield fact("thing", ctx.get(THING, "a", "lab") is None)

    lab = SmallLab()
    lab.add(thing)
    cluster.fault = lambda verb, plural: Unreachable("gone")
    session = Session(lab, cluster)
    assert session.outcomes()["thing"] is Outcome.ERROR
    assert session.links.get(timeout=PATIENCE) is not None
    cluster.fault = lambda verb, plural: None
    session.until(thing=Outcome.PASSED)
    session.live.close()
    cluster.break_watches(None)
    session.thread.join(PATIENCE)


def test_a_lease_that_falls_silent_is_news(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watches_module, "SKEW_SECONDS", -0.9)
    silent = threading.Event()

    def held(ctx):
        ctx.get(LEASE, "leader", "lab")
        yield fact("held", not silent.is_set(), reason="nobody renews it")

    spec = {"holderIdentity": "pod-a", "leaseDurationSeconds": 1, "leaseTransitions": 0}
    cluster.put(LEASE, {"metadata": {"name": "leader", "uid": "u"}, "spec": spec}, "lab")
    lab = SmallLab()
    lab.add(held)
    session = Session(lab, cluster)
    session.until(held=Outcome.PASSED)
    silent.set()
    session.until(held=Outcome.FAILED)
    assert any("not renewed" in text for text in session.changes)
    session.live.close()
    cluster.break_watches(None)
    session.thread.join(PATIENCE)
