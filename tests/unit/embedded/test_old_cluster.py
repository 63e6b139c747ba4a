"""A cluster of the same name that another version of labgrader, or a crash, has left behind."""

from __future__ import annotations

import json
import os

import pytest

from labgrader.cluster.embedded import processes
from labgrader.cluster.embedded.layout import ClusterLayout
from labgrader.cluster.embedded.provider import EmbeddedProvider
from labgrader.cluster.embedded.setup import stored_port
from labgrader.cluster.embedded.start import Starter
from labgrader.cluster.provider import silent

RUNNING = {"state": "running", "adopted": True, "supervisor": os.getpid()}


@pytest.fixture
def layout():
    made = ClusterLayout.of("default")
    made.run.mkdir(parents=True)
    made.status.write_text(json.dumps(RUNNING))
    return made


@pytest.mark.parametrize(
    ("facts", "port"),
    [
        ({"port": 45000}, 45000),
        ({"version": 0}, None),
        ({"port": "45000"}, None),
        ({"port": 0}, None),
        ({"port": 70000}, None),
    ],
)
def test_a_running_cluster_is_taken_over_only_where_its_port_is_known(
    layout, monkeypatch, facts, port
):
    monkeypatch.setattr(processes, "supervisor", lambda layout: object())
    layout.facts.write_text(json.dumps(facts))
    assert stored_port(layout) == port
    assert Starter(layout, silent)._adopted() is (port is not None)


def test_a_dead_cluster_is_not_taken_for_a_running_one(layout):
    """The pid in its status file is another program's now: that of these tests."""
    layout.facts.write_text(json.dumps({"port": 45000}))
    assert not Starter(layout, silent)._adopted()
    status = EmbeddedProvider().status()
    assert status.state == "stopped"
    assert "its supervisor was killed" in status.note
