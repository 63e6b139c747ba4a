"""Real clusters for the tests of the embedded provider, each stopped and purged at the end."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from labgrader.clusters.embedded import processes
from labgrader.clusters.embedded.binary import kube_binary
from labgrader.clusters.embedded.provider import EmbeddedProvider
from labgrader.errors import LabError
from labgrader.paths import STATE_VARIABLE


@dataclass(frozen=True)
class Lab:
    """A provider and what tests ask of its cluster."""

    provider: EmbeddedProvider

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as the learner would; return what it prints."""
        done = subprocess.run(
            [self.provider.layout.bin / "kubectl", *arguments],
            env={"KUBECONFIG": str(self.provider.kubeconfig()), "HOME": "/nonexistent"},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def get(self, *arguments: str) -> Any:
        """Return what ``kubectl get … -o json`` finds."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def processes(self) -> list[psutil.Process]:
        """Return every process of the cluster."""
        return processes.of_cluster(self.provider.layout)

    def supervisor(self) -> psutil.Process:
        """Return the supervisor; it must run."""
        found = processes.supervisor(self.provider.layout)
        assert found is not None
        return found


LabMaker = Callable[..., Lab]


@pytest.fixture(scope="session", autouse=True)
def _built() -> None:
    try:
        kube_binary()
    except LabError as error:
        pytest.skip(str(error))


def _lab(state: Path, name: str) -> Lab:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATE_VARIABLE, str(state))
        return Lab(EmbeddedProvider(name))


def _remove(lab: Lab) -> None:
    lab.provider.down(purge=True)
    assert not lab.processes()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running cluster that tests must leave as it is."""
    lab = _lab(tmp_path_factory.mktemp("state"), "shared")
    try:
        lab.provider.up()
        yield lab
    finally:
        _remove(lab)


@pytest.fixture
def make_lab(tmp_path: Path) -> Iterator[LabMaker]:
    """Make labs (not started) that are gone after the test; ``state`` is their state folder."""
    made: list[Lab] = []

    def make(name: str = "own", state: Path = tmp_path / "state") -> Lab:
        made.append(_lab(state, name))
        return made[-1]

    yield make
    for lab in made:
        _remove(lab)


@pytest.fixture
def child_environment() -> Callable[[Lab], dict[str, str]]:
    """Return the environment in which a child process finds the same state folder."""

    def environment(lab: Lab) -> dict[str, str]:
        state = lab.provider.layout.root.parent.parent
        return {**os.environ, STATE_VARIABLE: str(state)}

    return environment
