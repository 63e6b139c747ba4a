"""Sums a session up for its report: points, time, strengths, and what to practise next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labgrader.content.checklists import shares, tick
from labgrader.learning.sessions.knowledge import knowledge
from labgrader.learning.sessions.pace import pace_of
from labgrader.learning.sessions.state import SessionState
from labgrader.learning.sessions.store import Given
from labgrader.model.checklist import Goals
from labgrader.model.drill import Drill
from labgrader.model.modes import Mode
from labgrader.model.pace import Standing
from labgrader.model.quiz import Concept, Known
from labgrader.model.quiz import Standing as Knowledge
from labgrader.model.result import CheckResult, Outcome
from labgrader.model.summary import Advice, Exam, Run, Strength, Summary, TaskRow
from labgrader.model.task import Lab, Task, points_of

MOST_ADVICE = 6
HISTORY = 10


@dataclass(frozen=True, slots=True)
class Background:
    """What of the content a report speaks of."""

    lab: Lab
    goals: Goals
    concepts: Sequence[Concept]
    drills: Sequence[Drill]


def summarize(
    record: SessionState,
    others: Sequence[SessionState],
    answers: Sequence[Given],
    content: Background,
) -> Summary:
    """Return how a session went.

    Args:
        others: all sessions, oldest first, for the history.
        answers: all answers to the lab's quiz.
    """
    lab = content.lab
    known = knowledge(content.concepts, answers)
    standing = pace_of(record, lab.tasks, content.goals.paces)
    rows = tuple(_row(record, task, standing) for task in record.tasks_of(lab))
    results = _results(record, lab)
    return Summary(
        lab=lab.title,
        run=_run(record, lab),
        factor=record.factor,
        credited=record.credited,
        at_the_bell=_at_the_bell(record, lab),
        tasks=rows,
        standing=standing,
        strengths=tuple(_strengths(record, content.concepts, known, lab)),
        advice=tuple(_advice(results, rows, known, content))[:MOST_ADVICE],
        checklists=tuple(tick(content.goals, results)),
        domains=tuple(shares(content.goals, results)),
        hints=tuple(dict.fromkeys(record.hints)),
        solutions=tuple(dict.fromkeys(record.solutions)),
        course=tuple((grading.seconds, grading.earned) for grading in record.gradings),
        history=tuple(_run(other, lab) for other in others if other.lab == lab.id)[-HISTORY:],
        exam=_exam(record, lab),
        solved=tuple(dict.fromkeys(record.solved)),
    )


def _run(record: SessionState, lab: Lab) -> Run:
    return Run(
        name=record.name,
        mode=record.mode.value,
        state=record.state,
        started_at=record.started_at,
        seconds=record.seconds,
        earned=round(record.earned, 2),
        possible=float(sum(points_of(task.criteria()) for task in record.tasks_of(lab))),
    )


def _exam(record: SessionState, lab: Lab) -> Exam | None:
    if record.mode is not Mode.EXAM:
        return None
    left = record.left(lab)
    return Exam(
        how=record.how,
        because=record.because,
        pass_mark=record.pass_mark,
        later=None if record.later is None else record.later.earned,
        absent=record.absent,
        rested=record.rested,
        late=0.0 if left is None or record.final is None else max(0.0, -left),
    )


def _row(record: SessionState, task: Task, standing: Standing) -> TaskRow:
    """Return a task's row; where its own time never ran, the time between its green checks."""
    spent = next(one for one in standing.tasks if one.task == task.id)
    earned, possible = record.points.get(task.id, (0.0, 0.0))[0], float(points_of(task.criteria()))
    seconds = record.spent.get(task.id, 0.0) if record.spent else spent.seconds
    budget = record.budget(task.budget_seconds)
    return TaskRow(task.id, task.title, earned, possible, seconds, budget, spent.done)


def _at_the_bell(record: SessionState, lab: Lab) -> float | None:
    whole = record.whole(lab)
    over = whole is not None and record.seconds >= whole
    if record.mode is not Mode.EXAM or not over or whole is None or record.final is not None:
        return None
    return round(sum(earned for earned, _ in record.best_until(whole).values()), 2)


def _results(record: SessionState, lab: Lab) -> list[CheckResult]:
    """Return how each criterion stood when it was graded last; not graded is not judged."""
    found = []
    for one in lab.criteria():
        outcome, earned = record.checks.get(one.id, (Outcome.ERROR.value, 0.0))
        points = float(one.points)
        found.append(
            CheckResult(one.id, one.step, one.title, Outcome(outcome), points, earned, one.optional)
        )
    return found


def _strengths(
    record: SessionState, concepts: Sequence[Concept], known: Sequence[Known], lab: Lab
) -> Iterator[Strength]:
    for concept, one in zip(concepts, known, strict=True):
        tasks = [task for task in lab.tasks if task.id in concept.tasks]
        earned = sum(record.points.get(task.id, (0.0, 0.0))[0] for task in tasks)
        solved = tuple(task.id for task in tasks if task.id in record.solved)
        asked = f"{one.right} of {one.answered} right, {one.standing.value}"
        quiz = asked if one.answered else "not asked yet"
        yield Strength(
            concept.title,
            earned,
            float(sum(points_of(task.criteria()) for task in tasks)),
            quiz,
            solved,
        )


def _advice(
    results: Sequence[CheckResult],
    rows: Sequence[TaskRow],
    known: Sequence[Known],
    content: Background,
) -> Iterator[Advice]:
    """Yield what to practise: what failed first, then what was slow, then what is not known."""
    wrong = {r.id for r in results if r.outcome is Outcome.FAILED and not r.optional}
    for result in results:
        if result.id in wrong:
            step = f"task{result.step}"
            yield Advice(f"{result.title} ({result.id} failed last)", f"labgrader hint {step}")
    for row in rows:
        if row.budget is not None and row.done and row.seconds > row.budget:
            text = f"{row.title}: it took longer than its budget"
            yield Advice(text, f"labgrader reset --to {row.id}")
    for drill in content.drills:
        if wrong & set(drill.caught_by):
            yield Advice(f"Break and fix: {drill.title}", f"labgrader drill start {drill.name}")
    for one in known:
        if one.standing in (Knowledge.GAP, Knowledge.UNKNOWN):
            yield Advice(f"{one.title}: {one.standing.value}", f"labgrader quiz {one.concept}")
