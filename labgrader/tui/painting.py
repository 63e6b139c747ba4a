"""Painting only what differs: a whole layout costs more than all else that the screen does."""

from __future__ import annotations

from typing import Any

from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

FRAME_SECONDS = 0.1
"""The least time between two paintings of what a grading says: nobody reads faster."""


def is_hidden(screen: Screen[Any]) -> bool:
    """Whether a window covers all of ``screen``: it is painted when it is seen again."""
    front = screen.app.screen
    return front is not screen and front.styles.background.a == 1


def put(line: Static, content: Content) -> None:
    """Show ``content`` in a widget of one line; lay out anew only where that decides its width."""
    shown = line.content
    if isinstance(shown, Content):
        if content.is_same(shown):
            return
        width = line.styles.width
        fixed = width is not None and not width.is_auto
        line.update(content, layout=not fixed and content.cell_length != shown.cell_length)
    else:
        line.update(content)
