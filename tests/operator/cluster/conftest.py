"""Fixtures: a lab to run operators in, and a proxy to watch them with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from labgrader.kube.client import Kube
from proxy import Proxy
from running import Lab
from tests.support.cleanup import wipe


@pytest.fixture(scope="module")
def platform(kube: Kube) -> Iterator[Kube]:
    """A cluster without anything of the lab before and after a module's tests."""
    wipe(kube)
    yield kube
    wipe(kube)


@pytest.fixture
def lab(platform: Kube, kubeconfig: Path, tmp_path: Path) -> Iterator[Lab]:
    """Tasks 1 and 2 are solved; every operator that a test starts is ended with it."""
    made = Lab(platform, kubeconfig, tmp_path)
    made.solve("task1", "task2")
    yield made
    made.close()
    made.tidy()


@pytest.fixture
def proxy(kube: Kube) -> Iterator[Proxy]:
    """A proxy before the API server."""
    assert kube.connection.tls
    with Proxy(kube.connection.host, kube.connection.tls) as running:
        yield running
