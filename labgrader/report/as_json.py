"""``--format json``: the contract for other people's pipelines. The schema ships beside it."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

from labgrader.model.result import CheckResult, Report, Score, TaskResult
from labgrader.report.clean import to_json

SCHEMA_VERSION = 1
SCHEMA = Path(__file__).parent.parent / "schemas" / "report.schema.json"


def render(report: Report) -> str:
    """Return the report as a JSON document that ends with a newline."""
    return to_json(as_data(report)) + "\n"


def as_data(report: Report) -> dict[str, Any]:
    """Return the report as plain data, in the order of the contract."""
    cluster = report.cluster
    return {
        "schema_version": SCHEMA_VERSION,
        "lab": report.lab,
        "cluster": {
            "provider": cluster.provider,
            "context": cluster.context,
            "server_version": cluster.server_version,
            "nodes": cluster.nodes,
        },
        "started_at": report.started_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "duration_ms": report.duration_ms,
        "api_requests": report.api_requests,
        "outcome": report.outcome.value,
        "score": _score(report.score),
        "tasks": [_task(task) for task in report.tasks],
    }


def _task(task: TaskResult) -> dict[str, Any]:
    return {
        "id": task.id,
        "title": task.title,
        "budget_seconds": task.budget_seconds,
        "outcome": task.outcome.value,
        "score": _score(task.score),
        "checks": [_check(check) for check in task.checks],
    }


def _check(check: CheckResult) -> dict[str, Any]:
    return {
        "id": check.id,
        "step": check.step,
        "title": check.title,
        "outcome": check.outcome.value,
        "cause": check.cause.value if check.cause else None,
        "blocked_by": check.blocked_by,
        "optional": check.optional,
        "points": number(check.points),
        "earned": number(check.earned),
        "reason": check.reason,
        "expected": check.expected,
        "actual": check.actual,
        "fix": check.fix,
        "erratum": check.erratum,
        "items": [
            {
                "name": item.name,
                "outcome": item.outcome.value,
                "points": number(item.points),
                "earned": number(item.earned),
                "reason": item.reason,
                "conditions": [
                    {"name": one.name, "outcome": one.outcome.value, "reason": one.reason}
                    for one in item.conditions
                ],
            }
            for item in check.items
        ],
        "evidence": [
            {"object": e.object, "path": e.path, "value": e.value} for e in check.evidence
        ],
        "duration_ms": check.duration_ms,
    }


def _score(score: Score) -> dict[str, Any]:
    return {
        "earned": number(score.earned),
        "possible": number(score.possible),
        "withheld": number(score.withheld),
        "bonus": number(score.bonus),
    }


def number(points: float) -> int | float:
    """Return whole points as an int, so that they read as people write them."""
    return int(points) if float(points).is_integer() else round(points, 2)
