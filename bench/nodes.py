"""Measures a real node: how soon it is there, and how soon the operator acts on a change."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import whole

from labgrader.app.workbench import Choice, Workbench
from labgrader.clusters.embedded.nodes import images, requirements
from labgrader.clusters.embedded.provider import EmbeddedProvider
from labgrader.errors import LabError
from labgrader.kube.client import Kube
from labgrader.kube.resources import AUTOSCALER, Resource, dig
from labgrader.lab_state.solver import Solver

LABGRADER = Path(sys.executable).parent / "labgrader"
PLATFORM = "trading-platform"
ALGORITHM = Resource("fintech.io", "v1", "tradingalgorithms", "TradingAlgorithm")
NAME = "momentum-trader-prod"
STARTS = 3
CHANGES = 40
SECONDS = 120.0

Row = tuple[str, list[float], str]
"""What was measured, the times in milliseconds, and the goal."""


def impossible() -> str:
    """Return why a real node cannot be measured here, or ""."""
    lacking = str(requirements.find())
    return lacking or ("" if images.built() else "the lab's images are not built")


def measure() -> list[Row]:
    """Start a cluster of its own, solve all tasks there, measure, remove it."""
    provider = EmbeddedProvider(name="bench-real", nodes="real")
    try:
        rows = [("first `cluster up --nodes real`, images imported", [timed(provider.up)], "")]
        again = []
        for _ in range(STARTS):
            provider.down()
            again.append(timed(provider.up))
        rows.append(("warm `cluster up --nodes real`", again, ""))
        workbench = Workbench(Choice(kubeconfig=str(provider.kubeconfig())))
        rows += operator_rows(workbench)
        rows += check_rows(provider.kubeconfig())
        times = whole.rechecks(workbench)
        rows.append(("warm re-check of all, without bonus and jobs", times, "≤ 150 ms"))
        workbench.close()
        return rows
    finally:
        provider.down(purge=True)


def operator_rows(workbench: Workbench) -> list[Row]:
    """Measure the operator in its pod: its start, and how soon a change reaches the children."""
    kube, root = workbench.cluster, workbench.catalog.lab.root
    solver = Solver(kube, root, lambda line: None)
    for task in ("task1", "task2"):
        solver.solve(task)
    began = time.perf_counter()
    solver.solve("task3")
    until(lambda: bool(status(kube, "sample-momentum-algo")))
    start = (time.perf_counter() - began) * 1000
    solver.solve("task4")
    followed = [change(kube, 20 + turn % 2) for turn in range(CHANGES)]
    slow = statistics.quantiles(followed, n=20)[-1]
    return [
        ("operator deployed until its first status", [start], ""),
        ("a change until the autoscaler follows", followed, ""),
        ("… the slowest twentieth of these (p95)", [slow], ""),
    ]


def status(kube: Kube, name: str) -> object:
    """Return the phase of a resource."""
    return dig(kube.get(ALGORITHM, name, PLATFORM), "status.phase")


def change(kube: Kube, most: int) -> float:
    """Change the maximum of a resource; return how long its autoscaler took to follow, in ms."""
    until(lambda: autoscaler(kube) is not None)
    wanted = most if autoscaler(kube) != most else most + 2
    began = time.perf_counter()
    patch = {"spec": {"scalingPolicy": {"maxReplicas": wanted}}}
    kube.patch(ALGORITHM, NAME, patch, PLATFORM)
    until(lambda: autoscaler(kube) == wanted, pause=0.002)
    return (time.perf_counter() - began) * 1000


def autoscaler(kube: Kube) -> object:
    """Return the maximum that the autoscaler has."""
    return dig(kube.get(AUTOSCALER, f"{NAME}-hpa", PLATFORM), "spec.maxReplicas")


def check_rows(kubeconfig: Path) -> list[Row]:
    """Measure whole processes; the update is taken back, so task 4 is solved again first."""
    solve: list[str | Path] = [LABGRADER, "solve", "task4", "task5", "--kubeconfig", kubeconfig]
    subprocess.run(solve, capture_output=True, check=True)
    rows = []
    for names in (["task3"], ["task4"], ["task5"], ["all"]):
        command: list[str | Path] = [LABGRADER, "check", *names, "--kubeconfig", kubeconfig]
        times = []
        for _ in range(5):
            began = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            times.append((time.perf_counter() - began) * 1000)
            if done.returncode != 0:
                raise LabError(f"the solution does not pass: {done.stdout}")
        rows.append((f"cold `labgrader check {names[0]}`", times, ""))
    return rows


def timed(call: Callable[[], object]) -> float:
    """Return how long a call takes, in milliseconds."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def until(condition: Callable[[], bool], pause: float = 0.05) -> None:
    """Wait for what must happen."""
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            raise LabError(f"not within {SECONDS:.0f} s")
        time.sleep(pause)
