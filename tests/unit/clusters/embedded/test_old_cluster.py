"""A cluster of the same name that another version of labgrader, or a crash, has left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from labgrader.clusters.embedded import processes
from labgrader.clusters.embedded.layout import CLUSTER_VARIABLE, ClusterLayout
from labgrader.clusters.embedded.provider import EmbeddedProvider
from labgrader.clusters.embedded.setup import stored_port
from labgrader.clusters.embedded.start import Starter
from labgrader.clusters.provider import silent

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


@pytest.mark.parametrize("module", [processes.SUPERVISOR, "labgrader.cluster.embedded.supervisor"])
def test_a_supervisor_of_an_older_version_is_found(layout, module):
    """Version 0.1 ran a module of another name; its clusters are still there after an upgrade."""
    waits = "import sys; print('up', flush=True); sys.stdin.read()"
    program = subprocess.Popen(
        [sys.executable, "-c", waits, module, str(layout.root)],
        env={**os.environ, CLUSTER_VARIABLE: str(layout.root)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with program:
        assert program.stdout.readline() == b"up\n"
        found = processes.supervisor(layout)
        assert found is not None
        assert found.pid == program.pid
        program.stdin.close()
