"""Task 4's deletion where nobody records it, and what is left when a grading is cut short."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from labgrader.app.workbench import Choice, Workbench
from labgrader.clusters.target import forget_consent, remember_consent
from labgrader.grading.temporary_objects import MARK
from labgrader.kube.client import Kube
from labgrader.kube.resources import Resource, dig, name_of
from labgrader.kube.waiting import wait_until
from labgrader.lab_state.solver import Solver
from labgrader.model.result import CheckResult, Outcome

pytestmark = [pytest.mark.cluster]

PLATFORM = "trading-platform"
ALGORITHM = Resource("fintech.io", "v1", "tradingalgorithms", "TradingAlgorithm")


@pytest.fixture
def foreign(kubeconfig: Path, clean_lab: Kube, tmp_path: Path) -> Workbench:
    """A workbench for which the cluster is somebody else's; task 1 is solved there."""
    file = tmp_path / "kubeconfig"
    file.write_text(kubeconfig.read_text())
    workbench = Workbench(Choice(kubeconfig=str(file)))
    root = workbench.catalog.lab.root
    Solver(clean_lab, root, lambda line: None).solve("task1")
    return workbench


@pytest.fixture
def agreed(foreign: Workbench) -> Iterator[Workbench]:
    """The same, and its owner has agreed to temporary objects."""
    connection = foreign.cluster.connection
    remember_consent(connection.host, connection.context)
    yield foreign
    forget_consent(connection.host)


def grade(workbench: Workbench, name: str) -> CheckResult:
    report = workbench.grade(workbench.catalog.select([name]), lambda event: None)
    return report.checks[0]


def probes(kube: Kube) -> list[str]:
    return [name_of(obj) for obj in kube.list(ALGORITHM, PLATFORM, labels=MARK) or []]


def test_without_a_record_and_without_consent_nothing_is_judged(foreign: Workbench) -> None:
    forget_consent(foreign.cluster.connection.host)
    result = grade(foreign, "algorithm_deletion")
    assert (result.outcome, result.cause) == (Outcome.ERROR, "capability")
    assert "may not write" in result.reason


def test_read_only_means_no_probe(agreed: Workbench, clean_lab: Kube) -> None:
    agreed.read_only = True
    assert grade(agreed, "algorithm_deletion").outcome is Outcome.ERROR
    assert probes(clean_lab) == []


def test_a_temporary_resource_goes_the_same_way_and_is_gone(
    agreed: Workbench, clean_lab: Kube
) -> None:
    result = grade(agreed, "algorithm_deletion")
    assert result.outcome is Outcome.PASSED, result.reason
    assert probes(clean_lab) == []


def test_what_is_still_stuck_fails_on_a_foreign_cluster_too(
    agreed: Workbench, clean_lab: Kube
) -> None:
    sample = clean_lab.get(ALGORITHM, "sample-momentum-algo", PLATFORM) or {}
    body = {
        "apiVersion": "fintech.io/v1",
        "kind": "TradingAlgorithm",
        "metadata": {"name": "test-deletion-algo", "finalizers": ["lab.fintech.io/hold"]},
        "spec": sample["spec"],
    }
    clean_lab.create(ALGORITHM, body, PLATFORM)
    clean_lab.delete(ALGORITHM, "test-deletion-algo", PLATFORM)
    result = grade(agreed, "algorithm_deletion")
    assert result.outcome is Outcome.FAILED
    assert "waits for lab.fintech.io/hold" in result.reason


def test_ten_finalizers_that_nobody_serves_are_named(agreed: Workbench, clean_lab: Kube) -> None:
    sample = clean_lab.get(ALGORITHM, "sample-momentum-algo", PLATFORM) or {}
    names = [f"example.com/f{number}" for number in range(10)]
    body = {
        "apiVersion": "fintech.io/v1",
        "kind": "TradingAlgorithm",
        "metadata": {"name": "test-deletion-algo", "finalizers": names},
        "spec": sample["spec"],
    }
    clean_lab.create(ALGORITHM, body, PLATFORM)
    clean_lab.delete(ALGORITHM, "test-deletion-algo", PLATFORM)
    result = grade(agreed, "algorithm_deletion")
    assert result.outcome is Outcome.FAILED
    assert all(name in result.reason for name in names)


def test_an_interrupted_grading_takes_its_probe_along(
    agreed: Workbench, clean_lab: Kube, kubeconfig: Path
) -> None:
    """The probe is held up by a finalizer of its own; Ctrl-C comes while it waits."""
    seen = threading.Event()

    def hold() -> None:
        for event in clean_lab.watch(ALGORITHM, PLATFORM, seconds=60):
            if event.type == "ADDED" and MARK in dig(event.object, "metadata.labels", {}):
                seen.set()
                return

    watching = threading.Thread(target=hold, daemon=True)
    watching.start()
    command = [sys.executable, "-m", "labgrader", "check", "algorithm_deletion"]
    command += ["--kubeconfig", str(agreed.choice.kubeconfig)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert seen.wait(30)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert wait_until(lambda: probes(clean_lab) == [], 20)
