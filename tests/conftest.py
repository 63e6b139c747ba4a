"""Fixtures of all tests. The cluster of a test run is a real Kubernetes API server."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labgrader.app.workbench import Choice, Workbench
from labgrader.clusters.provider import ClusterStatus
from labgrader.errors import LabError
from labgrader.kube.client import Kube
from labgrader.kube.kubeconfig import connect
from labgrader.paths import STATE_VARIABLE
from tests.support.cleanup import wipe
from tests.support.ordering import seed_of_commit
from tests.support.preconditions import lacking
from tests.support.reaper import reaper
from tests.support.xdist_scheduler import Spreading

pytest_plugins = ["tests.support.isolation", "tests.support.durations"]

ORDER = pytest.StashKey[str]()

# Whoever starts the tests in the background of a script hands down an ignored SIGINT; the programs
# that the tests interrupt would then ignore it as well.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Ended by a CI system, the tests take their clusters down as after Ctrl-C.
signal.signal(signal.SIGTERM, signal.default_int_handler)
# Started by nohup, the tests outlive their terminal, and the programs that they start must not.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda number, frame: None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what decides how long the random part of a run is."""
    parser.addoption(
        "--random-keys", default="1000", help="keys that tests/tui/test_monkey presses"
    )
    parser.addoption(
        "--faulty-runs", default="15", help="gradings that tests/cluster/test_gateway does"
    )
    parser.addoption("--faulty-seed", default="1", help="the seed of the first of them")
    parser.addoption(
        "--all-operators", action="store_true", help="every behavior of tests/operators, not a few"
    )


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Spreading:
    """Spread by files, and keep the order of collection."""
    config.option.loadscopereorder = False
    return Spreading(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Run in an order that is the commit's; `--randomly-seed=N` and `-p no:randomly` choose."""
    if getattr(config.option, "randomly_seed", None) == "default":
        config.option.randomly_seed, config.stash[ORDER] = seed_of_commit()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Look at the machine once, in the process that hands out the tests."""
    if not hasattr(session.config, "workerinput"):
        reason = lacking(session.config.option.basetemp)
        if reason:
            pytest.exit(f"no test can run here: {reason}", pytest.ExitCode.USAGE_ERROR)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what compares a screen with its picture, before tests are chosen by marker."""
    for item in items:
        if "snap_compare" in getattr(item, "fixturenames", ()):
            item.add_marker("screens")


def pytest_collection_finish() -> None:
    """Spare every later garbage collection what lives to the end: modules, content, tests."""
    gc.collect()
    gc.freeze()


def pytest_report_header(config: pytest.Config) -> str:
    """Say where the order comes from."""
    return f"order of {config.stash.get(ORDER, 'the command line')}"


@pytest.fixture(scope="session", autouse=True)
def _reaper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No cluster outlives the tests, also where they are killed."""
    with reaper(tmp_path_factory.getbasetemp()):
        yield


@pytest.fixture(scope="session")
def cluster(cluster_state: Path, request: pytest.FixtureRequest) -> Iterator[ClusterStatus]:
    """A running embedded cluster; one for each xdist worker. Without it the whole run ends."""
    from labgrader.clusters.embedded.provider import EmbeddedProvider

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATE_VARIABLE, str(cluster_state))
        provider = EmbeddedProvider(name="tests")
    try:
        try:
            status = provider.up()
        except LabError as error:
            request.session.shouldfail = f"no cluster to test on: {error}"
            pytest.fail(f"no cluster to test on: {error}", pytrace=False)
        yield status
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
