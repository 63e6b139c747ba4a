"""``labgrader drill``: break-and-fix exercises on a solved lab."""

from __future__ import annotations

import textwrap

import rich_click as click

from labgrader.app.workbench import Workbench
from labgrader.cli.consent import ask_to_write
from labgrader.cli.options import workbench_options
from labgrader.errors import ContentError, ExitCode
from labgrader.learning import drill_runs
from labgrader.learning.drills import load_drills
from labgrader.model.drill import Drill
from labgrader.report.clean import one_line
from labgrader.util.suggestion import unknown

START = "start"
_WIDTH = 88


@click.command()
@click.argument("words", nargs=-1, metavar="[[start] NAME]")
@click.option("--level", type=click.IntRange(min=0), default=0, help="How many hints to give.")
@click.option("--yes", is_flag=True, help="Agree to writing to a cluster of your own.")
@workbench_options
@click.pass_context
def drill(
    ctx: click.Context, workbench: Workbench, words: tuple[str, ...], level: int, *, yes: bool
) -> None:
    """List the drills; with a name: its story, and how it stands; `start NAME` breaks the lab."""
    drills = {one.name: one for one in load_drills(workbench.catalog.lab.root)}
    if not drills:
        raise ContentError("This lab has no drills", "They are in tasks/drills/*.yaml")
    if not words:
        for one in drills.values():
            nodes = " (on real nodes only)" if _needs_containers(workbench, one) else ""
            click.echo(f"{one.name}: {one.title}{nodes}")
        click.echo("\nBegin: labgrader drill start NAME (in a lab that is solved)", err=True)
        return
    starts = words[0] == START
    names = words[1:] if starts else words
    if len(names) != 1 or names[0] not in drills:
        raise unknown("drill", " ".join(names), drills)
    chosen = drills[names[0]]
    if starts:
        ask_to_write(workbench, "break the lab", yes=yes)
        _start(workbench, chosen)
    else:
        ctx.exit(_show(workbench, chosen, level))


def _needs_containers(workbench: Workbench, chosen: Drill) -> bool:
    content = workbench.catalog
    return drill_runs.lacking(chosen, content.select(chosen.caught_by), content.checks, ())


def _start(workbench: Workbench, chosen: Drill) -> None:
    """Break the lab where it is whole; say nothing of what was done."""
    drill_runs.begin(workbench.cluster, chosen, workbench.results(chosen.caught_by))
    click.echo(f"{chosen.title}\n\n{textwrap.fill(' '.join(chosen.story.split()), _WIDTH)}\n")
    click.echo(f"Healthy again when this passes: labgrader check {' '.join(chosen.caught_by)}")
    click.echo(f"A hint: labgrader drill {chosen.name} --level 1")


def _show(workbench: Workbench, chosen: Drill, level: int) -> ExitCode:
    """Tell the story, the hints that were asked for, and whether the lab is healthy."""
    click.echo(f"{chosen.title}\n\n{textwrap.fill(' '.join(chosen.story.split()), _WIDTH)}\n")
    for number, hint in enumerate(chosen.hints[:level], 1):
        click.echo(f"Hint {number}: {hint}")
    if len(chosen.hints) > level:
        click.echo(f"({len(chosen.hints) - level} hints left: --level {level + 1})\n")
    health = drill_runs.health(workbench.results(chosen.caught_by))
    for one in health.broken:
        told = one_line(drill_runs.told(one)) if level else one.id
        click.echo(f"Not healthy yet: {told}")
    if health.broken:
        return ExitCode.UNJUDGED if health.unsure else ExitCode.FAILED
    click.echo(f"Healthy: {', '.join(one.id for one in health.passed)}\n")
    click.echo(textwrap.fill(" ".join(chosen.lesson.split()), _WIDTH))
    for link in chosen.docs:
        click.echo(f"Read: {link}")
    return ExitCode.OK
