"""Asks before the lab writes to a cluster that it did not start, and before it removes anything."""

from __future__ import annotations

import sys

import rich_click as click
from click.exceptions import Abort

from labgrader.app.workbench import Workbench
from labgrader.errors import UsageError


class Canceled(Abort):
    """The answer to a question was no: nothing was done."""


def confirm(question: str) -> None:
    """Ask a question, with no as the default answer.

    Raises:
        Canceled: the answer is no.
    """
    if not click.confirm(question):
        raise Canceled


def is_terminal() -> bool:
    """Whether there is a person who can answer."""
    return sys.stdin.isatty()


def ask_to_write(workbench: Workbench, what: str, *, yes: bool) -> None:
    """Return when writing is agreed to.

    Args:
        what: what will be done, for the question.
        yes: whether ``--yes`` was given.

    Raises:
        UsageError: standard input is not a terminal.
        Canceled: the answer is no.
    """
    if yes or workbench.agreed:
        return
    if not is_terminal():
        context = workbench.cluster.connection.context
        raise UsageError(
            f"labgrader did not start the cluster of context {context}, and will not {what} there",
            "Agree with --yes, or once for all with `labgrader cluster prepare`",
        )
    confirm(f"{what.capitalize()} on {workbench.place}?")
