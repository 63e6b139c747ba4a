"""Resets of the later tasks: dead operators, namespaces that hang, and the way back to a task."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from labgrader.cli import root
from labgrader.cluster.kube import Kube
from labgrader.engine.solve import Solver
from labgrader.engine.waiting import wait_until
from labgrader.model.errors import ExitCode
from labgrader.model.resource import DEPLOYMENT, NAMESPACE, Resource, dig
from labgrader.paths import content_root

pytestmark = [pytest.mark.cluster]

PLATFORM = "trading-platform"
ALGORITHM = Resource("fintech.io", "v1", "tradingalgorithms", "TradingAlgorithm")
CLEAN_UP = "fintech.io/trading-algorithm-cleanup"
TASKS = ("task1", "task2", "task3", "task4", "task5")

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command against the cluster; return its exit code and what it printed."""

    def call(*words: str) -> tuple[int, str]:
        code = root.run([*words, "--kubeconfig", str(kubeconfig), "--yes"])
        return code, capsys.readouterr().out

    return call


@pytest.fixture
def solved(clean_lab: Kube) -> Kube:
    """A cluster on which everything is solved, and on which an operator has died."""
    for task in TASKS:
        Solver(clean_lab, content_root(), lambda line: None, manual=True).solve(task)
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
