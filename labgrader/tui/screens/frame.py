"""What the large windows over the lab have in common: a frame, keys, links that are copied."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from labgrader.tui.screens.help import Window


class Frame(Window, inherit_bindings=False):
    """A window nearly as large as the terminal. Escape closes it, `?` explains its keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("?,f1", "help", "Help", tooltip="What the keys do"),
        Binding("escape", "dismiss", "Close", tooltip="Back to the lab"),
    ]
    DEFAULT_CSS = """
    Frame > #frame {
        width: 100%;
        max-width: 150;
        height: 100%;
        padding: 0 1;
        border: round $primary;
        border-title-color: $text-primary;
        border-title-style: bold;
        border-subtitle-color: $text-muted;
        background: $surface;
    }
    Frame Markdown { background: $surface; padding: 0; margin: 0; }
    Frame OptionList {
        background: $surface;
        background-tint: transparent;
        border: none;
        padding: 0;
        & > .option-list--option-highlighted {
            color: $foreground;
            background: $primary 15%;
            text-style: none;
        }
        &:focus {
            border: none;
            background-tint: transparent;
            & > .option-list--option-highlighted {
                color: $foreground;
                background: $primary 35%;
                text-style: none;
            }
        }
    }
    """

    def compose(self) -> ComposeResult:
        """Yield the frame."""
        with Vertical(id="frame"):
            yield from self.compose_inside()

    def compose_inside(self) -> ComposeResult:
        """Yield what stands in the frame."""
        yield from ()

    def entitle(self, title: str, keys: str) -> None:
        """Name the window, and the keys that do something now; the lab's own words."""
        frame = self.query_one("#frame")
        frame.border_title, frame.border_subtitle = Content(title), Content(keys)
