"""What this machine and cluster can grade, as `labgrader doctor` says it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from labgrader.app.doctor import examine
from labgrader.app.workbench import Workbench
from labgrader.errors import LabError
from labgrader.report.clean import one_line
from labgrader.tui.background import in_thread
from labgrader.tui.screens.help import Window


class DoctorScreen(Window):
    """One fact a line; looked at when the window opens."""

    def __init__(self, workbench: Workbench) -> None:
        super().__init__()
        self._workbench = workbench

    def compose_page(self) -> ComposeResult:
        """Yield the place of the facts."""
        yield Static("Machine and cluster are being looked at …", id="facts", markup=False)

    def on_mount(self) -> None:
        """Name the window, and look."""
        window = self.query_one(VerticalScroll)
        window.border_title = "What can be graded here"
        window.border_subtitle = "esc closes"
        self.run_worker(self._look())

    async def _look(self) -> None:
        try:
            found = await in_thread(lambda: examine(self._workbench))
            lines = found.lines
        except LabError as error:
            lines = (str(error),)
        self.query_one("#facts", Static).update(Content("\n".join(_indented(x) for x in lines)))


def _indented(line: str) -> str:
    """Return a line that stays one, and keeps its place under the one above."""
    indent = len(line) - len(line.lstrip())
    return " " * indent + one_line(line.lstrip())
