"""``labgrader drill``: break-and-fix exercises on a solved lab."""

from __future__ import annotations

import textwrap

import rich_click as click

from labgrader.cli.consent import ask_to_write
from labgrader.cli.options import workbench_options
from labgrader.engine import changes
from labgrader.engine.drills import load_drills
from labgrader.model.drill import Drill
from labgrader.model.errors import Cause, ExitCode, LabError, UsageError
from labgrader.model.result import CheckResult, Outcome
from labgrader.report.clean import one_line
from labgrader.workbench import Workbench

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
    if not words:
        for one in drills.values():
            click.echo(f"{one.name}: {one.title}")
        click.echo("\nBegin: labgrader drill start NAME (in a lab that is solved)", err=True)
        return
    starts = words[0] == START
    names = words[1:] if starts else words
    if len(names) != 1 or names[0] not in drills:
        raise UsageError(
            f"There is no drill called {' '.join(names)!r}", f"Known: {', '.join(drills)}"
        )
    chosen = drills[names[0]]
    if starts:
        ask_to_write(workbench, "break the lab", yes=yes)
        _start(workbench, chosen)
    else:
        ctx.exit(_show(workbench, chosen, level))


def _start(workbench: Workbench, chosen: Drill) -> None:
    """Break the lab where it is whole; say nothing of what was done."""
    broken = [one for one in _grade(workbench, chosen) if one.outcome is not Outcome.PASSED]
    if broken:
        raise LabError(
            f"The lab is not ready for this drill: {_told(broken[0])}", _ready(broken[0])
        )
    try:
        changes.apply(workbench.cluster, chosen.changes, f"drill {chosen.name}")
    except LabError as error:
        raise LabError(
            f"This drill does not fit what you have made: {error.message}",
            "Try it on the reference solution: `labgrader reset`, `labgrader solve all`",
        ) from error
    click.echo(f"{chosen.title}\n\n{textwrap.fill(' '.join(chosen.story.split()), _WIDTH)}\n")
    click.echo(f"Healthy again when this passes: labgrader check {' '.join(chosen.caught_by)}")
    click.echo(f"A hint: labgrader drill {chosen.name} --level 1")


def _ready(lacking: CheckResult) -> str:
    if lacking.cause is Cause.CAPABILITY:
        return "Try it on real nodes: `labgrader cluster up --nodes real`"
    return "Solve it first, by yourself or by `labgrader solve all`"


def _show(workbench: Workbench, chosen: Drill, level: int) -> ExitCode:
    """Tell the story, the hints that were asked for, and whether the lab is healthy."""
    click.echo(f"{chosen.title}\n\n{textwrap.fill(' '.join(chosen.story.split()), _WIDTH)}\n")
    for number, hint in enumerate(chosen.hints[:level], 1):
        click.echo(f"Hint {number}: {hint}")
    if len(chosen.hints) > level:
        click.echo(f"({len(chosen.hints) - level} hints left: --level {level + 1})\n")
    results = _grade(workbench, chosen)
    broken = [one for one in results if one.outcome is not Outcome.PASSED]
    for one in broken:
        click.echo(f"Not healthy yet: {_told(one)}" if level else f"Not healthy yet: {one.id}")
    if broken:
        unsure = all(one.outcome is Outcome.ERROR for one in broken)
        return ExitCode.UNJUDGED if unsure else ExitCode.FAILED
    click.echo(f"Healthy: {', '.join(one.id for one in results)}\n")
    click.echo(textwrap.fill(" ".join(chosen.lesson.split()), _WIDTH))
    for link in chosen.docs:
        click.echo(f"Read: {link}")
    return ExitCode.OK


def _grade(workbench: Workbench, chosen: Drill) -> list[CheckResult]:
    criteria = workbench.catalog.select(chosen.caught_by)
    return list(workbench.grade(criteria, lambda event: None).checks)


def _told(result: CheckResult) -> str:
    return one_line(f"{result.id}: {result.reason or result.outcome.value}")
