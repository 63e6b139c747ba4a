"""``labgrader solve``: deploys the reference solution."""

from __future__ import annotations

import rich_click as click

from labgrader.cli.consent import ask_to_write
from labgrader.cli.options import complete_names, workbench_options
from labgrader.engine.solve import Solver
from labgrader.model.errors import UsageError
from labgrader.workbench import Workbench


@click.command()
@click.argument(
    "which", nargs=-1, required=True, metavar="taskN...|all", shell_complete=complete_names
)
@click.option("--yes", is_flag=True, help="Agree to writing to a cluster of your own.")
@workbench_options
def solve(workbench: Workbench, which: tuple[str, ...], yes: bool) -> None:
    """Deploy the reference solution of one or more tasks."""
    lab = workbench.catalog.lab
    known = [task.id for task in lab.tasks]
    unknown = [name for name in which if name not in (*known, "all")]
    if unknown:
        raise UsageError(
            f"There is no task called {unknown[0]!r}", f"Known: all, {', '.join(known)}"
        )
    ask_to_write(workbench, "deploy the solution", yes=yes)
    solver = Solver(workbench.cluster, lab.root, click.echo)
    for task_id in known:
        if task_id in which or "all" in which:
            solver.solve(task_id)
