"""Measures the whole lab with simulated nodes: cold, as a process, and warm, by a live grading.

What needs containers or writes is not judged then; that leaves out the probe which runs the backup.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import warm

from labgrader.app.workbench import Workbench
from labgrader.errors import ExitCode
from labgrader.lab_state.solver import Solver

LABGRADER = Path(sys.executable).parent / "labgrader"
ROUNDS = 7

Row = tuple[str, list[float], str]
"""What was measured, the times in milliseconds, and the goal."""


def measure(workbench: Workbench, kubeconfig: Path) -> tuple[list[Row], int]:
    """Solve all tasks by hand and grade them; return rows, and the requests of a cold check."""
    solver = Solver(workbench.cluster, workbench.catalog.lab.root, lambda line: None, manual=True)
    for task in workbench.catalog.lab.tasks:
        solver.solve(task.id)
    command = ["check", "all", "--read-only", "--allow-unjudged", "capability"]
    command += ["--format", "json", "--kubeconfig", str(kubeconfig)]
    times, requests = cold(command)
    return [
        ("cold `labgrader check all --read-only`, nodes simulated", times, "≤ 1500 ms"),
        ("… the warm re-check of it, by a live grading", rechecks(workbench), "≤ 150 ms"),
    ], requests


def cold(arguments: Sequence[str]) -> tuple[list[float], int]:
    """Return the times of whole processes in milliseconds, and the requests of the last one."""
    times, requests = [], 0
    for turn in range(1 + ROUNDS):
        began = time.perf_counter()
        done = subprocess.run([LABGRADER, *arguments], capture_output=True, text=True, check=False)
        took = (time.perf_counter() - began) * 1000
        if done.returncode != ExitCode.OK:
            sys.exit(f"the solution does not pass:\n{done.stdout}{done.stderr}")
        if turn:
            times.append(took)
        requests = int(json.loads(done.stdout)["api_requests"])
    return times, requests


def rechecks(workbench: Workbench) -> list[float]:
    """Return the times of a live grading that judges all tasks again, in milliseconds."""
    workbench.read_only = True
    graded = [c for c in workbench.catalog.select(["all"]) if not c.optional]
    return warm.rechecks(workbench, graded)[0]
