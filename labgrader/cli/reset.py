"""``labgrader reset``: takes the lab back to its start."""

from __future__ import annotations

import sys

import rich_click as click

from labgrader.cli.consent import ask_to_write
from labgrader.cli.options import workbench_options
from labgrader.engine.reset import Doomed, Reset
from labgrader.engine.solve import Solver
from labgrader.model.errors import ExitCode, UsageError
from labgrader.report.clean import one_line
from labgrader.workbench import Workbench


@click.command()
@click.option("--to", metavar="taskN", help="Only back to the start of this task.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--include-unknown", is_flag=True, help="Also remove objects that are not the lab's.")
@workbench_options
def reset(
    workbench: Workbench, to: str | None, dry_run: bool, yes: bool, include_unknown: bool
) -> int:
    """Remove what the lab made, finalizers and all, and list what is left.

    With --to, only what that task and later ones made; what the tasks before it need is put back.
    Exit code 0: nothing of the lab is left there; 1: something is, and it is listed.
    """
    kept, removed = _split(workbench, to)
    if not dry_run:
        ask_to_write(workbench, "remove the lab's objects", yes=yes)
    job = Reset(workbench.cluster, workbench.catalog.lab.root, _say, tasks=removed)
    plan = job.plan()
    if dry_run:
        return _foretell(job, plan, kept)
    if not plan and not kept:
        click.echo("nothing of the lab is there")
        return ExitCode.OK
    _confirm(len(plan), yes=yes)
    residue = job.run(include_unknown=include_unknown)
    solver = Solver(workbench.cluster, workbench.catalog.lab.root, _say)
    for task_id in kept:
        solver.solve(task_id)
    for stuck in residue.stuck:
        _say(f"still there: {stuck}")
    for stranger in residue.unknown:
        _say(f"not the lab's, kept: {stranger} (remove it too with --include-unknown)")
    place = f"the lab is at the start of {to}" if kept else "nothing of the lab is left"
    click.echo("something is left" if residue else place)
    return ExitCode.FAILED if residue else ExitCode.OK


def _split(workbench: Workbench, to: str | None) -> tuple[list[str], list[str] | None]:
    """Return the tasks before ``to``, and those from it on (None: everything)."""
    known = [task.id for task in workbench.catalog.lab.tasks]
    if to is None or (known and to == known[0]):
        return [], None
    if to not in known:
        raise UsageError(f"There is no task called {to!r}", f"Known are: {', '.join(known)}")
    return known[: known.index(to)], known[known.index(to) :]


def _foretell(job: Reset, plan: list[Doomed], kept: list[str]) -> int:
    """Say what a reset would do."""
    for doomed in plan:
        _say(f"would remove {doomed}")
    for doomed, strangers in job.unknown(plan).items():
        _say(f"would keep {doomed}, because of {', '.join(strangers)}")
    for task_id in kept:
        _say(f"would put back the solution of {task_id}")
    if not plan:
        click.echo("nothing of the lab is there")
    return ExitCode.OK


def _confirm(count: int, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("There is nobody to ask whether to reset", "Agree with --yes")
    click.confirm(f"Remove {count} objects of the lab?", abort=True)


def _say(line: str) -> None:
    click.echo(one_line(line))
