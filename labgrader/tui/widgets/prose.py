"""The lab's own Markdown as one widget.

Textual's Markdown is a widget for each paragraph and five for each point of a list: a step with
twenty points took half a second to open. Rich draws the same text into one. It has no links.
"""

from __future__ import annotations

from rich.markdown import Markdown
from textual.widgets import Static


class Prose(Static):
    """Shows Markdown."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(_drawn(text), id=name, markup=False)

    def show(self, text: str) -> None:
        """Show another text."""
        self.update(_drawn(text))


def _drawn(text: str) -> Markdown:
    return Markdown(text, hyperlinks=False)
