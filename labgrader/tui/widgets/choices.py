"""A list to choose from."""

from __future__ import annotations

from contextlib import suppress

from textual.reactive import reactive
from textual.widgets import OptionList


class Choices(OptionList):
    """Textual's list, which may be turned over at any moment.

    Right after one of its options was replaced, Textual 8.2 knows no lines yet, and a page key that
    comes then ends the program (a KeyError, found by random keys). Here that key does nothing.
    """

    highlighted = reactive[int | None](None, repaint=False)

    def watch_highlighted(self, before: int | None, now: int | None) -> None:  # type: ignore[override]
        """Repaint the two options that look different, not all of them: keys are held down."""
        super().watch_highlighted(now)
        for index in (before, now):
            if index in self._index_to_line:
                self.refresh_lines(self._index_to_line[index], self._heights[index])
            else:
                self.refresh()  # options were replaced: where they stand is not known yet

    def action_page_down(self) -> None:
        """Go a page down."""
        with suppress(KeyError):
            super().action_page_down()  # type: ignore[no-untyped-call]

    def action_page_up(self) -> None:
        """Go a page up."""
        with suppress(KeyError):
            super().action_page_up()  # type: ignore[no-untyped-call]
