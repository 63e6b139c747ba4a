"""Where a session's time stands, as text."""

from __future__ import annotations

from collections.abc import Iterator

from labgrader.model.pace import Spent, Standing


def as_text(standing: Standing) -> Iterator[str]:
    """Yield the lines: the level, the tasks over their budgets, what failed longest."""
    yield _level(standing)
    over = [task for task in standing.tasks if task.seconds > task.budget]
    for task in over:
        yield _over(task)
    if not over and standing.done and not standing.untaken:
        yield "every task was within its budget"
    for stuck in standing.stuck:
        word = "failed for" if stuck.solved else "has been failing for"
        yield f"{stuck.criterion} {word} {clock(stuck.seconds)}"


def _level(standing: Standing) -> str:
    told = clock(standing.seconds)
    if not standing.done:
        return f"pace: not done yet, at {told}; the levels are about the whole lab"
    if standing.untaken:
        which = ", ".join(standing.untaken)
        return f"pace: not told, for no time was taken for {which}; s starts a task's time"
    if not standing.compared:
        return f"pace: done in {told}"
    if standing.level is None:
        return f"pace: done in {told}, longer than the benchmarks; time costs no points"
    level = standing.level
    usual = f"{level.least} to {level.most} minutes"
    if standing.between:
        return f"pace: done in {told}, between two levels: counts as {level.level} ({usual})"
    return f"pace: done in {told}, {level.level} ({usual})"


def _over(task: Spent) -> str:
    so_far = "" if task.done else " so far"
    over = clock(task.seconds - task.budget)
    return f"{task.task} took {clock(task.seconds)}{so_far}, {over} over its budget"


def clock(seconds: float) -> str:
    """Return seconds as m:ss."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
