"""Nothing of a cluster with a real node is left on this machine, however it ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import psutil
import pytest

from labgrader.clusters.embedded import processes
from labgrader.clusters.embedded.nodes import cgroups, prepare
from labgrader.errors import ProviderError
from labgrader.paths import STATE_VARIABLE
from tests.support.real_nodes import Detective, claim, pod, wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.nodes]


def _busy(lab) -> None:
    """Give the node something that could be left behind."""
    lab.apply(claim("data"), pod("busy", "busybox:1.35", "sleep", "1000", mounts={"data": "/data"}))
    lab.wait("pod/busy", "condition=Ready")


def test_down_leaves_nothing_and_up_resumes_with_all_data(make_real_lab):
    lab = make_real_lab()
    layout = lab.provider.layout
    detective = Detective(lab)
    before = detective.look()
    lab.provider.up()
    detective.remember(lab.init())
    _busy(lab)
    writes = ("sh", "-c", "id -u > /data/kept")
    lab.kubectl("delete", "pod", "busy", "--now")
    user = {"runAsNonRoot": True, "runAsUser": 65532}
    writer = pod("writes", "busybox:1.35", *writes, mounts={"data": "/data"}, securityContext=user)
    lab.run_to_end(writer)
    during = detective.look()
    assert during.groups
    assert len(during.processes) > 10
    assert during.mounts == before.mounts
    assert during.links == before.links
    assert during.tables == before.tables
    assert during.folders == before.folders
    assert during.settings == before.settings

    lab.provider.down()
    assert detective.look() == before
    assert not list(layout.run.iterdir())
    assert lab.provider.status().state == "stopped"

    status = lab.provider.up()
    assert (status.state, status.nodes) == ("running", "real")
    reader = pod("reads", "busybox:1.35", "cat", "/data/kept", mounts={"data": "/data"})
    assert lab.run_to_end(reader) == "65532\n"
    lab.kubectl("delete", "pvc", "data")
    wait_until(lambda: not list(layout.volumes.iterdir()))

    lab.provider.down(purge=True)
    assert detective.look() == before
    assert not layout.root.exists()


def test_killed_parts_are_started_again_and_pods_go_on(make_real_lab):
    lab = make_real_lab()
    detective = Detective(lab)
    before = detective.look()
    lab.provider.up()
    detective.remember(lab.init())
    _busy(lab)
    for name in (
        "containerd",
        "kubelet",
        "kube-proxy",
        "door",
        "volumes",
        "etcd",
        "kube-apiserver",
    ):
        old = lab.pid(name)
        psutil.Process(old).kill()

        def again(name: str = name, old: int = old) -> bool:
            part = next(c for c in lab.provider.status().components if c.name == name)
            return part.state == "running" and part.pid not in (None, old) and part.restarts == 1

        wait_until(again)
    wait_until(lambda: lab.provider.status().state == "running")
    lab.wait("node/lab-node-1", "condition=Ready")
    found = lab.get("pod", "busy")["status"]["containerStatuses"][0]
    assert (found["ready"], found["restartCount"]) == (True, 0), "containers outlive the runtime"
    assert lab.run_to_end(pod("next", "busybox:1.35", "echo", "on")) == "on\n"
    lab.provider.down()
    assert detective.look() == before


def test_a_killed_init_ends_everything_and_up_resumes(make_real_lab):
    lab = make_real_lab()
    layout = lab.provider.layout
    detective = Detective(lab)
    before = detective.look()
    lab.provider.up()
    detective.remember(lab.init())
    _busy(lab)
    lab.init().kill()
    wait_until(lambda: detective.look() == before, 15)
    status = lab.provider.status()
    assert status.state == "stopped"
    assert "killed" in status.note
    assert lab.provider.up().state == "running"
    detective.remember(lab.init())
    lab.wait("pod/busy", "jsonpath={.status.phase}=Failed")

    # Whoever cleans up may be killed as well; then it is done by the next `up` or `down`.
    for process in processes.of_cluster(layout):
        if process.pid != lab.init().pid and processes.inner_pid(process.pid) == process.pid:
            process.kill()
    lab.init().kill()
    wait_until(lambda: not processes.of_cluster(layout))
    assert detective.look().groups
    lab.provider.down()
    wait_until(lambda: detective.look() == before, 15)  # what was killed with its init is dying


def test_two_clusters_side_by_side_do_not_meet(make_real_lab, real_lab):
    lab = make_real_lab("neighbour")
    detective = Detective(lab)
    before = detective.look()
    lab.provider.up()
    detective.remember(lab.init())
    _busy(lab)
    assert [p["metadata"]["name"] for p in lab.get("pods")["items"]] == ["busy"]
    assert "busy" not in {p["metadata"]["name"] for p in real_lab.get("pods")["items"]}
    assert cgroups.group_of(lab.provider.layout.root) != cgroups.group_of(
        real_lab.provider.layout.root
    )
    lab.init().kill()
    wait_until(lambda: detective.look() == before, 15)
    assert real_lab.provider.status().state == "running"
    assert real_lab.run_to_end(pod("alive", "busybox:1.35", "echo", "here")) == "here\n"


def test_a_taken_port_a_long_path_and_sudo(make_real_lab, monkeypatch):
    monkeypatch.setenv("SUDO_UID", "65534")
    monkeypatch.setenv("SUDO_GID", "65534")
    lab = make_real_lab(below="d" * 100)
    first = lab.provider.up().server
    root = lab.provider.layout.root
    for path in (root, root / "kubeconfig", root / "cluster.json", root / "run/status.json"):
        assert path.stat().st_uid == 65534, path
    assert {p.stat().st_uid for p in (root / "logs").iterdir()} == {65534}
    assert (root / "node").stat().st_uid == 0
    lab.provider.down()
    with socket.create_server(("127.0.0.1", int(first.rpartition(":")[2]))):
        second = lab.provider.up().server
        assert second != first
        assert lab.get("node", "lab-node-1")


_UP = """
import sys
from labgrader.clusters.embedded.provider import EmbeddedProvider
EmbeddedProvider("own", nodes="real").up(lambda c, m: print(c, m, flush=True))
"""


def test_kill_minus_nine_of_up_ends_what_it_started(make_real_lab):
    lab = make_real_lab()
    detective = Detective(lab)
    before = detective.look()
    environment = {**os.environ, STATE_VARIABLE: str(lab.provider.layout.root.parent.parent)}
    for moment in ("starting on", "API is ready", "is Ready"):
        with subprocess.Popen(
            [sys.executable, "-c", _UP], env=environment, stdout=subprocess.PIPE, text=True
        ) as up:
            assert up.stdout
            assert any(moment in line for line in up.stdout)
            up.kill()
        wait_until(lambda: detective.look() == before, 20)
    assert lab.provider.up().state == "running"


def test_namespaces_that_cannot_be_made_are_one_line_and_leave_nothing(make_real_lab, monkeypatch):
    lab = make_real_lab()
    detective = Detective(lab)
    before = detective.look()
    monkeypatch.setattr(prepare, "NODE_ADDRESS", "nonsense")
    with pytest.raises(ProviderError, match=r"The supervisor ended: .*nonsense") as error:
        lab.provider.up()
    assert "supervisor.log" in error.value.next_step
    assert detective.look() == before
    assert {path.name for path in lab.provider.layout.root.iterdir()} == {"logs"}


def test_a_second_up_finds_the_same_cluster(real_lab):
    before = real_lab.init()
    said: list[str] = []
    assert real_lab.provider.up(lambda c, m: said.append(m)).state == "running"
    assert real_lab.init() == before
    assert not any("starting" in line for line in said)
