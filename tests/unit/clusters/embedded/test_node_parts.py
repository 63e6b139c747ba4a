"""Parts of a real node that stand alone: control groups, volumes, and the door into the cluster."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from labgrader.clusters.embedded import node_kinds
from labgrader.clusters.embedded.nodes import cgroups, port_forward, volumes


def _version_2(top: Path, controllers: str = "cpuset cpu io memory pids") -> Path:
    top.mkdir()
    (top / "cgroup.controllers").write_text(controllers)
    (top / "cgroup.subtree_control").write_text("memory")
    return top


def test_control_groups_of_version_2(tmp_path, monkeypatch):
    top = _version_2(tmp_path / "cgroup")
    assert cgroups.version(top) == 2
    assert cgroups.trouble(top) == ""
    asked: list[tuple[str, str]] = []
    group = top / "labgrader-x"
    group.mkdir()
    (group / "cgroup.controllers").write_text("cpu memory pids")
    (group / "cgroup.subtree_control").write_text("")
    write = Path.write_text

    def note(self, text):
        if self.name == "cgroup.subtree_control":
            asked.append((self.parent.name, text))
            return 0
        return write(self, text)

    monkeypatch.setattr(Path, "write_text", note)
    cgroups.make("labgrader-x", top)
    assert ("cgroup", "+cpu") in asked
    assert ("cgroup", "+memory") not in asked, "it is on already"
    assert {text for where, text in asked if where == "labgrader-x"} == {"+cpu", "+memory", "+pids"}


def test_a_container_whose_group_is_full_is_told_so(tmp_path):
    top = _version_2(tmp_path / "cgroup")
    (top / "cgroup.procs").write_text("1\n")
    assert cgroups.trouble(top) == "", "the real top may have processes"
    (top / "cgroup.type").write_text("domain")
    assert "holds processes" in cgroups.trouble(top)
    (top / "cgroup.subtree_control").write_text("cpu memory pids")
    assert cgroups.trouble(top) == "", "somebody has moved the processes away before"


def test_control_groups_that_lack_what_a_kubelet_needs(tmp_path):
    top = _version_2(tmp_path / "cgroup", controllers="cpuset io")
    assert "cpu, memory, pids" in cgroups.trouble(top)
    assert "no control groups" in cgroups.trouble(tmp_path / "nothing")


def _version_1(top: Path) -> Path:
    for name in cgroups.NEEDED:
        (top / name).mkdir(parents=True)
        (top / name / "cgroup.procs").touch()
    for name, value in (("cpuset.cpus", "0-1\n"), ("cpuset.mems", "0\n")):
        (top / "cpuset" / name).write_text(value)
    return top


def test_control_groups_of_version_1_are_made_and_removed(tmp_path, monkeypatch):
    top = _version_1(tmp_path / "cgroup")
    assert (cgroups.version(top), cgroups.trouble(top)) == (1, "")
    cgroups.make("labgrader-x", top)
    assert all((top / name / "labgrader-x").is_dir() for name in cgroups.NEEDED)
    (top / "memory/labgrader-x/kubepods/pod1").mkdir(parents=True)
    monkeypatch.setattr(cgroups, "_removed", lambda folder: not shutil.rmtree(folder))
    assert cgroups.remove("labgrader-x", top=top) == []
    assert not list(top.glob("**/labgrader-x"))


def test_groups_of_two_clusters_of_one_name_differ(tmp_path):
    names = {cgroups.group_of(tmp_path / place / "default") for place in "ab"}
    assert len(names) == 2
    assert all(name.startswith("labgrader-default-") for name in names)


def _claim(**spec):
    meta = {
        "name": "data",
        "namespace": "lab",
        "uid": "1-2",
        "annotations": {"volume.kubernetes.io/selected-node": "lab-node-1"},
    }
    full = {
        "storageClassName": "standard",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        **spec,
    }
    return {"metadata": meta, "spec": full, "status": {"phase": "Pending"}}


def test_only_claims_of_our_class_with_a_scheduled_pod_get_a_volume(tmp_path):
    assert volumes.is_waiting(_claim())
    assert not volumes.is_waiting(_claim(storageClassName="other"))
    assert not volumes.is_waiting(_claim(volumeName="there"))
    early = _claim()
    early["metadata"]["annotations"] = {}
    assert not volumes.is_waiting(early)
    volume = volumes.volume_for(_claim(), tmp_path)
    assert volume["spec"]["claimRef"]["uid"] == "1-2"
    assert volume["spec"]["hostPath"]["path"] == str(tmp_path / "pvc-1-2")


class FakeServer:
    """Answers with one claim and one volume, and records what is asked."""

    def __init__(self, claim, volume):
        self.lists = {"persistentvolumeclaims": [claim], "persistentvolumes": [volume]}
        self.asked: list[tuple[str, str]] = []

    def ask(self, method, path, content=None):
        self.asked.append((method, path.rpartition("/")[2]))
        return {"items": self.lists.get(path.rpartition("/")[2], [])}


def test_volumes_are_made_for_everybody_and_removed_with_their_data(tmp_path):
    gone = volumes.volume_for(_claim(), tmp_path)
    gone["metadata"]["name"] = "pvc-old"
    gone["status"] = {"phase": "Released"}
    (tmp_path / "pvc-old").mkdir()
    (tmp_path / "pvc-old" / "backup").write_text("x")
    server = FakeServer(_claim(), gone)
    volumes.VolumeProvisioner(server, tmp_path).work()
    assert (tmp_path / "pvc-1-2").stat().st_mode & 0o777 == 0o777
    assert not (tmp_path / "pvc-old").exists()
    assert ("POST", "persistentvolumes") in server.asked
    assert ("DELETE", "pvc-old") in server.asked


def test_volumes_of_others_are_left_alone(tmp_path):
    volume = {
        "metadata": {"name": "theirs"},
        "spec": {"persistentVolumeReclaimPolicy": "Delete"},
        "status": {"phase": "Released"},
    }
    assert not volumes.is_released(volume)


def test_the_door_passes_bytes_and_ends_both_ways():
    with (
        socket.create_server(("127.0.0.1", 0)) as outside,
        socket.create_server(("127.0.0.1", 0)) as inside,
        socket.create_connection(outside.getsockname()) as here,
    ):
        there, _ = outside.accept()
        serving = threading.Thread(target=port_forward._serve, args=(there, inside.getsockname()))
        serving.start()
        answer, _ = inside.accept()
        with answer:
            here.sendall(b"ask")
            here.shutdown(socket.SHUT_WR)
            with answer.makefile("rb") as asked:
                assert asked.read() == b"ask"
            answer.sendall(b"answer")
        with here.makefile("rb") as answered:
            assert answered.read() == b"answer"
        serving.join(timeout=10)
        assert not serving.is_alive()


@pytest.mark.parametrize("module", ["nodes.namespaces", "nodes.port_forward", "nodes.volumes"])
def test_what_runs_for_ever_imports_the_standard_library_only(module):
    code = (
        f"import sys, labgrader.clusters.embedded.{module}\n"
        "names = {n.partition('.')[0] for n in sys.modules} - set(sys.stdlib_module_names)\n"
        "print(sorted(n for n in names if not n.startswith('_')))"
    )
    root = Path(node_kinds.__file__).parents[3]
    command = [sys.executable, "-S", "-P", "-c", code]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['labgrader']"
