"""``labgrader solution``: a step's part of the solution, beside what is on the cluster."""

from __future__ import annotations

import difflib

import rich_click as click

from labgrader.app.workbench import Workbench
from labgrader.cli.options import complete_names, workbench_options
from labgrader.cli.session_notes import remember
from labgrader.learning import detail_level, solution_diff
from labgrader.model.task import Lab, Step, Task
from labgrader.report.clean import clean
from labgrader.util.suggestion import unknown


@click.command()
@click.argument("which", metavar="taskN.S", shell_complete=complete_names)
@click.option("--compare", is_flag=True, help="Show what your objects say differently.")
@workbench_options
def solution(workbench: Workbench, which: str, compare: bool) -> None:
    """Show the solution of one step; `solve` deploys a whole task's."""
    lab = workbench.catalog.lab
    task, step = step_named(lab, which)
    remember(workbench.catalog.lab.id, lambda all_sessions: all_sessions.note_solution(step.id))
    if compare:
        _compare(workbench, lab, task, step)
        return
    pieces = detail_level.solution_of(lab, task, step)
    for piece in pieces:
        click.echo(f"# {piece.title}\n{piece.body}")
    if not pieces:
        click.echo(f"{which} is done by commands: `labgrader tasks {task.id}` shows them")


def _compare(workbench: Workbench, lab: Lab, task: Task, step: Step) -> None:
    for pair in solution_diff.compare(lab, task, step, workbench.cluster):
        if pair.own is None:
            click.echo(f"{pair.title}: there is none on the cluster")
        elif pair.same:
            click.echo(f"{pair.title}: says the same")
        else:
            click.echo(f"{pair.title}: differs (- the solution, + yours)")
            ours, theirs = pair.solution.splitlines(), pair.own.splitlines()
            for line in list(difflib.unified_diff(ours, theirs, lineterm="", n=2))[2:]:
                click.echo(f"  {clean(line, 200)}")


def step_named(lab: Lab, name: str) -> tuple[Task, Step]:
    """Return the step that ``task1.2`` or ``1.2`` means; raise ``UsageError`` for no step."""
    wanted = name.removeprefix("task")
    for task in lab.tasks:
        for step in task.steps:
            if step.id == wanted:
                return task, step
    steps = [f"task{step.id}" for task in lab.tasks for step in task.steps]
    raise unknown("step", name, steps, "Name one as task1.2")
