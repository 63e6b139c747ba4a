"""``labgrader session``: timed sessions without the TUI. Nothing leaves this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import rich_click as click

from labgrader.cli.options import exam_options, workbench_options
from labgrader.engine.checklists import load_goals
from labgrader.model.errors import UsageError
from labgrader.report.as_json import number
from labgrader.report.pace import as_text as pace_as_text
from labgrader.report.pace import clock
from labgrader.workbench import Workbench

if TYPE_CHECKING:
    from labgrader.session.book import Book
    from labgrader.session.record import Mode, Record


def _book() -> Book:
    from labgrader.session.book import Book

    return Book()


@click.group()
def session() -> None:
    """Time yourself: start, pause, resume; each `check` while it runs is kept.

    Sessions are kept in the state folder until you delete them.
    """


@session.command("list")
def list_() -> None:
    """List all sessions, oldest first."""
    records = _book().records()
    for record in records:
        earned = sum(points[0] for points in record.best.values())
        click.echo(
            f"{record.name}: {record.state}, {clock(record.seconds)}, {number(earned)} points"
        )
    if not records:
        click.echo("no sessions; start one with `labgrader session start`")


@session.command()
@click.option("--name", help="By default the time of day.")
@exam_options
@workbench_options
def start(workbench: Workbench, name: str | None, mode: Mode, factor: float | None) -> None:
    """Start the clock on the chosen cluster; an open session is ended."""
    context = workbench.cluster.connection.context
    record = _book().start(name, workbench.catalog.lab.id, context, mode, factor)
    click.echo(f"{record.name}: the clock runs")


@session.command()
def pause() -> None:
    """Stop the clock."""
    record = _book().pause()
    click.echo(f"{record.name}: paused at {clock(record.seconds)}")


@session.command()
def resume() -> None:
    """Let the clock go on."""
    record = _book().resume()
    click.echo(f"{record.name}: goes on at {clock(record.seconds)}")


@session.command()
def end() -> None:
    """End the session; its clock stands still for good."""
    record = _book().end()
    click.echo(f"{record.name}: ended at {clock(record.seconds)}")


@session.command()
@click.argument("name", required=False)
@workbench_options
def report(workbench: Workbench, name: str | None) -> None:
    """Say how a session went (the newest one where none is named)."""
    from labgrader.session.pace import pace_of

    record = _chosen(name)
    click.echo(f"session {record.name}: {record.state}, {clock(record.seconds)} without pauses")
    best = record.best
    for task in workbench.catalog.lab.tasks:
        earned, possible = best.get(task.id, (0.0, 0.0))
        judged = f"{number(earned)} of {number(possible)} points" if possible else "not judged"
        done = [record.first_passed[c.id] for c in task.criteria() if c.id in record.first_passed]
        last = f", last step green at {clock(max(done))}" if done else ""
        click.echo(f"{task.id}: {judged}, budget {clock(task.budget_seconds)}{last}")
    hints = ", ".join(sorted(set(record.hints))) or "none"
    click.echo(f"gradings: {len(record.gradings)}; hints: {hints}")
    paces = load_goals(workbench.catalog.lab.root).paces
    for line in pace_as_text(pace_of(record, workbench.catalog.lab.tasks, paces)):
        click.echo(line)


@session.command()
@click.argument("name", required=False)
def export(name: str | None) -> None:
    """Print everything that is kept of a session, as JSON."""
    from labgrader.session.store import Store

    record = _chosen(name)
    events = [
        {"at": entry.moment.at.isoformat(), "kind": entry.kind, "data": entry.data}
        for entry in Store().entries(record.name)
    ]
    click.echo(json.dumps({"session": record.name, "events": events}, indent=2))


@session.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(name: str, yes: bool) -> None:
    """Remove a session for good."""
    book = _book()
    record = book.record(name)
    if not yes:
        click.confirm(f"Delete the session {record.name}?", abort=True)
    book.delete(name)
    click.echo(f"{name}: deleted")


def _chosen(name: str | None) -> Record:
    book = _book()
    if name:
        return book.record(name)
    records = book.records()
    if not records:
        raise UsageError("There is no session yet", "Start one with `labgrader session start`")
    return records[-1]
