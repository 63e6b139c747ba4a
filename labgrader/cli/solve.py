"""``labgrader solve``: deploys the reference solution."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import rich_click as click

from labgrader.app.workbench import Workbench
from labgrader.cli import earlier
from labgrader.cli.consent import ask_to_write
from labgrader.cli.options import complete_names, workbench_options
from labgrader.cli.session_notes import remember
from labgrader.errors import ExitCode
from labgrader.kube.leases import leader
from labgrader.kube.resources import LEASE
from labgrader.lab_state.solver import NotApplied, Solver
from labgrader.learning.sessions.sessions import Sessions
from labgrader.report.clean import one_line
from labgrader.util.suggestion import unknown


@click.command()
@click.argument(
    "which", nargs=-1, required=True, metavar="taskN...|all", shell_complete=complete_names
)
@click.option("--manual", is_flag=True, help="Make by hand what the operator would make (task 4).")
@click.option("--yes", is_flag=True, help="Agree to writing to a cluster of your own.")
@workbench_options
def solve(workbench: Workbench, which: tuple[str, ...], manual: bool, yes: bool) -> int:
    """Deploy the reference solution of one or more tasks.

    What cannot be applied is listed with the field and the command that helps; the rest is applied.
    Exit code 0: everything was applied; 1: something was not.
    """
    lab = workbench.catalog.lab
    known = [task.id for task in lab.tasks]
    for name in which:
        if name not in ("all", *known):
            raise unknown("task", name, ["all", *known])
    ask_to_write(workbench, "deploy the solution", yes=yes)
    wanted = [task_id for task_id in known if task_id in which or "all" in which]
    if not manual and _lacks_operator(workbench, wanted):
        click.echo("no container runs here, and no operator leads: its part is made by hand")
        manual = True
    solver = Solver(workbench.cluster, lab.root, _say, manual=manual)
    context = workbench.cluster.connection.context
    refused: list[str] = []
    for task_id in wanted:
        try:
            solver.solve(task_id)
        except NotApplied as error:
            refused += error.refused
        remember(lab.id, partial(Sessions.note_solved, task=task_id, context=context))
    for line in refused:
        _say(f"not applied: {line}")
    for line in earlier.resting_on(workbench, wanted):
        _say(line)
    if refused:
        click.echo("everything else was applied")
    return ExitCode.FAILED if refused else ExitCode.OK


def _say(line: str) -> None:
    click.echo(one_line(line, 2000))


def _lacks_operator(workbench: Workbench, wanted: list[str]) -> bool:
    """Whether these tasks rest on the lab's operator, and none is at work or will be."""
    operator = workbench.pack.manifest.operator
    if operator is None or operator.task not in wanted or workbench.runs_containers:
        return False
    lease = workbench.cluster.get(LEASE, operator.lease, workbench.catalog.lab.namespace)
    return leader(lease, datetime.now(UTC)) is None
