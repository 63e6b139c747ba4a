"""``tasks``, ``hint`` and ``explain``: what the TUI teaches, as text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import rich_click as click

from labgrader.app.workbench import Workbench
from labgrader.cli import guard
from labgrader.cli.options import complete_names, level_option, workbench_options
from labgrader.cli.session_notes import remember
from labgrader.errors import LabError
from labgrader.learning import detail_level, work_dir
from labgrader.model.modes import Level, Mode
from labgrader.model.task import Criterion, Lab, Snippet, Step, Task, points_of
from labgrader.util.suggestion import unknown


def allowed_level(wanted: Level) -> Level:
    """Return how much the open session shows: only practice shows more than the requirements."""
    mode = guard.mode()
    if mode is Mode.PRACTICE:
        return wanted
    from labgrader.learning.sessions import policy

    return policy.level(mode, wanted)


@click.command()
@click.argument("which", required=False, metavar="[taskN]", shell_complete=complete_names)
@level_option
@click.option("--write", "folder", metavar="DIR", help="Write what there is to type into files.")
@workbench_options
def tasks(workbench: Workbench, which: str | None, level: Level, folder: str | None) -> None:
    """List the tasks; with a task: its story, steps, commands and manifests."""
    lab = workbench.catalog.lab
    level = allowed_level(level)
    if which is None:
        click.echo(lab.title)
        for task in lab.tasks:
            points = points_of(task.criteria())
            click.echo(
                f"{task.id}: {task.title} ({task.budget_seconds // 60} min, {points} points)"
            )
            for criterion in task.criteria():
                bonus = ", bonus" if criterion.optional else ""
                click.echo(f"  {criterion.step} {criterion.id}: {criterion.title}{bonus}")
        return
    chosen = lab.task(which)
    if chosen is None:
        raise unknown("task", which, [task.id for task in lab.tasks])
    if folder is not None:
        for step in chosen.steps:
            for snippet in detail_level.shown(lab, chosen, step, level):
                click.echo(work_dir.write(Path(folder), step, snippet))
        return
    click.echo(as_markdown(lab, chosen, level), nl=False)


def as_markdown(lab: Lab, task: Task, level: Level = Level.GUIDED) -> str:
    """Return a whole task as Markdown."""
    minutes = task.budget_seconds // 60
    parts = [f"# {task.id}: {task.title}\n", f"{task.story}\nTime: {minutes} minutes.\n"]
    parts.extend(
        _step(step, detail_level.shown(lab, task, step, level), level) for step in task.steps
    )
    return "\n".join(parts)


def _step(step: Step, snippets: Sequence[Snippet], level: Level) -> str:
    parts = [f"## {step.id} {step.title}\n", step.instructions]
    parts.extend(
        f"{snippet.title}:\n\n```{snippet.language}\n{snippet.body.rstrip()}\n```\n"
        for snippet in snippets
    )
    for erratum in step.errata if level is not Level.EXAM else ():
        lesson = " ".join(f"{erratum.text} {erratum.lesson}".split())
        parts.append(f"> {erratum.id}: {lesson}\n")
    return "\n".join(parts)


@click.command()
@click.argument("where", metavar="taskN.S|CHECK_ID", shell_complete=complete_names)
@click.option("--level", type=click.IntRange(min=1), default=1, help="How much to give away.")
@workbench_options
def hint(workbench: Workbench, where: str, level: int) -> None:
    """Give hints for a step or a check, in rising order, those for the mistake at hand first."""
    criteria = workbench.catalog.select([where])
    seen = _mistakes(workbench, criteria)
    for criterion in criteria:
        _give(
            workbench.catalog.lab.id,
            criterion,
            criterion.hints_for(seen.get(criterion.id, ())),
            level,
        )


def _give(lab: str, criterion: Criterion, hints: tuple[str, ...], level: int) -> None:
    click.echo(f"{criterion.id}: {criterion.title}")
    for number, text in enumerate(hints[:level], 1):
        click.echo(f"  {number}. {text}")
    if len(hints) > level:
        click.echo(f"  ({len(hints) - level} more: --level {level + 1})")
    remember(lab, lambda all_sessions: all_sessions.note_hint(criterion.id))


def _mistakes(workbench: Workbench, criteria: list[Criterion]) -> dict[str, list[str]]:
    """Return what is wrong on the cluster now, by criterion; nothing where it cannot be seen."""
    try:
        report = workbench.grade(criteria, lambda event: None)
    except LabError:
        return {}
    return {
        check.id: [check.reason, *(one.reason for one in check.conditions)]
        for check in report.checks
    }


@click.command()
@click.argument("check_id", shell_complete=complete_names)
@workbench_options
def explain(workbench: Workbench, check_id: str) -> None:
    """Say what a check looks at, why, and where to read more."""
    criteria = workbench.catalog.select([check_id])
    for criterion in criteria:
        check = workbench.catalog.checks[criterion.check]
        click.echo(f"{criterion.id}: {criterion.title} ({criterion.points} points)\n")
        for paragraph in check.why.split("\n\n"):
            click.echo(textwrap.fill(" ".join(paragraph.split()), 88) + "\n")
        if criterion.needs:
            click.echo(f"Needs: {', '.join(criterion.needs)}")
        for link in criterion.docs:
            click.echo(f"Read: {link}")
