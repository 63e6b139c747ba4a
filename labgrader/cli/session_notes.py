"""Notes in the running session, from commands whose work is something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import rich_click as click

from labgrader.cli.guard import any_session
from labgrader.errors import LabError
from labgrader.report.clean import one_line

if TYPE_CHECKING:
    from labgrader.learning.sessions.sessions import Sessions


def remember(lab: str, note: Callable[[Sessions], None]) -> None:
    """Write a note where a lab's sessions are kept; one that cannot be written is only said."""
    if not any_session():
        return
    from labgrader.learning.sessions.sessions import Sessions

    try:
        note(Sessions(lab=lab))
    except LabError as error:
        click.echo(f"labgrader: {one_line(error)}", err=True)
    except Exception as error:  # noqa: BLE001 - whatever is in that file, it is not the grade
        told = one_line(f"{type(error).__name__}: {error}")
        click.echo(f"labgrader: the session could not be noted: {told}", err=True)
