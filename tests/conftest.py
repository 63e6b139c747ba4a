"""Fixtures of all tests. The cluster of a test run is a real Kubernetes API server."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labgrader.cluster.kube import Kube
from labgrader.cluster.kubeconfig import connect
from labgrader.cluster.provider import ClusterStatus
from labgrader.paths import STATE_VARIABLE
from labgrader.workbench import Choice, Workbench
from spreading import Spreading
from wiping import wipe

# Whoever starts the tests in the background of a script hands down an ignored SIGINT; the programs
# that the tests interrupt would then ignore it as well.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Ended by a CI system, the tests take their clusters down as after Ctrl-C.
signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Spreading:
    """Spread by files, and keep the order of collection."""
    config.option.loadscopereorder = False
    return Spreading(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what compares a screen with its snapshot, before tests are chosen by marker."""
    for item in items:
        if "snap_compare" in getattr(item, "fixturenames", ()):
            item.add_marker("screens")


def pytest_collection_finish() -> None:
    """Spare every later garbage collection what lives to the end: modules, content, tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the state, the kubeconfig or the proxies of the person who runs it."""
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path_factory.getbasetemp() / "state"))
    for name in ("KUBECONFIG", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterStatus]:
    """A running embedded cluster; one for each xdist worker."""
    from labgrader.cluster.embedded.provider import EmbeddedProvider

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATE_VARIABLE, str(tmp_path_factory.mktemp("cluster-state")))
        provider = EmbeddedProvider(name="tests")
        try:
            yield provider.up()
        finally:
            provider.down(purge=True)


@pytest.fixture(scope="session")
def kubeconfig(cluster: ClusterStatus) -> Path:
    """The path of the running cluster's kubeconfig."""
    assert cluster.kubeconfig is not None
    return cluster.kubeconfig


@pytest.fixture(scope="session")
def kube(kubeconfig: Path) -> Iterator[Kube]:
    """The port to the running cluster, as its administrator."""
    adapter = Kube(connect(kubeconfig))
    yield adapter
    adapter.close()


@pytest.fixture
def clean_lab(kube: Kube) -> Iterator[Kube]:
    """A running cluster without any object of the lab, before and after."""
    wipe(kube)
    yield kube
    wipe(kube)


@pytest.fixture
def workbench(kubeconfig: Path, clean_lab: Kube) -> Iterator[Workbench]:
    """A workbench on the running, clean cluster."""
    del clean_lab
    opened = Workbench(Choice(kubeconfig=str(kubeconfig)))
    yield opened
    opened.close()
