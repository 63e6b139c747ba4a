"""What version 0.1 left is still there after an upgrade: its sessions, and its cluster."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from labgrader.clusters import listing
from labgrader.clusters.embedded import audit_log
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.embedded.provider import EmbeddedProvider
from labgrader.content.installed_labs import usable_labs
from labgrader.kube.resources import LEASE, POD, Resource
from labgrader.learning.sessions.sessions import Sessions
from labgrader.paths import STATE_VARIABLE
from tests.support import state_of_0_1
from tests.support.state_of_0_1 import ASKED, LAB, SESSION

pytestmark = [pytest.mark.cluster]

ALGORITHM = Resource("fintech.io", "v1", "tradingalgorithms", "TradingAlgorithm")


@pytest.fixture
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path_factory.mktemp("old")
    monkeypatch.setenv(STATE_VARIABLE, str(root))
    state_of_0_1.make(root)
    return root


def rows(state: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(state / "sessions.sqlite3")
    found = [
        *connection.execute("SELECT * FROM events ORDER BY id"),
        *connection.execute("SELECT * FROM answers ORDER BY id"),
    ]
    connection.close()
    return found


def test_sessions_and_answers_belong_to_their_recorded_lab(state: Path) -> None:
    before = rows(state)
    all_sessions = Sessions()
    own = all_sessions.of(LAB).open_one()
    assert own is not None
    assert (own.name, own.state) == (SESSION, "paused")
    assert all_sessions.of("team-onboarding").open_one() is None
    assert [one.question for one in all_sessions.store.answers(LAB)] == [ASKED]
    assert all_sessions.store.answers("team-onboarding") == []
    all_sessions.start("new", "team-onboarding", "labgrader-default")
    assert all_sessions.record(SESSION).state == "paused"
    assert [row for row in rows(state) if row in before] == before  # nothing is rewritten


def test_its_cluster_is_listed_started_and_stopped_and_records_what_labs_need(state: Path) -> None:
    layout = ClusterLayout.of("default")
    [found] = listing.clusters()
    assert (found.name, found.state) == ("default", "stopped")
    kept = {
        resource.plural: audit_log.keeps(layout.audit_policy, resource, "trading-platform")
        for resource in (ALGORITHM, POD, LEASE)
    }
    assert kept == {"tradingalgorithms": True, "pods": True, "leases": False}
    labs = [one.manifest for one in usable_labs()]
    assert any(audit_log.unrecorded(layout.audit_policy, one) for one in labs)
    provider = EmbeddedProvider()
    try:
        assert provider.up().state == "running"
        assert not any(audit_log.unrecorded(layout.audit_policy, one) for one in labs)
        assert audit_log.keeps(layout.audit_policy, LEASE, "trading-platform")
        provider.down()
        assert provider.status().state == "stopped"
    finally:
        provider.down(purge=True)
