"""What each test has of its own: state folder, home, temporary folder, working folder, environment.

Two tests of a worker share nothing but what a fixture names: the session's cluster and its state
folder (`cluster_state`, and for whole files `own_cluster`), and a state folder for the tests of one
file (`module_state`). A test that changes what belongs to the process and does not put it back
fails. It is a plugin, so that tests/contract/test_isolation.py can run it on tests that misbehave.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from labgrader.paths import STATE_VARIABLE
from tests.support.process_state import ProcessState

PERSON_HOME = Path.home()
"""The home of the person who runs the tests; only a package installer may read its settings."""

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or PERSON_HOME / ".cache")
"""Shared by name: the compiled Kubernetes, the images, and what package installers keep."""

UNNAMED_STATE = "/dev/null/no-state"
"""The state folder of fixtures that did not name one: nothing can be found or kept there."""

NAMED = ("module_state", "own_cluster")
"""The fixtures that give the tests of one file a state folder together."""

_FOREIGN = ("LABGRADER_", "XDG_", "KUBE", "SUDO_", "TMUX")
_FOREIGN_NAMES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy")
_NUMBERS = itertools.count()


def foreign(name: str) -> bool:
    """Whether a variable of the person's would change what labgrader does."""
    return name.startswith(_FOREIGN) or name in _FOREIGN_NAMES


def _enter(patch: pytest.MonkeyPatch, folder: Path, state: str) -> None:
    """Make ``folder`` the home, temporary and working folder of what runs from now on."""
    home, temporary = folder / "home", folder / "tmp"
    for path in (home, temporary):
        path.mkdir(parents=True, exist_ok=True)
    for name in filter(foreign, list(os.environ)):
        patch.delenv(name)
    patch.setenv("HOME", str(home))
    patch.setenv("TMPDIR", str(temporary))
    patch.setenv("XDG_CACHE_HOME", str(CACHE))
    patch.setenv(STATE_VARIABLE, state)
    patch.setattr(tempfile, "tempdir", str(temporary))
    patch.chdir(home)


@pytest.fixture(scope="session", autouse=True)
def _session_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What fixtures of a session or a module see: nothing of the person's, and no state folder."""
    with pytest.MonkeyPatch.context() as patch:
        _enter(patch, tmp_path_factory.getbasetemp() / "own" / "session", UNNAMED_STATE)
        yield


@pytest.fixture(scope="session")
def cluster_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of `cluster`: with it a command finds the cluster as the lab's own."""
    return tmp_path_factory.mktemp("cluster-state")


@pytest.fixture(scope="module")
def module_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder that the fixtures and tests of one file share."""
    yield from _shared(tmp_path_factory.mktemp("module-state"))


@pytest.fixture(scope="module")
def own_cluster(cluster_state: Path) -> Iterator[Path]:
    """For the fixtures and tests of one file the session's cluster is the lab's own."""
    yield from _shared(cluster_state)


def _shared(folder: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATE_VARIABLE, str(folder))
        yield folder


@pytest.fixture(autouse=True)
def _own_surroundings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """What a test sees; afterwards the process must be as it was."""
    before = ProcessState.now()
    folder = tmp_path_factory.getbasetemp() / "own" / str(next(_NUMBERS))
    named = next((name for name in NAMED if name in request.fixturenames), None)
    state = request.getfixturevalue(named) if named else folder / "state"
    with pytest.MonkeyPatch.context() as patch:
        _enter(patch, folder, str(state))
        inside = ProcessState.now()
        yield
        changed = inside.changed(ProcessState.now())
        inside.restore()
    before.restore()
    if changed:
        pytest.fail(f"this test changed the process and did not put it back: {changed}", False)
