"""Resets: what holds on, what is not the lab's, resets cut short, and the way back to a task."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from labgrader.cli import root
from labgrader.errors import ExitCode
from labgrader.kube.client import Kube
from labgrader.kube.resources import CONFIG_MAP, CRD, DEPLOYMENT, NAMESPACE, Resource, dig
from labgrader.kube.rest_mapper import RestMapper
from labgrader.kube.waiting import wait_until
from labgrader.lab_state.solver import Solver
from labgrader.paths import STATE_VARIABLE, content_root
from tests.support.commands import Run

pytestmark = [pytest.mark.cluster]

PLATFORM = "trading-platform"
SAMPLE = "sample-momentum-algo"
DEFINITION = "tradingalgorithms.fintech.io"
HOLD = {"metadata": {"finalizers": ["lab.fintech.io/hold"]}}
ALGORITHM = Resource("fintech.io", "v1", "tradingalgorithms", "TradingAlgorithm")
CLEAN_UP = "fintech.io/trading-algorithm-cleanup"
TASKS = ("task1", "task2", "task3", "task4", "task5")


def solve(kube: Kube, task: str) -> None:
    """Deploy the solution of one task."""
    Solver(kube, content_root(), lambda line: None, manual=True).solve(task)


@pytest.fixture
def solved(clean_lab: Kube) -> Kube:
    """A cluster on which everything is solved, and on which an operator has died."""
    for task in TASKS:
        solve(clean_lab, task)
    for name in ("momentum-trader-prod", "arbitrage-trader-prod"):
        clean_lab.patch(ALGORITHM, name, {"metadata": {"finalizers": [CLEAN_UP]}}, PLATFORM)
    return clean_lab


def scores(kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    root.run(["check", "all", "--format", "json", "--kubeconfig", str(kubeconfig)])
    report = json.loads(capsys.readouterr().out)
    return {task["id"]: task["score"]["earned"] for task in report["tasks"]}


def test_what_a_dead_operator_has_promised_does_not_hold_a_reset(run: Run, solved: Kube) -> None:
    code, said = run("reset")
    assert code == ExitCode.OK, said
    assert f"took the finalizers {CLEAN_UP} off TradingAlgorithm" in said
    assert "nobody did within" in said
    assert solved.get(NAMESPACE, PLATFORM) is None


def test_a_namespace_that_hangs_in_its_deletion_is_helped_out(run: Run, solved: Kube) -> None:
    solved.delete(NAMESPACE, PLATFORM)
    assert wait_until(
        lambda: dig(solved.get(NAMESPACE, PLATFORM), "status.phase") == "Terminating", 20
    )
    code, said = run("reset")
    assert code == ExitCode.OK, said
    assert solved.get(NAMESPACE, PLATFORM) is None


@pytest.mark.parametrize("task", ["task3", "task4"])
def test_the_way_back_to_a_task_keeps_what_comes_before(
    run: Run, solved: Kube, kubeconfig: Path, capsys: pytest.CaptureFixture[str], task: str
) -> None:
    before = scores(kubeconfig, capsys)
    assert all(before.values())
    code, said = run("reset", "--to", task)
    assert code == ExitCode.OK, said
    after = scores(kubeconfig, capsys)
    gone = TASKS[TASKS.index(task) :]
    # Nothing of what was done counts any more, not even the deletion that is on record.
    assert after == {name: 0 if name in gone else points for name, points in before.items()}
    children = solved.list(DEPLOYMENT, PLATFORM) or []
    assert not any(dig(one, "metadata.name").endswith("-deployment") for one in children)


def test_reset_takes_stuck_finalizers_off_and_says_so(run: Run, clean_lab: Kube) -> None:
    solve(clean_lab, "task1")
    clean_lab.patch(ALGORITHM, SAMPLE, HOLD, PLATFORM)
    code, said = run("reset")
    assert code == ExitCode.OK, said
    assert "took the finalizers lab.fintech.io/hold off" in said
    assert clean_lab.get(NAMESPACE, PLATFORM) is None


def test_reset_keeps_what_it_does_not_know(run: Run, clean_lab: Kube) -> None:
    solve(clean_lab, "task1")
    precious = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "precious"}}
    clean_lab.create(CONFIG_MAP, precious, PLATFORM)
    code, said = run("reset", "--dry-run")
    assert (code, "would keep Namespace" in said) == (ExitCode.OK, True)
    assert clean_lab.get(ALGORITHM, SAMPLE, PLATFORM) is not None
    code, said = run("reset")
    assert code == ExitCode.FAILED
    assert f"ConfigMap {PLATFORM}/precious" in said
    assert clean_lab.get(CONFIG_MAP, "precious", PLATFORM) is not None
    assert clean_lab.get(CRD, DEFINITION) is None
    code, said = run("reset", "--include-unknown")
    assert code == ExitCode.OK
    assert clean_lab.get(NAMESPACE, PLATFORM) is None


def test_reset_keeps_a_definition_that_others_use(run: Run, clean_lab: Kube) -> None:
    solve(clean_lab, "task1")
    sample = clean_lab.get(ALGORITHM, SAMPLE, PLATFORM)
    assert sample is not None
    twin = {**sample, "metadata": {"name": "theirs", "namespace": "default"}}
    clean_lab.create(ALGORITHM, twin, "default")
    code, said = run("reset")
    assert (code, "TradingAlgorithm default/theirs" in said) == (ExitCode.FAILED, True)
    assert clean_lab.get(ALGORITHM, "theirs", "default") is not None


def test_a_reset_that_is_killed_can_be_run_again(
    run: Run, clean_lab: Kube, kubeconfig: Path
) -> None:
    for number in range(3):
        solve(clean_lab, "task1")
        command = [sys.executable, "-m", "labgrader", "reset", "--yes"]
        process = subprocess.Popen(
            [*command, "--kubeconfig", str(kubeconfig)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(number):  # further on each time
            process.stdout.readline()
        process.kill()
        process.communicate()
    code, said = run("reset")
    assert code == ExitCode.OK, said
    assert clean_lab.get(NAMESPACE, PLATFORM) is None
    assert clean_lab.get(CRD, DEFINITION) is None


def test_reset_gets_past_a_dead_webhook(run: Run, clean_lab: Kube) -> None:
    """Erratum E2 and E11: such a webhook refuses even the removal of a finalizer."""
    solve(clean_lab, "task1")
    clean_lab.patch(ALGORITHM, SAMPLE, HOLD, PLATFORM)
    webhook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "trading-algorithm-validator"},
        "webhooks": [
            {
                "name": "validate.tradingalgorithm.fintech.io",
                "clientConfig": {
                    "service": {"name": "nobody", "namespace": PLATFORM, "path": "/validate"}
                },
                "rules": [
                    {
                        "operations": ["CREATE", "UPDATE"],
                        "apiGroups": ["fintech.io"],
                        "apiVersions": ["v1"],
                        "resources": ["tradingalgorithms"],
                    }
                ],
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
            }
        ],
    }
    resource = RestMapper(clean_lab).find(webhook["apiVersion"], webhook["kind"])
    assert resource is not None
    clean_lab.create(resource, webhook)
    code, said = run("reset")
    assert code == ExitCode.OK, said
    assert clean_lab.get(NAMESPACE, PLATFORM) is None


def test_a_reset_asks_by_the_name_of_the_cluster(
    clean_lab: Kube,
    kubeconfig: Path,
    cluster_state: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    solve(clean_lab, "task1")
    monkeypatch.setenv(STATE_VARIABLE, str(cluster_state))  # the cluster is the lab's own here
    answer = io.StringIO("n\n")
    monkeypatch.setattr(answer, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", answer)
    code = root.run(["reset", "--kubeconfig", str(kubeconfig)])
    out, err = capsys.readouterr()
    assert (code, err) == (ExitCode.INTERRUPTED, "Canceled.\n")
    assert "Remove 3 objects of the lab on the cluster embedded/tests (context labgrader" in out
    assert clean_lab.get(ALGORITHM, SAMPLE, PLATFORM) is not None

    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert root.run(["reset", "--kubeconfig", str(kubeconfig)]) == ExitCode.USAGE
    assert "Not a terminal; pass --yes to reset" in capsys.readouterr().err


def test_the_lab_s_own_clusters_are_listed(
    kubeconfig: Path,
    cluster_state: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(STATE_VARIABLE, str(cluster_state))
    assert root.run(["cluster", "list"]) == ExitCode.OK
    out = capsys.readouterr().out
    assert "- embedded/tests: running, simulated nodes, https://127.0.0.1:" in out
    assert "labgrader-tests" in out
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    assert root.run(["cluster", "list", "--format", "json"]) == ExitCode.OK
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed["current"] is True
    assert (listed["provider"], listed["name"], listed["state"]) == ("embedded", "tests", "running")
    assert listed["context"] == "labgrader-tests"
