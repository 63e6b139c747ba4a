"""Asks before the lab writes to a cluster that it did not start."""

from __future__ import annotations

import sys

import rich_click as click

from labgrader.model.errors import UsageError
from labgrader.workbench import Workbench


def ask_to_write(workbench: Workbench, what: str, *, yes: bool) -> None:
    """Return when writing is agreed to.

    Args:
        what: what will be done, for the question.
        yes: whether ``--yes`` was given.

    Raises:
        UsageError: it is not, or there is nobody to ask.
    """
    if yes or workbench.agreed:
        return
    host = workbench.cluster.connection.host
    context = workbench.cluster.connection.context
    refusal = UsageError(
        f"labgrader did not start the cluster of context {context}, and will not {what} there",
        "Agree with --yes, or once for all with `labgrader cluster prepare`",
    )
    if not sys.stdin.isatty():
        raise refusal
    if not click.confirm(f"{what.capitalize()} on the cluster of context {context} ({host})?"):
        raise refusal
