"""Reports as a grading returns them, made by hand."""

from __future__ import annotations

from datetime import UTC, datetime

from labgrader.errors import Cause
from labgrader.model.result import (
    CheckResult,
    ClusterInfo,
    Evidence,
    Item,
    Outcome,
    Report,
    TaskResult,
)


def report() -> Report:
    """Return a report with every outcome in it."""
    passed = CheckResult("here", "1.1", "It is here", Outcome.PASSED, 2, 2, duration_ms=1)
    failed = CheckResult(
        "right",
        "1.2",
        "It is right",
        Outcome.FAILED,
        6,
        2,
        reason="b is wrong (and 1 more of 3 facts)",
        expected="x",
        actual="y",
        fix="kubectl mend",
        erratum="E3",
        items=(
            Item("a", Outcome.PASSED, 2, 2),
            Item("b", Outcome.FAILED, 2, 0, "b is wrong", "x", "y", "kubectl mend"),
            Item("c", Outcome.FAILED, 2, 0, "c is wrong"),
        ),
        evidence=(Evidence("Thing lab/a", "spec.b", "y"),),
        duration_ms=3,
    )
    blocked = CheckResult(
        "after",
        "1.2",
        "It comes after",
        Outcome.BLOCKED,
        8,
        reason="Waits for right, which did not pass",
        blocked_by="right",
    )
    error = CheckResult(
        "seen",
        "1.3",
        "It can be seen",
        Outcome.ERROR,
        4,
        cause=Cause.FORBIDDEN,
        reason="may not look",
        fix="use other credentials",
    )
    bonus = CheckResult("more", "1.3", "A bonus", Outcome.PASSED, 3, 3, optional=True)
    task = TaskResult("task1", "The task", 360, (passed, failed, blocked, error, bonus))
    cluster = ClusterInfo("embedded", "labgrader-default", "v1.37.2", "simulated")
    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return Report("operator-pipeline", cluster, when, 412, 97, (task,))


def graded(earned: float, context: str = "c") -> Report:
    """Return a grading of one task."""
    outcome = Outcome.PASSED if earned == 20 else Outcome.FAILED
    check = CheckResult("it", "1.1", "It", outcome, 20, earned)
    task = TaskResult("task1", "Task", 60, (check,))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Report("lab", ClusterInfo("embedded", context), now, 1, 1, (task,))
