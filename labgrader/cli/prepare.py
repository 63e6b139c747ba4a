"""``labgrader cluster prepare|unprepare``: what the lab needs on a cluster of your own."""

from __future__ import annotations

import rich_click as click

from labgrader.app.workbench import Workbench
from labgrader.cli.consent import ask_to_write
from labgrader.cli.options import workbench_options
from labgrader.clusters import target as targets
from labgrader.clusters.embedded.binary import kube_crds
from labgrader.clusters.existing import Existing
from labgrader.errors import ExitCode
from labgrader.report.clean import one_line


@click.command()
@click.option("--yes", is_flag=True, help="Agree to it without being asked.")
@workbench_options
def prepare(workbench: Workbench, yes: bool) -> None:
    """Add to a cluster of your own what the lab needs there (monitoring CRDs), after consent."""
    ask_to_write(workbench, "add the monitoring CRDs, and later the lab's objects", yes=yes)
    _existing(workbench).prepare()
    connection = workbench.cluster.connection
    if not workbench.target.owned:
        targets.remember_consent(connection.host, connection.context)
    click.echo(f"context {connection.context} is ready for the lab")


@click.command()
@click.option("--yes", is_flag=True, help="Agree to it without being asked.")
@workbench_options
def unprepare(workbench: Workbench, yes: bool) -> int:
    """Remove what `prepare` added, and nothing else; take the consent back."""
    ask_to_write(workbench, "remove the CRDs that `prepare` added", yes=yes)
    kept = _existing(workbench).unprepare()
    for line in kept:
        click.echo(f"kept {one_line(line)}")
    if kept:
        click.echo("Run `labgrader reset` first, or delete what uses them")
        return ExitCode.FAILED
    targets.forget_consent(workbench.cluster.connection.host)
    click.echo("nothing that `prepare` added is left")
    return ExitCode.OK


def _existing(workbench: Workbench) -> Existing:
    return Existing(workbench.cluster, kube_crds(), lambda line: click.echo(one_line(line)))
