"""``labgrader start``: opens the lab; without a terminal, prepares it and says what to do next."""

from __future__ import annotations

import os
import sys

import rich_click as click

from labgrader.cli.options import workbench_options
from labgrader.serve import BROWSER
from labgrader.workbench import Workbench


@click.command()
@click.option("--name", default="default", show_default=True, help="Which of the lab's clusters.")
@click.option("--split", is_flag=True, help="Have your shell beside the lab (needs tmux).")
@workbench_options
def start(workbench: Workbench, name: str, *, split: bool) -> int:
    """Open the lab on the chosen cluster; start the embedded one where none is chosen."""
    workbench = on_a_cluster(workbench, name)
    if split:
        from labgrader.cli import split as panes

        panes.split(workbench, sys.argv[1:], os.environ)
    if os.environ.get(BROWSER) or (sys.stdin.isatty() and sys.stdout.isatty()):
        from labgrader.tui.app import run_app

        return run_app(workbench)
    click.echo(f"The lab's cluster is up; kubeconfig: {workbench.target.kubeconfig}")
    click.echo("This is no terminal, so the lab does not open here. Next:")
    click.echo("  labgrader demo             the whole story, on a cluster of its own")
    click.echo("  labgrader check task1      grade what is on the cluster now")
    click.echo("  labgrader start            in a terminal: open the lab")
    return 0


def on_a_cluster(workbench: Workbench, name: str) -> Workbench:
    """Return a workbench with a cluster behind it; start the lab's own when none was named."""
    choice = workbench.choice
    if choice.kubeconfig or choice.context or os.environ.get("KUBECONFIG"):
        return workbench
    from labgrader.cluster.providers import get_provider
    from labgrader.workbench import Choice

    status = get_provider(name=name, nodes="auto").up(_progress)
    return Workbench(Choice(str(status.kubeconfig), None, choice.content), workbench.limits)


def _progress(component: str, message: str) -> None:
    click.echo(f"{component}: {message}", err=True)
