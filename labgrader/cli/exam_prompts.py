"""What `start` and `session` do with an exam in a terminal: agree to it, and end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from labgrader.app import exams
from labgrader.cli import consent
from labgrader.errors import UsageError
from labgrader.report.clean import one_line

if TYPE_CHECKING:
    from labgrader.app.workbench import Workbench
    from labgrader.learning.sessions.sessions import Sessions
    from labgrader.learning.sessions.state import SessionState
    from labgrader.model.modes import Terms


def confirm(question: str, *, yes: bool) -> None:
    """Return when the learner agrees.

    Raises:
        UsageError: there is no terminal to ask in.
        Canceled: the answer is no.
    """
    if yes:
        return
    if not consent.is_terminal():
        raise UsageError(f"{question} Not a terminal", "Pass --yes to agree")
    consent.confirm(question)


def ask_to_end(record: SessionState | None, *, yes: bool) -> None:
    """Ask before a new session ends the one that is open."""
    if record is not None:
        confirm(f"End the open session {record.name}?", yes=yes)


def agree(workbench: Workbench, asked: Terms, factor: float | None, *, yes: bool) -> Terms:
    """Say what will happen, make the cluster fresh, and return the terms once they are agreed to.

    Raises:
        UsageError: the tasks make no exam, or the learner does not agree.
    """
    lab = workbench.catalog.lab
    terms = exams.terms_of(lab, asked)
    for line in exams.terms_lines(lab, terms, factor):
        click.echo(line)
    found = exams.leftovers(workbench)
    if found or terms.tasks:
        consent.ask_to_write(workbench, "prepare the exam", yes=yes)
    if found:
        context = workbench.cluster.connection.context
        question = f"Remove {len(found)} objects of the lab from context {context}?"
        confirm(f"An exam starts on a fresh cluster. {question}", yes=yes)
    confirm("Start the exam now?", yes=yes)
    if found or terms.tasks:
        exams.prepare(workbench, terms, _say)
    return terms


def end(
    workbench: Workbench, all_sessions: Sessions, exam: SessionState, because: str, *, yes: bool
) -> None:
    """End the exam: void with a reason, else by grading the cluster.

    Raises:
        UsageError: another cluster or lab is chosen than the exam's, or the learner does not agree.
        LabError: the cluster cannot be graded.
    """
    from labgrader.learning.sessions.recorder import SessionRecorder

    lab = workbench.catalog.lab
    if because:
        confirm("End the exam without a score?", yes=yes)
        click.echo(exams.result_line(all_sessions.end("void", one_line(because)), lab))
        return
    chosen = (lab.id, workbench.cluster.connection.context)
    if chosen != (exam.lab, exam.context):
        raise UsageError(
            f"The exam is on context {exam.context}",
            "Choose it with --kubeconfig and --context, or end it with --void --because TEXT",
        )
    over = exams.is_over(exam, lab)
    confirm("End the exam and grade it?", yes=yes or over)
    click.echo("Grading the cluster (up to 60 s) ...", err=True)
    session_recorder = SessionRecorder(all_sessions, exam.name)
    record = exams.conclude(workbench, session_recorder, "time" if over else "end")
    click.echo(exams.result_line(record, lab))
    click.echo("Next: `labgrader session report`, `labgrader check`, `labgrader solution`")


def _say(line: str) -> None:
    click.echo(one_line(line), err=True)
