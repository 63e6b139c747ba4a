"""Compares a session's time with the budgets and the benchmarks, and finds what cost it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labgrader.learning.sessions.state import SessionState
from labgrader.model.checklist import Pace
from labgrader.model.pace import Spent, Standing, Stuck
from labgrader.model.task import Task

STUCK_SHOWN = 3
A_MOMENT = 1.0
"""A task that took less (seconds) was done while the clock stood still."""


def pace_of(record: SessionState, tasks: Sequence[Task], paces: Sequence[Pace]) -> Standing:
    """Return where a session stands. Its time ends with the last required check that turned green.

    A task's time begins where the task before it was done, in the order in which they were done.
    Whatever is not done yet shares what has passed since: it goes to the first of these tasks.
    """
    required = {task.id: [c.id for c in task.criteria() if not c.optional] for task in tasks}
    ends = {
        name: max((record.first_passed[c] for c in ids), default=0.0)
        for name, ids in required.items()
        if all(c in record.first_passed for c in ids)
    }
    done = len(ends) == len(tasks)
    seconds = max(ends.values(), default=0.0) if done else record.seconds
    begins: dict[str, float] = {}
    now = 0.0
    for name in sorted(ends, key=lambda name: ends[name]):
        begins[name], now = now, ends[name]
    spent = []
    for task in tasks:
        if task.id in ends:
            took = ends[task.id] - begins[task.id]
        else:
            begins[task.id], took, now = now, seconds - now, seconds
        spent.append(Spent(task.id, took, task.budget_seconds, task.id in ends))
    level = _level(paces, seconds)
    return Standing(
        seconds=seconds,
        done=done,
        level=level,
        between=level is not None and seconds > level.most * 60,
        tasks=tuple(spent),
        stuck=_stuck(record, required, begins),
        compared=bool(paces),
        untaken=tuple(one.task for one in spent if one.done and one.seconds < A_MOMENT),
    )


def _level(paces: Sequence[Pace], seconds: float) -> Pace | None:
    """Return the fastest level that fits; between two levels, the better one counts."""
    for at, pace in enumerate(paces):
        slower = paces[at + 1] if at + 1 < len(paces) else None
        if seconds <= pace.most * 60 or (slower and seconds < slower.least * 60):
            return pace
    return None


def _stuck(
    record: SessionState, required: Mapping[str, Sequence[str]], begins: Mapping[str, float]
) -> tuple[Stuck, ...]:
    """Return what failed longest while its task was worked on, the longest first."""
    found = []
    for task, ids in required.items():
        for name in ids:
            if name in record.first_failed:
                until = record.first_passed.get(name, record.seconds)
                took = until - max(record.first_failed[name], begins[task])
                found.append(Stuck(name, took, name in record.first_passed))
    longest = sorted((one for one in found if one.seconds > 0), key=lambda one: -one.seconds)
    return tuple(longest[:STUCK_SHOWN])
