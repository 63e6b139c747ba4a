"""A question before something that cannot be taken back."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static


class ConfirmScreen(ModalScreen[bool]):
    """Dismissed with whether the learner is sure."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes"),
        Binding("n,escape,q,enter", "dismiss(False)", "No"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """Yield the question and the two answers, which can be clicked."""
        with Vertical(classes="window") as window:
            window.border_title = "Sure?"
            yield Static(self._question, markup=False)
            yield Static("[@click='screen.dismiss(True)']y yes[/]", classes="answer")
            yield Static("[@click='screen.dismiss(False)']n no[/]", classes="answer")
