"""Asks the policy of the open session whether a command may run (``learning.sessions.policy``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

import rich_click as click

from labgrader import paths
from labgrader.errors import LabError, UsageError
from labgrader.model.modes import Mode
from labgrader.report.clean import one_line

if TYPE_CHECKING:
    from labgrader.learning.sessions.state import SessionState

_MARK = "_labgrader_guarded"


def guarded(command: click.Command, path: str) -> click.Command:
    """Have a command, and every command below it, ask the policy before it runs.

    Args:
        path: how it is called, as in ``policy.COMMANDS``.
    """
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            guarded(below, f"{path} {name}")
    elif command.callback is not None and not hasattr(command.callback, _MARK):
        command.callback = _asking(command.callback, path)
    return command


def _asking(callback: Callable[..., Any], path: str) -> Callable[..., Any]:
    @wraps(callback)
    def asking(*arguments: Any, **options: Any) -> Any:
        refuse(path)
        return callback(*arguments, **options)

    setattr(asking, _MARK, True)
    return asking


def refuse(path: str) -> None:
    """Raise ``UsageError`` where the session that is open refuses the command."""
    record = current()
    if record is None:
        return
    from labgrader.learning.sessions import policy

    why = policy.of_command(path, record.runs)
    if not why and path == "tasks" and record.is_exam and record.state == "paused":
        raise UsageError("This is a break: the tasks are hidden", "`labgrader session resume`")
    if why:
        raise UsageError(f"{why} ({record.name})", policy.END)


def mode() -> Mode:
    """Return the mode whose rules hold now; practice where no session is open."""
    record = current()
    return Mode.PRACTICE if record is None else record.runs


def current() -> SessionState | None:
    """Return the session that was open when the command began; it is read once.

    A file that cannot be read has none, and that is said.
    """
    context = click.get_current_context(silent=True)
    if context is None:
        return _read({})
    if _MARK not in context.meta:
        context.meta[_MARK] = _read(context.params)
    record: SessionState | None = context.meta[_MARK]
    return record


def _read(options: Mapping[str, Any]) -> SessionState | None:
    """Return the exam that runs, or the open session of the lab that a command is about."""
    if not any_session():
        return None
    from labgrader.learning.sessions.sessions import Sessions

    all_sessions = Sessions()
    try:
        return all_sessions.exam() or all_sessions.of(_lab(options)).open_one()
    except LabError as error:
        click.echo(f"labgrader: {one_line(error)}", err=True)
        return None


def _lab(options: Mapping[str, Any]) -> str:
    """Return the id of the lab that a command's options choose; empty where none can be read."""
    from labgrader.content.installed_labs import choose_lab

    try:
        return choose_lab(options.get("content"), options.get("lab")).manifest.id
    except LabError:  # the command itself says so
        return ""


def any_session() -> bool:
    """Whether a session was ever started; otherwise sqlite need not even be loaded."""
    return (paths.state_root() / "sessions.sqlite3").exists()
