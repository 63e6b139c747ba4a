"""``labgrader start``: opens the lab; without a terminal, prepares it and says what to do next."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import rich_click as click

from labgrader.app.workbench import Workbench
from labgrader.cli import guard
from labgrader.cli.options import exam_options, level_option, workbench_options
from labgrader.errors import LabError, UsageError
from labgrader.model.modes import Level, Mode, Terms
from labgrader.serve import BROWSER
from labgrader.tui.launch import Wish

if TYPE_CHECKING:
    from labgrader.learning.sessions.state import SessionState

Progress = Callable[[str, str], None]


@click.command()
@click.option("--name", default="default", show_default=True, help="Which of the lab's clusters.")
@level_option
@click.option("--at-once", is_flag=True, help="Begin (or go on) without the welcome.")
@click.option("--split", is_flag=True, help="Have your shell beside the lab (needs tmux).")
@click.option("--plain", is_flag=True, help="With --exam: the whole exam as plain text.")
@exam_options
@workbench_options
def start(
    workbench: Workbench,
    name: str,
    level: Level,
    mode: Mode,
    factor: float | None,
    terms: Terms,
    *,
    split: bool,
    at_once: bool,
    plain: bool,
) -> int:
    """Open the lab on the chosen cluster; start the embedded one where none is chosen.

    While an exam runs, this goes back to it.
    """
    exam = _running_exam(workbench, name, mode)
    if plain and mode is not Mode.EXAM and exam is None:
        raise UsageError(
            "--plain is for exams", "Add --exam; for practice see `labgrader tasks` and `check`"
        )
    if plain:
        from labgrader.cli import plain_exam
        from labgrader.learning.sessions.sessions import Sessions

        return plain_exam.sit(on_a_cluster(workbench, name), exam, factor, terms, Sessions())
    if split:
        from labgrader.cli import split as panes

        workbench = on_a_cluster(workbench, name)
        panes.split(workbench, sys.argv[1:], os.environ)
    if os.environ.get(BROWSER) or (sys.stdin.isatty() and sys.stdout.isatty()):
        wanted = Wish(mode, factor, level, terms=terms)
        return _open(workbench, name, wanted, at_once=at_once)
    workbench = on_a_cluster(workbench, name)
    click.echo(f"The lab's cluster is up; kubeconfig: {workbench.target.kubeconfig}")
    click.echo("Not a terminal: the lab UI cannot open. Next:")
    if exam is not None:
        click.echo("  labgrader tasks            the requirements of the exam that is running")
        click.echo("  labgrader session end      end the exam and grade it")
        return 0
    click.echo("  labgrader demo             the whole story, on a cluster of its own")
    click.echo("  labgrader check task1      grade what is on the cluster now")
    click.echo("  labgrader start            in a terminal: open the lab")
    return 0


def _running_exam(workbench: Workbench, name: str, mode: Mode) -> SessionState | None:
    """Return the exam that runs on the chosen cluster.

    Raises:
        UsageError: it runs elsewhere, is open in another program, or a new session is asked for.
    """
    record = guard.current()
    if record is None or not record.is_exam:
        return None
    from labgrader.clusters.target import LAB_CONTEXT
    from labgrader.learning.sessions.cluster_lock import holder

    ours = _is_ours(workbench)
    context = f"{LAB_CONTEXT}{name}" if ours else workbench.connection.context
    where = f"An exam is running on context {record.context} ({record.name})"
    back = "Go back to it with `labgrader start`, or end it with `labgrader session end`"
    if mode is not Mode.PRACTICE or (workbench.catalog.lab.id, context) != (
        record.lab,
        record.context,
    ):
        raise UsageError(f"{where}; nothing else can be started", back)
    taken_by = ""
    with suppress(LabError):  # the lab's own cluster may have to be started first
        taken_by = holder(workbench.connection.host)
    if taken_by:
        raise UsageError(f"{where}; it is open already ({taken_by})", "Use that window")
    return record


def _open(workbench: Workbench, name: str, wanted: Wish, *, at_once: bool) -> int:
    """Open the TUI; it starts the lab's own cluster itself, and shows how that goes."""
    began = datetime.now(UTC)
    with _opening():
        from labgrader.learning.sessions.sessions import Sessions
        from labgrader.tui.app import run_app
        from labgrader.tui.launch import Launch

        def up(tell: Progress) -> Workbench:
            return on_a_cluster(workbench, name, tell)

        own = up if _is_ours(workbench) else None
        offered = (wanted.mode, wanted.factor, wanted.level)
        code = run_app(Launch(workbench, Sessions, own, *offered, at_once, terms=wanted.terms))
    if not os.environ.get(BROWSER):
        from labgrader.cli.exit_message import say_farewell

        say_farewell(workbench, began, name if own else None)
    return code


@contextmanager
def _opening() -> Iterator[None]:
    """Say in a line that the lab opens: importing Textual alone takes the best part of a second.

    The screen covers the line; it is wiped out when the screen is gone (or never came).
    """
    terminal = sys.stdout.isatty()
    if terminal:
        click.echo("Opening the lab …", nl=False)
    try:
        yield
    finally:
        if terminal:
            click.echo("\r\x1b[K", nl=False)


def _say(component: str, message: str) -> None:
    click.echo(f"{component}: {message}", err=True)


def on_a_cluster(workbench: Workbench, name: str, tell: Progress = _say) -> Workbench:
    """Return a workbench with a cluster behind it; start the lab's own when none was named."""
    if not _is_ours(workbench):
        return workbench
    from labgrader.clusters.providers import get_provider

    status = get_provider(name=name, nodes="auto", labs=[workbench.pack.manifest]).up(tell)
    choice = workbench.choice.at(str(status.kubeconfig))
    return Workbench(choice, workbench.limits, workbench.tell)


def _is_ours(workbench: Workbench) -> bool:
    """Whether nobody named a cluster: then it is the lab's own."""
    choice = workbench.choice
    return not (choice.kubeconfig or choice.context or os.environ.get("KUBECONFIG"))
