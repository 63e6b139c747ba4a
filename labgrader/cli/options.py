"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import rich_click as click

from labgrader.workbench import Choice, Workbench


def workbench_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--context``, ``--kubeconfig``, ``--content``; the command gets a ``Workbench``."""

    @click.option("--context", metavar="NAME", help="Context of the kubeconfig to use.")
    @click.option("--kubeconfig", metavar="FILE", help="Kubeconfig of the cluster to use.")
    @click.option("--content", metavar="DIR", help="Another lab's content (for its authors).")
    @wraps(command)
    def with_workbench(
        *arguments: Any,
        context: str | None,
        kubeconfig: str | None,
        content: str | None,
        **options: Any,
    ) -> Any:
        workbench = Workbench(Choice(kubeconfig, context, content))
        return command(workbench, *arguments, **options)

    return with_workbench
