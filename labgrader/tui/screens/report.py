"""How the session stands: score, time as a plot, strengths, what to practise; saved as files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Markdown, Static

from labgrader.app import reporting
from labgrader.app.workbench import Workbench
from labgrader.errors import LabError
from labgrader.learning.sessions.recorder import SessionRecorder
from labgrader.model.summary import Summary, TaskRow
from labgrader.report import files
from labgrader.report.session_text import as_markdown, body
from labgrader.tui import formatting
from labgrader.tui.screens.help import Window
from labgrader.tui.widgets.timer import as_clock

BAR = 36
"""How many columns the longest time takes."""


class ReportScreen(Window):
    """The report of one session."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "save", "Save", tooltip="Save the report as HTML and as Markdown, here")
    ]

    def __init__(self, workbench: Workbench, session_recorder: SessionRecorder) -> None:
        super().__init__()
        self._workbench = workbench
        self._session_recorder = session_recorder
        self._summary: Summary | None = None

    def compose_page(self) -> ComposeResult:
        """Yield the plot and the page."""
        yield Static(id="times", markup=False)
        yield Markdown(id="page", open_links=False)

    async def on_mount(self) -> None:
        """Sum the session up."""
        window = self.query_one(VerticalScroll)
        window.add_class("-broad")
        window.border_title = "Report"
        window.border_subtitle = "s saves it, esc closes"
        try:
            self._summary = self._sum_up()
        except LabError as error:
            self.query_one("#times", Static).update(formatting.foreign(error))
            return
        self.query_one("#times", Static).update(times(self._summary))
        await self.query_one(Markdown).update(body(self._summary))

    def _sum_up(self) -> Summary:
        record = self._session_recorder.record()
        return reporting.summary_of(self._workbench, self._session_recorder.all_sessions, record)

    def action_save(self) -> None:
        """Write the report into two files, where the lab was started."""
        from labgrader.report.session_html import as_html

        if self._summary is None:
            return
        stem = re.sub(r"[^A-Za-z0-9.-]+", "-", self._summary.run.name)
        page = Path.cwd() / f"report-{stem}.html"
        try:
            files.write(page, as_html(self._summary))
            files.write(page.with_suffix(".md"), as_markdown(self._summary))
        except LabError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self.notify(f"Saved: {page} and .md", markup=False)


def times(summary: Summary) -> Content:
    """Return each task's time as a bar, with its budget as a line across."""
    rows = summary.tasks
    longest = max([*(row.seconds for row in rows), *(row.budget or 0 for row in rows), 1.0])
    lines = [_bar(row, BAR / longest) for row in rows]
    legend = Content.styled("█ time   ▓ over the budget   │ budget", formatting.MUTED)
    return Content("\n").join([*lines, legend])


def _bar(row: TaskRow, scale: float) -> Content:
    end = round(row.seconds * scale)
    limit = BAR + 1 if row.budget is None else round(row.budget * scale)
    within, over = min(end, limit), max(0, end - limit)
    rest = max(0, limit - within) if row.budget is not None else 0
    mark = "│" if row.budget is not None else ""
    drawn = Content.assemble(
        ("█" * within, "$text-primary"),
        mark if over else "",
        ("▓" * over, "$text-error"),
        " " * rest,
        mark if not over else "",
    )
    clock = as_clock(row.seconds)
    told = clock if row.budget is None else f"{clock} / {as_clock(row.budget)}"
    space = " " * max(1, BAR + 2 - drawn.cell_length)
    return Content.assemble(f"{row.id} ", drawn, space, told)
