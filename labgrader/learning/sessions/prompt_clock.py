"""Writes the remaining time into a file that the prompts of the learner's shells read (ADR 19)."""

from __future__ import annotations

import time

from labgrader.errors import LabError
from labgrader.learning.sessions.sessions import Sessions
from labgrader.learning.sessions.state import SILENCE_SECONDS, SessionState
from labgrader.model.modes import Mode
from labgrader.model.task import Lab


def line_now(all_sessions: Sessions, lab: Lab, context: str) -> str:
    """Return the line of the session that is open on this cluster; empty where there is none."""
    try:
        record = all_sessions.of(lab.id).newest()
    except LabError:  # sessions that cannot be read are said where they are asked for
        return ""
    if record is None or record.context != context:
        return ""
    return line_of(record, lab, time.time())


def line_of(record: SessionState, lab: Lab, now: float) -> str:
    """Return ``UNTIL DEADLINE STARTED DONE``: seconds since the epoch, and a task's id.

    After UNTIL a running clock is not to be believed: whoever wrote the line is gone. 0 stands for
    no deadline, or for a clock that does not run; DONE is the task whose time rests because it is
    done, or empty.
    """
    task = lab.task(record.task)
    if record.state != "running" or (record.silent and record.mode is not Mode.TIMED):
        return f"0 0 0 {record.done}\n"
    if record.runs_on or task is None:
        spent, budget = record.seconds, record.whole(lab)
    else:
        spent, budget = record.spent.get(task.id, 0.0), record.budget(task.budget_seconds)
    deadline = 0.0 if budget is None else now + budget - spent
    return f"{now + SILENCE_SECONDS:.0f} {deadline:.0f} {now - spent:.0f} \n"
