"""Starts and ends exams, for both shells: resets, grades once, records the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from labgrader.app.workbench import Workbench
from labgrader.errors import UsageError
from labgrader.learning.sessions import policy
from labgrader.learning.sessions.recorder import SessionRecorder
from labgrader.learning.sessions.sessions import graded
from labgrader.learning.sessions.state import SessionState
from labgrader.model.modes import Terms
from labgrader.model.result import Report, Verdict
from labgrader.model.task import Lab, points_of
from labgrader.report.as_json import number
from labgrader.report.clean import one_line
from labgrader.report.pace import clock
from labgrader.util.suggestion import unknown

if TYPE_CHECKING:
    from labgrader.lab_state.reset_plan import Doomed

SETTLE_SECONDS = 60.0
"""How long the grading at the end waits for what is still starting."""

AGAIN_SECONDS = 10.0
"""How long it rests between two looks in that time."""

Say = Callable[[str], None]


def terms_of(lab: Lab, asked: Terms) -> Terms:
    """Return the terms of an exam on ``lab``: what was asked for, and what the manifest says.

    With only some of the tasks, the manifest's time limit and pass mark do not hold.

    Raises:
        UsageError: there is no such task, or the tasks do not follow each other.
    """
    if not asked.tasks:
        return replace(asked, minutes=lab.exam_minutes, pass_mark=lab.exam_pass)
    known = [task.id for task in lab.tasks]
    for name in asked.tasks:
        if name not in known:
            raise unknown("task", name, known)
    places = sorted({known.index(name) for name in asked.tasks})
    if places != list(range(places[0], places[-1] + 1)):
        raise UsageError("The tasks of an exam must follow each other", "Such as task2,task3")
    return replace(asked, tasks=tuple(known[place] for place in places))


def terms_lines(lab: Lab, terms: Terms, factor: float | None) -> tuple[str, ...]:
    """Return what is said before the exam starts, one line for each fact."""
    tasks = [task for task in lab.tasks if not terms.tasks or task.id in terms.tasks]
    seconds = sum(task.budget_seconds for task in tasks)
    minutes = seconds / 60 if terms.minutes is None else terms.minutes
    points = points_of(criterion for task in tasks for criterion in task.criteria())
    named = f" ({', '.join(terms.tasks)})" if terms.tasks else ""
    count = "1 task" if len(tasks) == 1 else f"{len(tasks)} tasks"
    limit = None if factor is None else minutes * factor
    head = f"{lab.title}: {count}{named}, {points} points."
    return (head, *policy.terms(limit, terms.pass_mark, terms.breaks))


def leftovers(workbench: Workbench) -> Sequence[Doomed]:
    """Return the objects of the lab that are on the cluster: an exam starts without them."""
    from labgrader.lab_state.reset import Reset

    return Reset(workbench.cluster, workbench.catalog.lab.root, lambda line: None).plan()


def prepare(workbench: Workbench, terms: Terms, say: Say) -> None:
    """Remove the lab's objects, then deploy what the tasks before the exam's own leave behind.

    Raises:
        UsageError: something of the lab could not be removed.
    """
    from labgrader.lab_state.reset import Reset
    from labgrader.lab_state.solver import Solver

    lab = workbench.catalog.lab
    residue = Reset(workbench.cluster, lab.root, say).run()
    if residue:
        left = one_line(", ".join(residue.lines[:3]))
        raise UsageError(
            f"The cluster is not fresh: {left}", "Try `labgrader reset --include-unknown`"
        )
    if terms.tasks:
        manual = not workbench.runs_containers
        solver = Solver(workbench.cluster, lab.root, say, manual=manual)
        for task in lab.tasks[: [task.id for task in lab.tasks].index(terms.tasks[0])]:
            solver.solve(task.id)


def final_report(
    workbench: Workbench, record: SessionState, rest: Callable[[float], object] = time.sleep
) -> Report:
    """Grade the exam's tasks; what does not pass yet has ``SETTLE_SECONDS`` to settle."""
    tasks = record.tasks_of(workbench.catalog.lab)
    criteria = [criterion for task in tasks for criterion in task.criteria()]
    report = workbench.grade(criteria, lambda event: None)
    waited = 0.0
    while report.outcome is not Verdict.PASSED and waited < SETTLE_SECONDS:
        rest(AGAIN_SECONDS)
        waited += AGAIN_SECONDS
        report = workbench.grade(criteria, lambda event: None)
    return report


def conclude(
    workbench: Workbench,
    session_recorder: SessionRecorder,
    how: str,
    rest: Callable[[float], object] = time.sleep,
) -> SessionState:
    """End an exam: its clock stops, the cluster is graded, and that is the score.

    Where this is interrupted, the clock stays stopped and it can be called again.

    Args:
        how: ``time``, ``finish`` or ``end``.

    Raises:
        LabError: the cluster cannot be graded.
    """
    if session_recorder.record().state != "closing":
        session_recorder.note("closing", how=how)
    report = final_report(workbench, session_recorder.record(), rest)
    session_recorder.note("scored", **graded(report.tasks))
    session_recorder.note("ended")
    return session_recorder.record()


def is_over(record: SessionState, lab: Lab) -> bool:
    """Whether the time of an exam is over, or it is being graded."""
    left = record.left(lab)
    return record.is_exam and (record.state == "closing" or (left is not None and left <= 0))


def result_line(record: SessionState, lab: Lab) -> str:
    """Return how an exam ended, in one line."""
    if record.how == "void":
        return f"exam void at {clock(record.seconds)}: {record.because}"
    possible = points_of(c for task in record.tasks_of(lab) for c in task.criteria())
    told = f"exam ended {clock(record.seconds)}: {number(record.earned)} of {possible} points"
    if record.pass_mark is None:
        return told
    passed = record.earned >= record.pass_mark
    return f"{told}, {'passed' if passed else 'not passed'} ({number(record.pass_mark)} needed)"
