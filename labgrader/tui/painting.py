"""Updates widgets only where content differs: a layout is the most expensive step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual.content import Content
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widgets import Static

FRAME_SECONDS = 0.1
"""The least time between two paintings of what a grading says: nobody reads faster."""


def is_hidden(screen: Screen[Any]) -> bool:
    """Whether a window covers all of ``screen``: it is painted when it is seen again."""
    front = screen.app.screen
    return front is not screen and front.styles.background.a == 1


def later(pump: MessagePump, seconds: float, call: Callable[[], Any]) -> asyncio.TimerHandle:
    """Call something once, after some seconds, as a message of ``pump``.

    A timer of Textual 8.2 drops its call if the machine is so busy that the time is over before its
    first look at the clock: a short one on a loaded machine.
    """
    return asyncio.get_running_loop().call_later(seconds, pump.call_next, call)


def update_if_changed(line: Static, content: Content) -> None:
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
