"""Real nodes for the tests in this folder: one cluster for all that leave it as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labgrader.clusters.embedded.provider import EmbeddedProvider
from labgrader.paths import STATE_VARIABLE
from tests.support.real_nodes import RealLab, impossible


@pytest.fixture(scope="session", autouse=True)
def _possible() -> None:
    reason = impossible()
    if reason:
        pytest.skip(reason)


RealLabMaker = Callable[..., RealLab]


def _lab(state: Path, name: str) -> RealLab:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATE_VARIABLE, str(state))
        return RealLab(EmbeddedProvider(name, nodes="real"))


@pytest.fixture(scope="session")
def real_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealLab]:
    """A running cluster with a real node; tests must leave it as it is."""
    lab = _lab(tmp_path_factory.mktemp("nodes"), "nodes")
    try:
        lab.provider.up()
        yield lab
    finally:
        lab.provider.down(purge=True)


@pytest.fixture
def make_real_lab(tmp_path: Path) -> Iterator[RealLabMaker]:
    """Make clusters with real nodes (not started) that are gone after the test."""
    made: list[RealLab] = []

    def make(name: str = "own", below: str = "") -> RealLab:
        made.append(_lab(tmp_path / below / "state", name))
        return made[-1]

    yield make
    for lab in made:
        lab.provider.down(purge=True)
