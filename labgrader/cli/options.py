"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import rich_click as click

from labgrader.model.errors import UsageError
from labgrader.model.modes import Level, Mode
from labgrader.report.clean import one_line
from labgrader.workbench import Choice, Workbench


def complete_names(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Complete ``all``, tasks, steps and checks in a shell."""
    del parameter
    lab = Workbench(Choice(content=context.params.get("content"))).catalog.lab
    names = ["all"]
    for task in lab.tasks:
        names += [task.id, *(f"{task.id}.{step.id.split('.')[1]}" for step in task.steps)]
    names += [criterion.id for criterion in lab.criteria()]
    return [name for name in names if name.startswith(incomplete)]


def say(line: str) -> None:
    """Print a line about what goes on beside the command's output."""
    click.echo(f"labgrader: {one_line(line)}", err=True)


def workbench_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--context``, ``--kubeconfig``, ``--content``; the command gets a ``Workbench``."""

    @click.option("--context", metavar="NAME", help="Context of the kubeconfig to use.")
    @click.option("--kubeconfig", metavar="FILE", help="Kubeconfig of the cluster to use.")
    @click.option(
        "--content",
        metavar="DIR",
        help="Another lab's content. Its checks are programs: they run with your rights.",
    )
    @wraps(command)
    def with_workbench(
        *arguments: Any,
        context: str | None,
        kubeconfig: str | None,
        content: str | None,
        **options: Any,
    ) -> Any:
        workbench = Workbench(Choice(kubeconfig, context, content), tell=say)
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
    """Add ``--exam``, ``--time-factor``, ``--untimed``; the command gets ``mode``, ``factor``."""

    @click.option("--exam", is_flag=True, help="The clock runs on; no hints, no solutions.")
    @click.option(
        "--time-factor",
        type=click.Choice(["1", "1.5", "2"]),
        default="1",
        show_default=True,
        help="Stretch every budget, for those who need it.",
    )
    @click.option("--untimed", is_flag=True, help="No budgets at all.")
    @wraps(command)
    def with_time(
        *arguments: Any, exam: bool, time_factor: str, untimed: bool, **options: Any
    ) -> Any:
        if exam and untimed:
            raise UsageError("An exam has a time", "Leave --untimed out, or take --time-factor 2")
        mode = Mode.EXAM if exam else Mode.PRACTICE
        factor = None if untimed else float(time_factor)
        return command(*arguments, mode=mode, factor=factor, **options)

    return with_time
