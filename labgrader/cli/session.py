"""``labgrader session``: timed sessions without the TUI. Nothing leaves this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from labgrader.app import reporting
from labgrader.app.workbench import Workbench
from labgrader.cli.consent import confirm
from labgrader.cli.options import exam_options, workbench_options
from labgrader.errors import UsageError
from labgrader.model.modes import Mode, Terms
from labgrader.report import files
from labgrader.report.as_json import number
from labgrader.report.clean import one_line, to_json
from labgrader.report.pace import clock

if TYPE_CHECKING:
    from labgrader.learning.sessions.sessions import Sessions
    from labgrader.learning.sessions.state import SessionState


def _all_sessions() -> Sessions:
    from labgrader.learning.sessions.sessions import Sessions

    return Sessions()


@click.group()
def session() -> None:
    """Time yourself: start, pause, resume; each `check` while it runs is kept.

    Sessions are kept in the state folder until you delete them.
    """


@session.command("list")
def list_() -> None:
    """List all sessions, oldest first."""
    all_sessions = _all_sessions()
    records = all_sessions.records()
    for record in records:
        points = "exam" if record.is_exam else f"{number(record.earned)} points"
        line = f"{record.name}: {record.state}, {clock(record.seconds)}, {points}"
        if record.set_aside:
            line += f" ({record.set_aside} events cannot be read and are left out)"
        click.echo(one_line(line))
    if all_sessions.unread():
        click.echo(f"labgrader: {all_sessions.unread()} sessions cannot be read", err=True)
    if not records:
        click.echo("no sessions; start one with `labgrader session start`")


@session.command()
@click.option("--name", help="By default the time of day.")
@click.option("--yes", is_flag=True, help="Do not ask: end an open session, start the exam.")
@exam_options
@workbench_options
def start(
    workbench: Workbench,
    name: str | None,
    mode: Mode,
    factor: float | None,
    terms: Terms,
    *,
    yes: bool,
) -> None:
    """Start the clock on the chosen cluster; an open session is ended, after asking."""
    from labgrader.cli import exam_prompts

    lab = workbench.catalog.lab
    all_sessions = _all_sessions().of(lab.id)
    context = workbench.cluster.connection.context
    exam_prompts.ask_to_end(all_sessions.open_one(), yes=yes)
    if mode is Mode.EXAM:
        terms = exam_prompts.agree(workbench, terms, factor, yes=yes)
    record = all_sessions.start(name, lab.id, context, mode, factor, terms)
    click.echo(f"{one_line(record.name)}: the clock runs")
    if mode is Mode.EXAM:
        click.echo("Tasks: `labgrader tasks`. End and grade it: `labgrader session end`")


@session.command()
@workbench_options
def pause(workbench: Workbench) -> None:
    """Stop the clock."""
    record = _all_sessions().of(workbench.pack.manifest.id).pause()
    click.echo(f"{one_line(record.name)}: paused at {clock(record.seconds)}")


@session.command()
@workbench_options
def resume(workbench: Workbench) -> None:
    """Let the clock go on."""
    record = _all_sessions().of(workbench.pack.manifest.id).resume()
    click.echo(f"{one_line(record.name)}: goes on at {clock(record.seconds)}")


@session.command()
@click.option("--void", is_flag=True, help="Of an exam: without a score; needs --because.")
@click.option("--because", metavar="TEXT", help="Why the exam is void; its report says so.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@workbench_options
def end(workbench: Workbench, because: str | None, *, void: bool, yes: bool) -> None:
    """End the session; its clock stands still for good. An exam is graded (up to 60 s)."""
    from labgrader.cli import exam_prompts

    if void and not because:
        raise UsageError("--void needs a reason", "Add --because TEXT")
    if because and not void:
        raise UsageError("--because belongs to --void", "Add --void")
    all_sessions = _all_sessions()
    exam = all_sessions.exam()
    if exam is not None:
        exam_prompts.end(workbench, all_sessions, exam, because or "", yes=yes)
    elif void:
        raise UsageError("No exam is running", "Leave --void out to end a session")
    else:
        record = all_sessions.of(workbench.pack.manifest.id).end()
        click.echo(f"{one_line(record.name)}: ended at {clock(record.seconds)}")


@session.command()
@click.argument("name", required=False)
@click.option("--format", "form", type=click.Choice(["text", "markdown", "html"]), default="text")
@click.option("--output", metavar="FILE", help="Write it there instead of printing it.")
@workbench_options
def report(workbench: Workbench, name: str | None, form: str, output: str | None) -> None:
    """Say how a session went (the newest one where none is named), and what to practise next."""
    from labgrader.report import session_text

    summary = reporting.summary_of(
        workbench, _all_sessions(), _chosen(name, workbench.catalog.lab.id)
    )
    if form == "html":
        from labgrader.report.session_html import as_html

        text = as_html(summary)
    elif form == "markdown":
        text = session_text.as_markdown(summary)
    else:
        text = "".join(f"{line}\n" for line in session_text.as_text(summary))
    if output is None:
        click.echo(text, nl=False)
        return
    files.write(Path(output), text)
    click.echo(f"written to {output}", err=True)


@session.command()
@click.argument("name", required=False)
def export(name: str | None) -> None:
    """Print everything that is kept of a session, as JSON."""
    from labgrader.learning.sessions.store import Store

    record = _chosen(name)
    events = [
        {"at": entry.moment.at.isoformat(), "kind": entry.kind, "data": entry.data}
        for entry in Store().entries(record.name)
    ]
    click.echo(to_json({"session": record.name, "events": events}))


@session.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(name: str, yes: bool) -> None:
    """Remove a session for good."""
    all_sessions = _all_sessions()
    if not yes and name in all_sessions.store.sessions():
        confirm(f"Delete the session {one_line(name)}?")
    all_sessions.delete(name)
    click.echo(f"{one_line(name)}: deleted")


def _chosen(name: str | None, lab: str = "") -> SessionState:
    all_sessions = _all_sessions().of(lab)
    if name:
        return all_sessions.record(name)
    record = all_sessions.newest()
    if record is None:
        raise UsageError("There is no session yet", "Start one with `labgrader session start`")
    return record
