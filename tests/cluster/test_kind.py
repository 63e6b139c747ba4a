"""The kind provider, where Docker is; elsewhere skipped, with the reason printed and counted."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_kind import KindCluster

from labgrader.clusters.kind import IMAGE, KindProvider
from labgrader.errors import ProviderError
from labgrader.kube.client import Kube
from labgrader.kube.kubeconfig import connect
from labgrader.kube.resources import NAMESPACE


def why_not() -> str:
    """Return why kind cannot run here; empty where it can."""
    for tool in ("docker", "kind"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    answer = subprocess.run(["docker", "info"], capture_output=True, check=False)
    return "" if answer.returncode == 0 else "no Docker daemon answers"


@pytest.fixture(scope="module")
def kind_kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A kubeconfig of a kind cluster.

    pytest-kind's own fixture would create and delete whatever cluster its --kubeconfig names, and
    download a kind of its own that is too old: it is given the binary, the image, and a new file.
    """
    reason = why_not()
    if reason:
        pytest.skip(f"kind needs Docker: {reason}")
    tool = shutil.which("kind")
    assert tool is not None
    file = tmp_path_factory.mktemp("kind") / "kubeconfig"
    cluster = KindCluster("labgrader-tests", kubeconfig=file, image=IMAGE)
    cluster.kind_path = Path(tool)
    cluster.create()
    yield file
    cluster.delete()


@pytest.mark.docker
def test_a_kind_cluster_can_be_asked(kind_kubeconfig: Path) -> None:
    kube = Kube(connect(kind_kubeconfig))
    assert kube.get(NAMESPACE, "default") is not None
    kube.close()


@pytest.mark.docker
def test_the_provider_from_up_to_down() -> None:
    reason = why_not()
    if reason:
        pytest.skip(f"kind needs Docker: {reason}")
    provider = KindProvider("tests")
    try:
        status = provider.up()
        assert (status.state, status.nodes) == ("running", "real")
        assert provider.kubeconfig().stat().st_mode & 0o077 == 0
    finally:
        provider.down(purge=True)
    assert provider.status().state == "absent"


def test_without_kind_the_provider_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    provider = KindProvider("tests")
    for action in (provider.up, provider.status, provider.down):
        with pytest.raises(ProviderError, match="kind command is not on the PATH"):
            action()
    with pytest.raises(ProviderError, match="cluster up --provider kind"):
        provider.kubeconfig()
