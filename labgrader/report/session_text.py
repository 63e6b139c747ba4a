"""A session's report as plain text and as Markdown: one fact a line, nothing drawn."""

from __future__ import annotations

from collections.abc import Iterator

from labgrader.model.summary import Exam, Run, Summary, TaskRow
from labgrader.report import pace
from labgrader.report.as_json import number
from labgrader.report.checklists import MARKS
from labgrader.report.clean import one_line
from labgrader.report.pace import clock


def as_markdown(summary: Summary) -> str:
    """Return the whole report as Markdown."""
    return f"# {_plain(summary.lab)}\n\n{body(summary)}"


def body(summary: Summary) -> str:
    """Return the report's sections as Markdown, without the title."""
    lines = []
    for title, entries in sections(summary):
        lines += [f"## {title}", "", *(f"- {_plain(entry)}" for entry in entries), ""]
    return "\n".join(lines)


def as_text(summary: Summary) -> Iterator[str]:
    """Yield the whole report as lines, with headings that say what follows."""
    for title, entries in sections(summary):
        yield title
        yield from (f"  {one_line(entry)}" for entry in entries)


def sections(summary: Summary) -> Iterator[tuple[str, list[str]]]:
    """Yield each part of the report: its title, and its facts."""
    yield "Result", list(_result(summary))
    if summary.exam is None:
        yield "Time", list(_time(summary))
    yield "Strengths", list(_strengths(summary))
    if summary.advice:
        yield "Practise next", [f"{one.text}: `{one.command}`" for one in summary.advice]
    for checklist in summary.checklists:
        entries = [f"{MARKS[item.state]} {item.text}" for item in checklist.items]
        yield checklist.title, entries
    if len(summary.history) > 1:
        yield "Earlier sessions", [_history(run) for run in summary.history]


def _result(summary: Summary) -> Iterator[str]:
    run = summary.run
    yield f"session {run.name}: {run.mode}, {run.state}, {clock(run.seconds)} without pauses"
    yield f"{number(run.earned)} of {number(run.possible)} points"
    if summary.exam is not None:
        yield from _exam(summary, summary.exam)
    if summary.at_the_bell is not None:
        yield f"{number(summary.at_the_bell)} points when the time was over"
    if summary.credited >= 1:
        yield f"{clock(summary.credited)} credited: the cluster did not answer"
    for row in summary.tasks:
        yield f"{row.id}: {number(row.earned)} of {number(row.possible)} points, {_spent(row)}"
    if summary.solved:
        yield f"solved by the reference solution: {', '.join(summary.solved)}"
    yield f"hints: {', '.join(summary.hints) or 'none'}"
    yield f"solutions looked at: {', '.join(summary.solutions) or 'none'}"


def _exam(summary: Summary, exam: Exam) -> Iterator[str]:
    ended = {
        "time": "the time was over",
        "finish": "ended by the learner",
        "end": "ended by the learner",
        "void": f"void: {exam.because}",
    }
    if exam.how in ended:
        yield ended[exam.how]
    if exam.pass_mark is not None and exam.how != "void":
        passed = "passed" if summary.run.earned >= exam.pass_mark else "not passed"
        yield f"{passed}: {number(exam.pass_mark)} points are needed"
    if exam.late >= 1:
        yield f"graded {clock(exam.late)} after the end: labgrader was not running"
    if exam.absent >= 1:
        yield f"the clock stood still for {clock(exam.absent)}: labgrader was not running"
    if exam.rested >= 1:
        yield f"breaks: {clock(exam.rested)}"
    if exam.later is not None:
        yield f"after the end: {number(exam.later)} points (not part of the score)"


def _spent(row: TaskRow) -> str:
    if row.budget is None:
        return f"{clock(row.seconds)}, no time limit"
    over = row.seconds - row.budget
    told = f", {clock(over)} over" if over >= 1 else ""
    return f"{clock(row.seconds)}, budget {clock(row.budget)}{told}"


def _time(summary: Summary) -> Iterator[str]:
    yield from pace.as_text(summary.standing)


def _strengths(summary: Summary) -> Iterator[str]:
    for one in summary.strengths:
        share = f"{one.earned / one.possible:.0%}" if one.possible else "no points"
        points = f"{number(one.earned)} of {number(one.possible)}"
        if one.solved:
            share = f"not rated, {', '.join(one.solved)} solved by the reference solution"
        yield f"{one.title}: {share} ({points} points); quiz: {one.quiz}"
    for domain in summary.domains:
        points = f"{number(domain.earned)} of {number(domain.possible)} points"
        yield f"CKA, {domain.title} ({domain.weight} % of the exam): {points}"


def _history(run: Run) -> str:
    began = f"{run.started_at.astimezone():%Y-%m-%d %H:%M}" if run.started_at else "?"
    points = f"{number(run.earned)} of {number(run.possible)} points"
    return f"{began} {run.name}: {run.mode}, {run.state}, {points} in {clock(run.seconds)}"


def _plain(text: str) -> str:
    """Return a line that Markdown shows as it is; `code` of our own stays code."""
    kept = one_line(text)
    for sign in ("\\", "<", "*", "_", "["):
        if "`" not in kept:
            kept = kept.replace(sign, f"\\{sign}")
    return kept
