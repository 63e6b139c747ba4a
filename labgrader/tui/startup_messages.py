"""Messages of the welcome screen while the cluster starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message

from labgrader.report.clean import one_line
from labgrader.tui.launch import Wish

if TYPE_CHECKING:
    from labgrader.app.workbench import Workbench
    from labgrader.learning.sessions.state import SessionState
    from labgrader.tui.session_start import Seat


class Told(Message):
    """A component of the cluster said what it does."""

    def __init__(self, component: str, text: str) -> None:
        super().__init__()
        self.component, self.text = component, text


class Ready(Message):
    """The cluster answers; ``facts`` say what can be graded there, ``labs`` are installed."""

    def __init__(
        self, workbench: Workbench, title: str, facts: str, labs: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.workbench, self.title, self.facts, self.labs = workbench, title, facts, labs


class Failed(Message):
    """There is no cluster to work on."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why


class Chosen(Message):
    """The learner chose, and the cluster is there."""

    def __init__(self, workbench: Workbench, seat: Seat, wish: Wish) -> None:
        super().__init__()
        self.workbench, self.seat, self.wish = workbench, seat, wish


def go_on_with(record: SessionState) -> Content:
    """Return the line that offers to go on with a session."""
    from labgrader.report.pace import clock

    points = "" if record.is_exam else f", {record.earned:g} points"
    told = f"Go on: {record.name}, {record.mode}, {clock(record.seconds)}{points}"
    return Content(one_line(told))


def survey_of(workbench: Workbench) -> str:
    """Return what there is to work on: cluster, nodes, and how many points can be reached.

    Raises:
        LabError: the cluster does not answer.
    """
    from labgrader.content.gradable import gradable
    from labgrader.grading.snapshot import Snapshot

    snapshot = Snapshot(workbench.cluster)
    workbench.cluster.version()
    info = workbench.info(snapshot)
    found = gradable(workbench.catalog, workbench.capabilities(snapshot))
    points = f"{found.points} of {found.total} points can be judged here"
    return f"{info.context}, Kubernetes {info.server_version}, {info.nodes} nodes, {points}"


def installed_ids() -> list[str]:
    """Return the ids of the labs that can be opened."""
    from labgrader.content.installed_labs import usable_labs

    return [one.manifest.id for one in usable_labs()]
