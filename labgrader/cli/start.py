"""``labgrader start``: opens the lab; without a terminal, prepares it and says what to do next."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import rich_click as click

from labgrader.cli.options import exam_options, workbench_options
from labgrader.engine.levels import Level
from labgrader.workbench import Workbench

if TYPE_CHECKING:
    from labgrader.session.record import Mode


@click.command()
@click.option("--name", default="default", show_default=True, help="Which of the lab's clusters.")
@click.option(
    "--level",
    type=click.Choice([level.value for level in Level]),
    default=Level.GUIDED.value,
    show_default=True,
    help="Everything, manifests with gaps to fill, or the requirements alone.",
)
@exam_options
@workbench_options
def start(workbench: Workbench, name: str, level: str, mode: Mode, factor: float | None) -> int:
    """Open the lab on the chosen cluster; start the embedded one where none is chosen."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        return _open(workbench, name, Level(level), mode, factor)
    workbench = _bring_up(workbench, name, _progress) if _is_ours(workbench) else workbench
    click.echo(f"The lab's cluster is up; kubeconfig: {workbench.target.kubeconfig}")
    click.echo("This is no terminal, so the lab does not open here. Next:")
    click.echo("  labgrader demo             the whole story, on a cluster of its own")
    click.echo("  labgrader check task1      grade what is on the cluster now")
    click.echo("  labgrader start            in a terminal: open the lab")
    return 0


def _open(workbench: Workbench, name: str, level: Level, mode: Mode, factor: float | None) -> int:
    """Open the TUI; it starts the lab's own cluster itself, and shows how that goes."""
    from labgrader.session.book import Book
    from labgrader.tui.app import run_app
    from labgrader.tui.launch import Launch, Progress

    def up(tell: Progress) -> Workbench:
        return _bring_up(workbench, name, tell)

    own = up if _is_ours(workbench) else None
    return run_app(Launch(workbench, Book, own, mode, factor, level))


def _is_ours(workbench: Workbench) -> bool:
    """Whether nobody named a cluster: then it is the lab's own."""
    choice = workbench.choice
    return not (choice.kubeconfig or choice.context or os.environ.get("KUBECONFIG"))


def _bring_up(workbench: Workbench, name: str, tell: Callable[[str, str], None]) -> Workbench:
    """Start the lab's own cluster, and return a workbench on it."""
    from labgrader.cluster.providers import get_provider
    from labgrader.workbench import Choice

    status = get_provider(name=name, nodes="auto").up(tell)
    choice = Choice(str(status.kubeconfig), None, workbench.choice.content)
    return Workbench(choice, workbench.limits)


def _progress(component: str, message: str) -> None:
    click.echo(f"{component}: {message}", err=True)
