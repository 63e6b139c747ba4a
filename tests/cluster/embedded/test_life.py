"""Clusters that are stopped, started, broken and removed."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Callable

import psutil
import pytest

from labgrader.clusters.embedded import processes, setup
from labgrader.clusters.embedded.ports import free_port
from labgrader.errors import ProviderError

pytestmark = pytest.mark.cluster


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for what must become true; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.05)


def test_data_and_port_survive_down_and_up_and_purge_removes_all(make_lab):
    lab = make_lab()
    server = lab.provider.up().server
    lab.kubectl("create", "configmap", "kept", "--from-literal=a=b")
    lab.provider.down()
    assert not lab.processes()
    assert not list(lab.provider.layout.run.iterdir()), "no socket and no other runtime file"
    assert lab.provider.status().state == "stopped"
    assert lab.provider.kubeconfig().is_file(), "the kubeconfig outlives `down`"

    status = lab.provider.up()
    assert status.server == server
    assert lab.get("configmap", "kept")["data"] == {"a": "b"}

    lab.provider.down(purge=True)
    assert not lab.processes()
    assert list(lab.provider.layout.root.parent.iterdir()) == []
    assert lab.provider.status().state == "absent"
    with pytest.raises(ProviderError, match="no kubeconfig"):
        lab.provider.kubeconfig()


def test_each_killed_component_is_restarted_and_status_says_so(make_lab):
    lab = make_lab()
    names = [component.name for component in lab.provider.up().components]
    for name in names:
        part = next(c for c in lab.provider.status().components if c.name == name)
        psutil.Process(part.pid).kill()

        def again(name: str = name, old: int | None = part.pid) -> bool:
            now = next(c for c in lab.provider.status().components if c.name == name)
            return now.state == "running" and now.pid != old and now.restarts == 1

        wait_until(again)
    status = lab.provider.up()
    assert {c.last_exit for c in status.components} == {"killed by signal 9"}
    for name in names:
        assert f"{name} 1x" in status.note
    lab.kubectl("create", "deployment", "web", "--image=nginx:1.21")
    lab.kubectl("rollout", "status", "deployment/web", "--timeout=45s")


def test_a_killed_supervisor_ends_all_and_up_resumes_with_the_data(make_lab):
    lab = make_lab()
    lab.provider.up()
    lab.kubectl("create", "configmap", "kept")
    before = lab.processes()
    lab.supervisor().kill()
    _, alive = psutil.wait_procs(before, timeout=15)
    assert not alive
    status = lab.provider.status()
    assert status.state == "stopped"
    assert "killed" in status.note
    assert lab.provider.up().state == "running"
    assert lab.get("configmap", "kept")

    lab.supervisor().kill()
    lab.provider.down()
    assert not lab.processes()
    assert not list(lab.provider.layout.run.iterdir())


def test_down_works_when_everything_about_the_cluster_is_garbage(make_lab):
    lab = make_lab()
    lab.provider.up()
    layout = lab.provider.layout
    layout.status.write_text("{garbage")
    layout.facts.write_text('{"port": "four"}')
    assert lab.provider.status().state == "degraded"
    lab.provider.down()
    assert not lab.processes()
    assert lab.provider.up().state == "running", "it finds a new port and keeps its data"
    shutil.rmtree(layout.run)
    lab.provider.down(purge=True)
    assert not lab.processes()


def test_a_taken_port_is_replaced_and_the_kubeconfig_says_so(make_lab, monkeypatch):
    lab = make_lab()
    with socket.create_server(("127.0.0.1", 0)) as thief:
        # Taken after it was found to be free: the API server itself stumbles over it.
        chosen = [thief.getsockname()[1]]
        monkeypatch.setattr(setup, "free_port", lambda: chosen.pop() if chosen else free_port())
        before = lab.provider.up().server
        assert not before.endswith(f":{thief.getsockname()[1]}")
    lab.provider.down()
    said: list[str] = []
    with socket.create_server(("127.0.0.1", int(before.rsplit(":", 1)[1]))):
        after = lab.provider.up(lambda component, message: said.append(message)).server
        assert after != before
        assert any("is taken" in message for message in said)
        assert lab.get("serviceaccount", "default")
        assert after in lab.provider.kubeconfig().read_text()


def test_two_ups_at_once_and_two_clusters_side_by_side(make_lab, shared):
    lab = make_lab("shared-neighbour")
    said: list[str] = []
    states: list[str] = []

    def up() -> None:
        states.append(lab.provider.up(lambda component, message: said.append(message)).state)

    threads = [threading.Thread(target=up) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states == ["running", "running"]
    assert any("another labgrader" in message for message in said)
    assert len([p for p in lab.processes() if processes.SUPERVISOR in p.cmdline()]) == 1

    lab.kubectl("create", "configmap", "here-only")
    names = {item["metadata"]["name"] for item in shared.get("configmap")["items"]}
    assert "here-only" not in names
    lab.provider.down()
    assert shared.provider.status().state == "running"


def test_a_state_path_longer_than_a_socket_may_be(make_lab, tmp_path):
    deep = tmp_path / ("d" * 80) / ("e" * 80)
    lab = make_lab(state=deep)
    assert len(str(lab.provider.layout.run)) > 170
    assert lab.provider.up().state == "running"
