"""What is decided before anything starts: environment, flags, policy, and clear refusals."""

from __future__ import annotations

import json
import shutil
import sys
from types import SimpleNamespace

import pytest
import yaml

from labgrader.clusters.embedded import components, manifests, readiness, setup
from labgrader.clusters.embedded.api import NotReady
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.embedded.pki import Pki
from labgrader.clusters.embedded.provider import EmbeddedProvider
from labgrader.clusters.provider import silent
from labgrader.errors import ExitCode, LabError, MachineError, ProviderError, UsageError


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("LABGRADER_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def plan(state, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "intranet")
    monkeypatch.setenv("PRIVATE_TOKEN", "x")
    layout = ClusterLayout.of("default")
    table = components.components(layout, Pki(layout.pki), 12345)
    return components.plan(layout, "/bin/kube", table)["components"]


def test_components_get_a_small_environment_and_no_proxy(plan):
    for part in plan:
        assert not {"HTTPS_PROXY", "PRIVATE_TOKEN"} & set(part["env"])
        assert "127.0.0.1" in part["env"]["NO_PROXY"].split(",")
        assert part["env"]["LABGRADER_LIFELINE"] == "stdin"
        assert part["env"]["LABGRADER_CLUSTER"].endswith("/clusters/default")


def test_no_component_is_told_to_listen_beyond_loopback(plan):
    flags = " ".join(flag for part in plan for flag in part["argv"])
    assert "0.0.0.0" not in flags
    assert "--bind-address=127.0.0.1" in flags
    assert flags.count("--secure-port=0") == 2


def test_only_the_store_stops_last(plan):
    assert [part["name"] for part in plan if part["last"]] == ["etcd"]


def test_the_kubeconfig_is_complete_and_names_no_file(tmp_path):
    pki = Pki(tmp_path)
    pki.ensure()
    text = manifests.kubeconfig(pki, "admin", "https://127.0.0.1:1", "labgrader-x")
    config = yaml.safe_load(text)
    assert config["current-context"] == "labgrader-x"
    assert config["contexts"][0]["context"]["namespace"] == "default"
    assert set(config["users"][0]["user"]) == {"client-certificate-data", "client-key-data"}
    assert str(tmp_path).encode() not in text


def test_unknown_nodes_are_refused(state):
    with pytest.raises(UsageError, match="no kind of node"):
        EmbeddedProvider(nodes="cardboard")
    assert EmbeddedProvider(nodes="simulated").status().state == "absent"


def test_a_state_folder_that_cannot_be_made_is_one_clear_line(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LABGRADER_STATE_DIR", str(tmp_path / "file" / "state"))
    with pytest.raises(LabError, match="cannot be made") as error:
        EmbeddedProvider()
    assert "\n" not in str(error.value)
    assert "LABGRADER_STATE_DIR" in error.value.next_step
    assert error.value.exit_code == ExitCode.FAULT


@pytest.fixture
def built(monkeypatch, tmp_path):
    (tmp_path / "crds").mkdir()
    fake = SimpleNamespace(binary=lambda: tmp_path / "kube", crd_dir=lambda: tmp_path / "crds")
    monkeypatch.setitem(sys.modules, "labgrader_kube", fake)


def test_a_full_disk_is_told_before_anything_starts_and_leaves_nothing(state, built, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(setup.shutil, "disk_usage", lambda path: usage._replace(free=1024))
    provider = EmbeddedProvider()
    with pytest.raises(MachineError, match="is full") as error:
        provider.up()
    assert "Free at least 300 MB" in error.value.next_step
    assert provider.status().state == "absent"
    assert {path.name for path in provider.layout.root.iterdir()} == {"logs"}


def test_a_disk_that_fills_up_during_the_start_is_told_at_once(state, monkeypatch):
    class Silent:
        def request(self, *_arguments):
            raise NotReady("no answer")

    usage = shutil.disk_usage("/")
    monkeypatch.setattr(readiness.shutil, "disk_usage", lambda path: usage._replace(free=0))
    waiting = readiness.Readiness(ClusterLayout.of("default"), Silent(), lambda: True)
    with pytest.raises(MachineError, match="is full"):
        waiting.wait(silent)


def test_what_never_becomes_ready_is_quoted_from_its_log(state):
    class Silent:
        def request(self, *_arguments):
            raise NotReady("no answer")

    layout = ClusterLayout.of("default")
    layout.logs.mkdir(parents=True)
    layout.log("kube-apiserver").write_text("I1 fine\nE1123 06:59:22 no certificate\nI1 bye\n")
    waiting = readiness.Readiness(layout, Silent(), lambda: True)
    with pytest.raises(ProviderError, match=r"kube-apiserver was not ready .* no certificate"):
        waiting.wait(silent, seconds=0.05)


def test_a_component_that_does_not_run_explains_why_the_others_wait(state):
    class Silent:
        def request(self, *_arguments):
            raise NotReady("no answer")

    layout = ClusterLayout.of("default")
    for folder in (layout.logs, layout.run):
        folder.mkdir(parents=True)
    layout.log("kube-apiserver").write_text("E1123 06:59:22 connection refused\n")
    entries = [
        {"name": "etcd", "state": "backing-off", "last_exit": "exit status 1: limit is too low"},
        {"name": "kube-apiserver", "state": "running", "last_exit": ""},
    ]
    layout.status.write_text(json.dumps({"components": entries}))
    waiting = readiness.Readiness(layout, Silent(), lambda: True)
    with pytest.raises(ProviderError, match=r"etcd ended: .* limit is too low") as error:
        waiting.wait(silent, seconds=0.05)
    assert str(layout.log("etcd")) in error.value.next_step


def test_a_root_that_is_a_file_is_one_clear_line(state, built):
    provider = EmbeddedProvider()
    provider.layout.root.write_text("in the way")
    with pytest.raises(ProviderError) as error:
        provider.up()
    assert str(provider.layout.root) in str(error.value)


@pytest.mark.parametrize("package", [None, SimpleNamespace()], ids=["missing", "empty folder"])
def test_without_the_binary_the_next_step_is_named(state, monkeypatch, package):
    monkeypatch.setitem(sys.modules, "labgrader_kube", package)
    with pytest.raises(LabError, match="The embedded Kubernetes is not installed") as error:
        EmbeddedProvider().up()
    assert "make kube" in error.value.next_step


def test_down_of_what_is_not_there_says_so_and_leaves_nothing(state):
    said: list[str] = []
    provider = EmbeddedProvider("nobody")
    provider.down(purge=True, progress=lambda component, message: said.append(message))
    assert "there is none" in said[0]
    assert list(provider.layout.root.parent.iterdir()) == []
