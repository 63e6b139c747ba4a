"""The message after `labgrader start`: what was kept, and what still runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import rich_click as click

from labgrader.errors import LabError
from labgrader.model.modes import Mode
from labgrader.model.task import points_of

if TYPE_CHECKING:
    from labgrader.app.workbench import Workbench
    from labgrader.learning.sessions.state import SessionState


REPORT = "`labgrader session report`"


def say_farewell(workbench: Workbench, began: datetime, cluster: str | None) -> None:
    """Say it, as far as it can be known; leaving never fails.

    Args:
        began: when the lab was opened; a session in which nothing happened since is not meant.
        cluster: the name of the lab's own cluster, None where it is on another.
    """
    try:
        possible = points_of(workbench.catalog.lab.criteria())
        for line in farewell(_session_since(began), possible, runs=_runs(cluster)):
            click.echo(line)
    except LabError:
        return


def _session_since(began: datetime) -> SessionState | None:
    from labgrader.learning.sessions.reducer import replay
    from labgrader.learning.sessions.sessions import Sessions

    all_sessions = Sessions()
    names = all_sessions.store.sessions()
    entries = all_sessions.store.entries(names[-1]) if names else []
    if not entries or entries[-1].moment.at < began:
        return None
    found = replay(entries, all_sessions.now())
    return found if found.started_at is not None else None


def farewell(record: SessionState | None, possible: int, *, runs: bool) -> Iterator[str]:
    """Yield the lines.

    Args:
        record: the session that was worked on, None where there is none.
        possible: the points of the whole lab.
        runs: whether the lab's own cluster is up.
    """
    if record is not None:
        yield _of_session(record, possible)
    if runs:
        yield "The lab's cluster runs on; `labgrader cluster down` stops it"


def _of_session(record: SessionState, possible: int) -> str:
    from labgrader.report.as_json import number
    from labgrader.report.pace import clock

    if record.is_exam:
        onwards = "`labgrader start` goes back to it, `labgrader session end` ends it"
        return f"The clock of the exam runs on: {onwards}"
    if record.mode is Mode.EXAM:
        return _of_exam(record)
    if record.state == "ended":
        then = f"its report: {REPORT}"
    else:
        then = "it goes on with `labgrader start`"
    points = f"{number(record.earned)} of {possible} points"
    return f"Your session: {points}, {clock(record.seconds)}; {then}"


def _of_exam(record: SessionState) -> str:
    from labgrader.report.as_json import number
    from labgrader.report.pace import clock

    if record.final is None:
        return f"exam ended {clock(record.seconds)} without a score; report: {REPORT}"
    possible = sum(possible for _, possible in record.final.tasks.values())
    points = f"{number(record.earned)} of {number(possible)} points"
    return f"exam ended {clock(record.seconds)}: {points}; report: {REPORT}"


def _runs(cluster: str | None) -> bool:
    if cluster is None:
        return False
    from labgrader.clusters.providers import get_provider

    return get_provider(name=cluster).status().state == "running"
