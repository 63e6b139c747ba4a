"""How the time stands, in one line that the prompts of the learner's shells read (ADR 19)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from labgrader.model.task import Lab
from labgrader.session.record import SILENCE_SECONDS, Record


class PromptClock:
    """Keeps the line up to date; a line that cannot be written leaves prompts without a time.

    Args:
        path: the file, in a folder that is there.
        lab: whose budgets the time is held against.
        now: the time of day, in seconds since the epoch: what a shell knows without a process.
    """

    def __init__(self, path: Path, lab: Lab, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._lab = lab
        self._now = now

    def show(self, record: Record) -> None:
        """Write how ``record`` stands; from one thread at a time."""
        new = self._path.with_suffix(".new")
        with suppress(OSError):
            new.write_text(line_of(record, self._lab, self._now()), encoding="utf-8")
            os.replace(new, self._path)  # noqa: PTH105 - a prompt never reads half a line


def line_of(record: Record, lab: Lab, now: float) -> str:
    """Return ``UNTIL DEADLINE STARTED DONE``: seconds since the epoch, and a task's id.

    After UNTIL a running clock is not to be believed: the heartbeat that writes the line is gone.
    0 stands for no deadline, or for a clock that does not run; DONE is the task whose time rests
    because it is done, or empty.
    """
    task = lab.task(record.task)
    if record.state != "running":
        return f"0 0 0 {record.done}\n"
    if record.is_exam or task is None:
        spent, budget = record.seconds, record.budget(lab.budget_seconds)
    else:
        spent, budget = record.spent.get(task.id, 0.0), record.budget(task.budget_seconds)
    deadline = 0.0 if budget is None else now + budget - spent
    return f"{now + SILENCE_SECONDS:.0f} {deadline:.0f} {now - spent:.0f} \n"
