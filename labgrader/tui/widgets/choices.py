"""A list to choose from."""

from __future__ import annotations

from contextlib import suppress

from textual.widgets import OptionList


class Choices(OptionList):
    """Textual's list, which may be turned over at any moment.

    Right after one of its options was replaced, Textual 8.2 knows no lines yet, and a page key that
    comes then ends the program (a KeyError, found by random keys). Here that key does nothing.
    """

    def action_page_down(self) -> None:
        """Go a page down."""
        with suppress(KeyError):
            super().action_page_down()  # type: ignore[no-untyped-call]

    def action_page_up(self) -> None:
        """Go a page up."""
        with suppress(KeyError):
            super().action_page_up()  # type: ignore[no-untyped-call]
