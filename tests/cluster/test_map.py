"""The map of a real cluster: children made by hand, a stuck deletion, what was left behind."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from labgrader.app.workbench import Workbench
from labgrader.cli import root
from labgrader.errors import ExitCode
from labgrader.kube.rest_mapper import RestMapper
from labgrader.kube.waiting import wait_until
from labgrader.lab_state.solver import Solver
from labgrader.object_map.watcher import Map, MapWatcher
from labgrader.report.map import as_text

pytestmark = [pytest.mark.cluster]

NS = "trading-platform"
NAME = "momentum-trader-prod"
HOLD = "lab.fintech.io/hold"
PATIENCE = 30.0


@pytest.fixture
def by_hand(workbench: Workbench) -> Workbench:
    """The lab's first tasks solved, and the children of task 4 made by hand."""
    solver = Solver(workbench.cluster, workbench.catalog.lab.root, lambda line: None, manual=True)
    for task in ("task1", "task2", "task3", "task4"):
        solver.solve(task)
    return workbench


def atlas(workbench: Workbench) -> MapWatcher:
    lab = workbench.catalog.lab
    return MapWatcher(workbench.cluster, lab, lab.root)


def indent(text: str, part: str) -> int:
    """Return how deep the line stands that says ``part``."""
    (line,) = [line for line in text.splitlines() if part in line]
    return len(line) - len(line.lstrip(" │├└─"))


def test_children_made_by_hand_are_told_apart_and_what_is_owned_is_not(by_hand: Workbench) -> None:
    text = as_text(atlas(by_hand).read())
    resource = indent(text, f"TradingAlgorithm {NAME}:")
    for child in ("deployment", "service", "hpa"):
        line = next(line for line in text.splitlines() if f" {NAME}-{child}:" in line)
        assert f"no owner: it stays behind when {NAME} is deleted" in line
        assert indent(text, line) == resource + 3
    account = indent(text, "· ServiceAccount trading-operator")
    assert indent(text, "ClusterRoleBinding trading-operator-manager-binding") == account + 3
    assert wait_until(lambda: "ReplicaSet trading-operator-controller" in read(by_hand), PATIENCE)
    deployment = indent(read(by_hand), "Deployment trading-operator-controller")
    assert indent(read(by_hand), "ReplicaSet trading-operator-controller") == deployment + 3


def read(workbench: Workbench) -> str:
    return as_text(atlas(workbench).read())


def test_a_stuck_deletion_and_what_it_leaves_behind_are_seen_live(by_hand: Workbench) -> None:
    cluster = by_hand.cluster
    algorithm = RestMapper(cluster).find("fintech.io/v1", "TradingAlgorithm")
    assert algorithm is not None
    maps: queue.SimpleQueue[Map] = queue.SimpleQueue()
    watching = atlas(by_hand)
    threading.Thread(target=watching.run, args=(maps.put,), daemon=True).start()

    def until(holds: Callable[[str], bool]) -> str:
        while True:
            drawn = maps.get(timeout=PATIENCE)
            assert not drawn.lost
            if not drawn.reading and holds(as_text(drawn)):
                return as_text(drawn)

    try:
        until(lambda text: f"TradingAlgorithm {NAME}:" in text)
        cluster.patch(algorithm, NAME, {"metadata": {"finalizers": [HOLD]}}, NS)
        cluster.delete(algorithm, NAME, NS)
        until(
            lambda text: f"TradingAlgorithm {NAME}: Terminating (held by finalizer {HOLD})" in text
        )
        cluster.patch(algorithm, NAME, {"metadata": {"finalizers": []}}, NS)
        text = until(lambda text: f"TradingAlgorithm {NAME}:" not in text)
        assert f"left behind: {NAME} is gone, and nobody owned this" in text
    finally:
        watching.close()


@pytest.mark.usefixtures("by_hand")
def test_the_command_shows_it(kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert root.run(["map", "--kubeconfig", str(kubeconfig)]) == ExitCode.OK
    drawn = capsys.readouterr().out
    assert "└─ ✔ CustomResourceDefinition tradingalgorithms.fintech.io: Established" in drawn
    assert root.run(["map", "--plain", "--kubeconfig", str(kubeconfig)]) == ExitCode.OK
    plain = capsys.readouterr().out
    assert "Namespace trading-platform: Active; under task1" in plain
    assert not set("│├└─✔✘") & set(plain)
