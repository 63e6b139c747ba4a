"""What changed on the cluster while the lab was open, and what came of it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from labgrader.report.clean import one_line
from labgrader.tui import formatting
from labgrader.tui.screens.help import Window
from labgrader.tui.state import LabState, News


class TimelineScreen(Window):
    """The changes, the newest first; each with the checks that it made answer differently."""

    def __init__(self, state: LabState) -> None:
        super().__init__()
        self._news = state.timeline()

    def compose_page(self) -> ComposeResult:
        """Yield one line for each change."""
        lines = [_line(news) for news in reversed(self._news)]
        nothing = Content.styled("Nothing has changed since the lab was opened.", formatting.MUTED)
        yield Static(Content("\n").join(lines or [nothing]), id="changes", markup=False)

    def on_mount(self) -> None:
        """Name the window."""
        window = self.query_one(VerticalScroll)
        window.border_title = "What changed on the cluster"
        window.border_subtitle = "the newest first, esc closes"


def _line(news: News) -> Content:
    at = f"{news.at:%H:%M:%S} " if news.at else ""
    effects = f" → {one_line(', '.join(news.effects))}" if news.effects else ""
    return Content.assemble(
        (at, formatting.MUTED), formatting.foreign("; ".join(news.texts)), (effects, "bold")
    )
