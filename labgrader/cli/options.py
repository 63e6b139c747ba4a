"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import wraps
from typing import Any

import rich_click as click

from labgrader.app.workbench import Choice, Workbench
from labgrader.errors import UsageError
from labgrader.model.modes import Level, Mode, Terms
from labgrader.report.clean import one_line


def complete_names(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Complete ``all``, tasks, steps and checks in a shell."""
    del parameter
    given = {name: context.params.get(name) for name in ("content", "lab", "variant")}
    lab = Workbench(Choice(**given)).catalog.lab
    names = ["all"]
    for task in lab.tasks:
        names += [task.id, *(f"{task.id}.{step.id.split('.')[1]}" for step in task.steps)]
    names += [criterion.id for criterion in lab.criteria()]
    return [name for name in names if name.startswith(incomplete)]


def complete_labs(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the ids of installed labs in a shell."""
    from labgrader.content.installed_labs import installed_labs

    del context, parameter
    return [one.id for one in installed_labs() if one.id.startswith(incomplete)]


def say(line: str) -> None:
    """Print a line about what goes on beside the command's output."""
    click.echo(f"labgrader: {one_line(line)}", err=True)


def _or_of_root(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    """Return the lab that is chosen here, or before the command."""
    del parameter
    return value or context.find_root().params.get("lab")


lab_option = click.option(
    "--lab",
    callback=_or_of_root,
    metavar="ID",
    envvar="LABGRADER_LAB",
    show_envvar=True,
    shell_complete=complete_labs,
    help="An installed lab; `labgrader labs` lists them.",
)
"""``--lab``, as a text or None."""


variant_option = click.option(
    "--variant",
    type=click.IntRange(min=0),
    metavar="SEED",
    envvar="LABGRADER_VARIANT",
    show_envvar=True,
    help="The same lab with other names and numbers, where it has variants.",
)
"""``--variant``, as a number or None."""


content_option = click.option(
    "--content",
    metavar="DIR",
    envvar="LABGRADER_CONTENT",
    show_envvar=True,
    help="Another lab's content. Its checks are programs: they run with your rights.",
)
"""``--content``, as a text or None."""


def workbench_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose cluster and lab; the command gets a ``Workbench``."""

    @click.option("--context", metavar="NAME", help="Context of the kubeconfig to use.")
    @click.option("--kubeconfig", metavar="FILE", help="Kubeconfig of the cluster to use.")
    @content_option
    @lab_option
    @variant_option
    @wraps(command)
    def with_workbench(
        *arguments: Any,
        context: str | None,
        kubeconfig: str | None,
        content: str | None,
        lab: str | None,
        variant: int | None,
        **options: Any,
    ) -> Any:
        choice = Choice(kubeconfig, context, content, lab, variant)
        workbench = Workbench(choice, tell=say)
        return command(workbench, *arguments, **options)

    return with_workbench


level_option = click.option(
    "--level",
    type=click.Choice([level.value for level in Level]),
    default=Level.GUIDED.value,
    show_default=True,
    callback=lambda ctx, parameter, value: Level(value),
    help="Everything, manifests with gaps to fill, or the requirements alone.",
)
"""``--level``; the command gets a ``Level``."""


def exam_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a session; the command gets ``mode``, ``factor`` and ``terms``."""

    @click.option("--exam", is_flag=True, help="As in a real exam: the score comes at the end.")
    @click.option("--timed", is_flag=True, help="Instant verdicts, no hints; the clock runs on.")
    @click.option(
        "--factor",
        "--time-factor",
        metavar="N",
        default="1",
        show_default=True,
        callback=lambda ctx, parameter, value: factor_of(value),
        help="Stretch every time limit: 1 to 4, in steps of 0.05.",
    )
    @click.option("--untimed", is_flag=True, help="No time limits at all.")
    @click.option(
        "--breaks",
        type=click.FloatRange(min=0),
        default=0.0,
        metavar="MIN",
        help="In an exam: minutes of breaks, which stop the clock and hide the task.",
    )
    @click.option("--tasks", metavar="taskN,taskM", help="In an exam: only these tasks.")
    @wraps(command)
    def with_time(
        *arguments: Any,
        exam: bool,
        timed: bool,
        factor: float,
        untimed: bool,
        breaks: float,
        tasks: str | None,
        **options: Any,
    ) -> Any:
        if exam and timed:
            raise UsageError("--exam and --timed are two things", "Choose one of them")
        if not exam and (breaks or tasks):
            given = "--tasks" if tasks else "--breaks"
            raise UsageError(f"{given} belongs to an exam", "Add --exam")
        mode = Mode.EXAM if exam else Mode.TIMED if timed else Mode.PRACTICE
        terms = Terms(breaks=breaks, tasks=tuple(t for t in (tasks or "").split(",") if t))
        stretched = None if untimed else factor
        return command(*arguments, mode=mode, factor=stretched, terms=terms, **options)

    return with_time


def factor_of(text: str) -> float:
    """Return the factor that ``text`` means; raise ``UsageError`` unless it is one of the steps."""
    try:
        hundredths = Decimal(text) * 100
    except InvalidOperation:
        hundredths = Decimal(0)
    if not 100 <= hundredths <= 400 or hundredths % 5:
        raise UsageError(f"{text!r} is not a factor", "Choose 1 to 4, in steps of 0.05")
    return float(hundredths) / 100
