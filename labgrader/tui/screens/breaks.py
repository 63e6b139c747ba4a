"""A break from an exam: the clock stands still, and nothing of the tasks is shown."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from labgrader.learning.sessions.recorder import SessionRecorder
from labgrader.tui.screens.help import Window
from labgrader.tui.widgets.timer import TICK_SECONDS, as_clock


class BreakScreen(Window, inherit_bindings=False):
    """Stands in front of the lab until the learner ends the break, or it is used up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b,enter", "resume", "Continue", tooltip="End the break: the clock runs"),
    ]

    def __init__(self, session_recorder: SessionRecorder) -> None:
        super().__init__()
        self._session_recorder = session_recorder
        self._over = False

    def compose_page(self) -> ComposeResult:
        """Yield the one line that a break has."""
        yield Static(id="left", markup=False)

    def on_mount(self) -> None:
        """Name the window; look at the clock."""
        window = self.query_one(VerticalScroll)
        window.border_title = "Break"
        window.border_subtitle = "b continues the exam"
        self.tick()
        self.set_interval(TICK_SECONDS, self.tick)

    def tick(self) -> None:
        """Show the time that is left; close when the break is used up."""
        record = self._session_recorder.record()
        if record.state != "paused":
            if not self._over:
                self._over = True
                self.dismiss()
            return
        left = as_clock(record.break_left)
        self.query_one("#left", Static).update(
            Content(f"The clock stands still. Breaks left: {left}")
        )

    def action_resume(self) -> None:
        """End the break."""
        if self._session_recorder.record().state == "paused":
            self._session_recorder.rest()
        self.tick()
