"""Measures a live grading that judges everything again."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Sequence

from labgrader.app.workbench import Workbench
from labgrader.cli.exit_code import conclude
from labgrader.errors import Cause, ExitCode
from labgrader.grading.events import RunFinished
from labgrader.grading.snapshot import PROPAGATION_SECONDS
from labgrader.model.result import Report
from labgrader.model.task import Criterion

ROUNDS = 21
WARM_UP = 2
PATIENCE = 120


def rechecks(workbench: Workbench, criteria: Sequence[Criterion]) -> tuple[list[float], int]:
    """Return the times in milliseconds, and how many requests the last one took.

    The pauses of the first rounds are for ADR 9: what was asked just after a change is asked again.
    """
    reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
    live = workbench.live(
        criteria,
        lambda event: reports.put(event.report) if isinstance(event, RunFinished) else None,
    )
    threading.Thread(target=live.run, daemon=True).start()
    demand_passed(reports.get(timeout=PATIENCE))
    times, asked_before = [], 0
    for turn in range(WARM_UP + ROUNDS):
        time.sleep(PROPAGATION_SECONDS if turn < WARM_UP else 0)
        while not reports.empty():  # a change that came by itself
            reports.get()
        began, asked_before = time.perf_counter(), workbench.cluster.requests
        live.refresh()
        demand_passed(reports.get(timeout=PATIENCE))
        if turn >= WARM_UP:
            times.append((time.perf_counter() - began) * 1000)
    live.close()
    return times, workbench.cluster.requests - asked_before


def demand_passed(report: Report) -> Report:
    """End the measurement where the solution does not pass, as far as it can be judged here."""
    if conclude(report, allowed={Cause.CAPABILITY}).code is not ExitCode.OK:
        sys.exit(f"the solution does not pass: {report.score}")
    return report
