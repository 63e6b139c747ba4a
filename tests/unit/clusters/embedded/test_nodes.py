"""Real nodes, as far as they can be judged without one: choices, texts, control groups, volumes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
import yaml

from labgrader.clusters.embedded import node_kinds, setup
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.embedded.nodes import (
    files,
    images,
    prepare,
    requirements,
    table,
)
from labgrader.clusters.embedded.pki import NODE_CLIENTS, Pki
from labgrader.clusters.embedded.provider import EmbeddedProvider
from labgrader.clusters.provider import silent
from labgrader.errors import ProviderError, UsageError


@pytest.fixture
def layout(tmp_path, monkeypatch):
    monkeypatch.setenv("LABGRADER_STATE_DIR", str(tmp_path / "state"))
    return ClusterLayout.of("default")


def _made(layout: ClusterLayout, *, real: bool) -> None:
    (layout.etcd_data / "member").mkdir(parents=True)
    if real:
        layout.node.mkdir()


@pytest.fixture
def possible(monkeypatch):
    monkeypatch.setattr(requirements, "find", requirements.Obstacles)


def test_a_cluster_keeps_its_kind_of_node(layout, possible):
    assert node_kinds.choose(layout, "", silent) == "simulated"
    _made(layout, real=True)
    assert node_kinds.choose(layout, "", silent) == "real"
    assert node_kinds.choose(layout, "auto", silent) == "real"
    with pytest.raises(UsageError, match="made with real nodes") as error:
        node_kinds.choose(layout, "simulated", silent)
    assert "--purge" in error.value.next_step


def test_auto_says_why_nodes_are_simulated(layout, monkeypatch):
    said: list[str] = []
    obstacles = requirements.Obstacles(("it needs root",), ("runc",))
    monkeypatch.setattr(requirements, "find", lambda: obstacles)
    assert node_kinds.choose(layout, "auto", lambda c, m: said.append(m)) == "simulated"
    assert "it needs root; these packages are missing: runc" in said[0]
    with pytest.raises(ProviderError, match="it needs root") as error:
        node_kinds.choose(layout, "real", silent)
    assert "sudo" in error.value.next_step


def test_auto_wants_the_images_too(layout, possible, monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(images, "built", list)
    assert node_kinds.choose(layout, "auto", lambda c, m: said.append(m)) == "simulated"
    assert "make images" in said[0]
    monkeypatch.setattr(images, "built", lambda: ["one"])
    assert node_kinds.choose(layout, "auto", silent) == "real"


def test_only_root_may_touch_a_real_node(layout, monkeypatch):
    _made(layout, real=True)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr("labgrader.paths._demand_own", lambda root: None)  # it is root's
    for act in (EmbeddedProvider().up, EmbeddedProvider().down):
        with pytest.raises(ProviderError, match="only root") as error:
            act()
        assert "sudo" in error.value.next_step


def test_missing_packages_are_named_once_and_nothing_is_installed(monkeypatch):
    monkeypatch.setattr(requirements, "tool", lambda name: None)
    monkeypatch.setattr(requirements, "_PLUGIN_FOLDERS", ())
    monkeypatch.setattr(requirements.sys, "platform", "linux")
    found = requirements.find()
    assert set(requirements.PACKAGES.values()) <= set(found.packages)
    assert "containernetworking-plugins" in found.packages
    assert len(found.packages) == len(set(found.packages))
    monkeypatch.setattr(requirements.sys, "platform", "darwin")
    assert "Linux" in str(requirements.find())


@pytest.fixture
def plan(layout, monkeypatch):
    monkeypatch.setattr(requirements, "require", lambda: None)
    monkeypatch.setattr(requirements, "tool", lambda name: Path("/usr/bin") / name)
    monkeypatch.setattr(requirements, "plugin_folder", lambda: Path("/plugins"))
    monkeypatch.setattr(requirements, "snapshotter", lambda folder: "overlayfs")
    monkeypatch.setattr(setup, "free_port", lambda: 23456)
    setup.prepare(layout, Path("/bin/kube"), silent, real_nodes=True)
    return json.loads(layout.plan.read_bytes())


def test_the_plan_of_a_real_node_is_the_same_kind_of_table(plan, layout):
    parts = {part["name"]: part for part in plan["components"]}
    assert set(parts) >= {"etcd", "kube-apiserver", "containerd", "kubelet", "coredns", "door"}
    assert plan["namespaces"]["port"] == 23456
    assert [name for name, part in parts.items() if part["last"]] == ["etcd"]
    assert [name for name, part in parts.items() if part["door"]] == ["door"]
    assert parts["containerd"]["argv"][0] == "/usr/bin/containerd"
    assert parts["door"]["argv"][0] == sys.executable
    readable = {name for name, part in parts.items() if part["umask"] == 0o022}
    assert readable == {"containerd", "kubelet"}, "what pods read, they must be able to read"
    bounded = {name for name, part in parts.items() if part["most_bytes"]}
    assert bounded == {"containerd"}, "what containers write has a bound, and nothing else"
    assert "23456" in layout.kubeconfig.read_text()
    assert "10.250.0.1:6443" in (layout.conf / "kubelet.kubeconfig").read_text()


def test_no_part_of_a_real_node_listens_beyond_its_namespace_address(plan):
    flags = " ".join(flag for part in plan["components"] for flag in part["argv"])
    assert "0.0.0.0" not in flags
    assert "--bind-address=10.250.0.1" in flags


def test_everything_is_private_on_disk(plan, layout):
    for path in layout.conf.rglob("*"):
        assert path.stat().st_mode & 0o77 == 0, path


def test_the_kubelet_leaves_the_host_alone(layout):
    config = json.loads(files.kubelet(layout, Pki(layout.pki), "group"))
    assert config["protectKernelDefaults"] is True
    assert config["makeIPTablesUtilChains"] is False
    assert config["imageGCHighThresholdPercent"] == 100
    assert config["cgroupRoot"] == "/group"
    assert config["authentication"]["anonymous"]["enabled"] is False


def test_containerds_settings_touch_nothing_of_the_systems(layout):
    import tomllib

    config = tomllib.loads(files.containerd(layout, Path("/plugins"), "native").decode())
    runtime = config["plugins"]["io.containerd.grpc.v1.cri"]
    assert runtime["disable_apparmor"] is True
    assert runtime["restrict_oom_score_adj"] is True
    assert runtime["containerd"]["snapshotter"] == "native"
    assert runtime["sandbox_image"] == files.PAUSE_IMAGE


def test_a_snapshot_is_not_laid_on_an_overlay(monkeypatch):
    kinds_of = {"/": "overlay", "/data": "ext4"}
    text = "".join(f"x {place} {kind} rw 0 0\n" for place, kind in kinds_of.items())
    monkeypatch.setattr(requirements.Path, "read_text", lambda self: text)
    assert requirements.snapshotter(Path("/home")) == "native"
    assert requirements.snapshotter(Path("/data/x")) == "overlayfs"


def test_certificates_of_a_real_node_come_on_top(tmp_path):
    pki = Pki(tmp_path)
    pki.ensure()
    assert not pki.pair("kubelet").key.exists()
    assert pki.ensure(real_nodes=True) is True
    assert pki.ensure(real_nodes=True) is False
    for name in (*NODE_CLIENTS, "kubelet-serving", "metrics-serving", "front-proxy"):
        assert pki.pair(name).certificate.is_file()
    front, own = pki.pair("front-ca").certificate, pki.pair("ca").certificate
    assert front.read_bytes() != own.read_bytes()


def test_images_that_were_not_built_are_none(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert images.built() == []
    place = tmp_path / "labgrader" / "images"
    place.mkdir(parents=True)
    entry = {"name": "docker.io/library/x:1", "digest": "sha256:1", "file": "x.tar"}
    for arch in ("amd64", "arm64"):
        (place / f"{arch}.json").write_text(json.dumps({"images": [entry]}))
    assert images.built() == [], "a list without its files is none"
    (place / "x.tar").touch()
    assert [image.name for image in images.built()] == ["docker.io/library/x:1"]


def test_the_table_names_each_part_once(layout):
    parts = table.components(layout, Pki(layout.pki), Path("/usr/bin/containerd"))
    names = [part.name for part in parts]
    assert len(names) == len(set(names))
    assert yaml.safe_load(files.network())["plugins"][0]["type"] in requirements.PLUGINS
    assert prepare.plan_for_real_node.__doc__
