"""``labgrader cluster``: what goes to stdout, what to stderr, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from labgrader.cli.cluster import cluster
from labgrader.clusters import providers
from labgrader.clusters.provider import ClusterStatus, ComponentStatus


class FakeProvider:
    """Records what it was asked."""

    name = "x"

    def __init__(self, state: str = "running") -> None:
        self.asked: list[object] = []
        part = ComponentStatus("etcd", "running", 42, 1, "killed by signal 9", 50 * 2**20)
        self._status = ClusterStatus(
            provider="embedded", name="x", state=state, server="https://127.0.0.1:1",
            server_version="v1.37.2", kubeconfig=Path("/k"), components=(part,), note="a note",
        )  # fmt: skip

    def up(self, progress):
        progress("etcd", "starts")
        return self._status

    def down(self, *, purge, progress):
        self.asked.append(("down", purge))
        progress("cluster", "stopped")

    def status(self):
        return self._status

    def kubeconfig(self):
        return Path("/k")


@pytest.fixture
def run(monkeypatch):
    def call(*arguments, provider=None):
        made = provider or FakeProvider()
        chosen = []

        def get_provider(kind, name, nodes, labs=()):
            chosen.append((kind, name, nodes))
            return made

        monkeypatch.setattr(providers, "get_provider", get_provider)
        result = CliRunner().invoke(cluster, list(arguments))
        return result, chosen, made

    return call


def test_up_speaks_on_stderr_only(run):
    result, chosen, _ = run("up", "--name", "n", "--nodes", "simulated")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "etcd: starts" in result.stderr
    assert "$(labgrader cluster kubeconfig --name n)" in result.stderr
    assert chosen == [("embedded", "n", "simulated")]


@pytest.mark.parametrize("purge", [True, False])
def test_down_passes_purge_on(run, purge):
    result, _, made = run("down", *(["--purge"] if purge else []))
    assert result.exit_code == 0
    assert made.asked == [("down", purge)]


def test_kubeconfig_prints_the_path_and_nothing_else(run):
    result, _, _ = run("kubeconfig")
    assert result.stdout == "/k\n"
    assert result.stderr == ""


def test_status_as_text_and_as_json(run):
    result, _, _ = run("status")
    assert result.exit_code == 0
    for part in ("x: running", "v1.37.2", "etcd", "50 MB", "restarted 1x", "note: a note"):
        assert part in result.stdout
    result, _, _ = run("status", "--format", "json")
    assert json.loads(result.stdout)["components"][0]["restarts"] == 1
    assert json.loads(result.stdout)["kubeconfig"] == "/k"


def test_status_of_what_does_not_run_exits_with_1(run):
    result, _, _ = run("status", provider=FakeProvider("stopped"))
    assert result.exit_code == 1
    assert "x: stopped" in result.stdout


def test_logs_names_components_and_prints_the_tail(monkeypatch, tmp_path):
    monkeypatch.setenv("LABGRADER_STATE_DIR", str(tmp_path))
    folder = tmp_path / "clusters" / "default" / "logs"
    folder.mkdir(parents=True)
    (folder / "etcd.log").write_text("a\nb\n")
    assert CliRunner().invoke(cluster, ["logs"]).stdout == "etcd\n"
    assert CliRunner().invoke(cluster, ["logs", "etcd", "--tail", "1"]).stdout == "b\n"
