"""``labgrader reset``: takes the lab back to its start."""

from __future__ import annotations

from functools import partial

import rich_click as click

from labgrader.app.workbench import Workbench
from labgrader.cli.consent import ask_to_write, confirm, is_terminal
from labgrader.cli.options import workbench_options
from labgrader.cli.session_notes import remember
from labgrader.errors import ExitCode, LabError, UsageError
from labgrader.kube.obstacles import deletion
from labgrader.lab_state.reset import Reset, Residue
from labgrader.lab_state.reset_plan import Survey
from labgrader.lab_state.solver import Solver
from labgrader.learning.sessions.sessions import Sessions
from labgrader.report.clean import one_line
from labgrader.util.suggestion import unknown

_LIMIT = 2000
"""Characters of a line: a cause comes in the API server's words, and the command after it."""


@click.command()
@click.option("--to", metavar="taskN", help="Only back to the start of this task.")
@click.option("--dry-run", is_flag=True, help="Only list what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--include-unknown", is_flag=True, help="Also remove objects that are not the lab's.")
@workbench_options
def reset(
    workbench: Workbench, to: str | None, dry_run: bool, yes: bool, include_unknown: bool
) -> int:
    """Remove what the lab made, finalizers and all, and list what is left.

    With --to, only what that task and later ones made; what the tasks before it need is put back.
    What cannot be removed is listed with its cause and the command that helps; everything else is
    removed. It takes three minutes at most.
    Exit code 0: nothing of the lab is left; 1: something is, and it is listed.
    """
    kept, removed = _split(workbench, to)
    if not (dry_run or is_terminal()):  # a person is asked once, when it is known how much goes
        ask_to_write(workbench, "remove the lab's objects", yes=yes)
    job = Reset(workbench.cluster, workbench.catalog.lab.root, _say, tasks=removed)
    survey = job.survey()
    if dry_run:
        return _foretell(job, survey, kept)
    if not (survey.doomed or survey.unread or kept):
        strays = job.strays()
        _list_strays(Residue(strays=strays))
        click.echo(_verdict("nothing of the lab is there", left=bool(strays)))
        return ExitCode.FAILED if strays else ExitCode.OK
    _confirm(workbench, len(survey.doomed), yes=yes)
    residue = job.run(include_unknown=include_unknown, survey=survey)
    restored = _restore(workbench, kept)
    _list(residue)
    left = bool(residue or residue.strays)
    place = f"the lab is at the start of {to}" if kept else "nothing of the lab is left"
    click.echo(_verdict(place, left=left) if restored else f"the lab is not at the start of {to}")
    return ExitCode.OK if restored and not left else ExitCode.FAILED


def _split(workbench: Workbench, to: str | None) -> tuple[list[str], list[str] | None]:
    """Return the tasks before ``to``, and those from it on (None: everything)."""
    known = [task.id for task in workbench.catalog.lab.tasks]
    if to is None or (known and to == known[0]):
        return [], None
    if to not in known:
        raise unknown("task", to, known)
    return known[: known.index(to)], known[known.index(to) :]


def _foretell(job: Reset, survey: Survey, kept: list[str]) -> int:
    """List what a reset would do."""
    for doomed in survey.doomed:
        _say(f"would remove {doomed}")
    for line in job.unread(survey):
        _say(f"cannot be read: {line}")
    for doomed, held in job.held(survey.doomed).items():
        because = [*held.strangers, *(f"{one.what}, which cannot be read" for one in held.unread)]
        _say(f"would keep {doomed}, because of {', '.join(because)}")
    for task_id in kept:
        _say(f"would put back the solution of {task_id}")
    _list_strays(Residue(strays=job.strays()))
    if not (survey.doomed or survey.unread):
        click.echo("nothing of the lab is there")
    return ExitCode.OK


def _confirm(workbench: Workbench, count: int, *, yes: bool) -> None:
    """Ask, naming the cluster and its context."""
    objects = f"{count} object{'' if count == 1 else 's'} of the lab"
    if yes:
        _say(f"removing {objects} on {workbench.place}")
        return
    if not is_terminal():
        raise UsageError("Not a terminal; pass --yes to reset")
    confirm(f"Remove {objects} on {workbench.place}?")


def _restore(workbench: Workbench, kept: list[str]) -> bool:
    """Put back what the tasks before need; whether that was possible."""
    solver = Solver(workbench.cluster, workbench.catalog.lab.root, _say)
    context = workbench.cluster.connection.context
    for task_id in kept:
        try:
            solver.solve(task_id)
            remember(
                workbench.catalog.lab.id,
                partial(Sessions.note_solved, task=task_id, context=context),
            )
        except LabError as error:
            _say(f"{task_id} cannot be put back: {error}")
            return False
    return True


def _list(residue: Residue) -> None:
    for line in residue.stuck:
        _say(f"still there: {line}")
    for line in residue.unread:
        _say(f"cannot be read, so it may still be there: {line}")
    for stranger in residue.unknown:
        _say(f"not the lab's, kept: {stranger} (remove it too with --include-unknown)")
    _list_strays(residue)


def _list_strays(residue: Residue) -> None:
    for one in residue.strays:
        command = deletion(one.resource, one.name, one.namespace)
        _say(f"in another namespace, kept: {one} (if it is yours: `{command}`)")


def _verdict(done: str, *, left: bool) -> str:
    return "something is left" if left else done


def _say(line: str) -> None:
    click.echo(one_line(line, _LIMIT))
