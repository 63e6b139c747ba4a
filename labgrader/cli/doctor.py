"""``labgrader doctor``: what this machine and cluster can grade, and what the rest would take."""

from __future__ import annotations

import rich_click as click

from labgrader.app.doctor import examine
from labgrader.app.workbench import Workbench
from labgrader.cli.options import workbench_options
from labgrader.errors import ExitCode


@click.command()
@workbench_options
def doctor(workbench: Workbench) -> int:
    """Say what can be graded here, and what would have to change for the rest.

    Exit code 0: everything can be graded; 3: something cannot, and it is named.
    """
    found = examine(workbench)
    for line in found.lines:
        click.echo(line)
    return ExitCode.OK if found.complete else ExitCode.UNJUDGED
