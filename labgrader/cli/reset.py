"""``labgrader reset``: takes the lab back to its start."""

from __future__ import annotations

import sys

import rich_click as click

from labgrader.cli.consent import ask_to_write
from labgrader.cli.options import workbench_options
from labgrader.engine.reset import Reset
from labgrader.model.errors import ExitCode, UsageError
from labgrader.report.clean import one_line
from labgrader.workbench import Workbench


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--include-unknown", is_flag=True, help="Also remove objects that are not the lab's.")
@workbench_options
def reset(workbench: Workbench, dry_run: bool, yes: bool, include_unknown: bool) -> int:
    """Remove what the lab made, finalizers and all, and list what is left.

    Exit code 0: nothing of the lab is left; 1: something is, and it is listed.
    """
    if not dry_run:
        ask_to_write(workbench, "remove the lab's objects", yes=yes)
    job = Reset(workbench.cluster, workbench.catalog.lab.root, _say)
    plan = job.plan()
    if not plan:
        click.echo("nothing of the lab is there")
        return ExitCode.OK
    if dry_run:
        for doomed in plan:
            _say(f"would remove {doomed}")
        for doomed, strangers in job.unknown(plan).items():
            _say(f"would keep {doomed}, because of {', '.join(strangers)}")
        return ExitCode.OK
    _confirm(len(plan), yes=yes)
    residue = job.run(include_unknown=include_unknown)
    for stuck in residue.stuck:
        _say(f"still there: {stuck}")
    for stranger in residue.unknown:
        _say(f"not the lab's, kept: {stranger} (remove it too with --include-unknown)")
    click.echo("something is left" if residue else "nothing of the lab is left")
    return ExitCode.FAILED if residue else ExitCode.OK


def _confirm(count: int, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("There is nobody to ask whether to reset", "Agree with --yes")
    click.confirm(f"Remove {count} objects of the lab?", abort=True)


def _say(line: str) -> None:
    click.echo(one_line(line))
