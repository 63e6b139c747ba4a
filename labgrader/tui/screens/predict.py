"""Predict, then see what the cluster answers to what the lab's original text does."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Markdown, OptionList, Static
from textual.widgets.option_list import Option

from labgrader.model.quiz import Question
from labgrader.model.task import Erratum
from labgrader.tui import formatting
from labgrader.tui.screens.help import Window
from labgrader.tui.widgets.choices import Choices


class PredictScreen(Window):
    """A question with one right answer; the explanation comes when one is chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go_on", "Choose, then go on", show=False, priority=True)
    ]

    def __init__(self, erratum: Erratum, question: Question) -> None:
        super().__init__()
        self._erratum = erratum
        self._question = question
        self._options = question.options
        self._answered = False

    def compose_page(self) -> ComposeResult:
        """Yield the question, the options, and room for the explanation."""
        yield Markdown(self._question.ask, id="page", open_links=False)
        yield Choices(
            *(Option(formatting.inline(option.text)) for option in self._options), id="options"
        )
        yield Static(id="verdict", markup=False)
        yield Markdown(id="explanation", open_links=False)

    def on_mount(self) -> None:
        """Name the window."""
        window = self.query_one(VerticalScroll)
        window.border_title = f"Erratum {self._erratum.id}: what will the cluster answer?"
        window.border_subtitle = "↑ ↓ enter: choose, esc: the lesson"
        self.query_one(OptionList).focus()

    async def action_go_on(self) -> None:
        """Take the chosen option; the second time, close."""
        if self._answered:
            self.dismiss()
        else:
            self.query_one(OptionList).action_select()

    @on(OptionList.OptionSelected)
    async def _judge(self, message: OptionList.OptionSelected) -> None:
        self._answered = True
        message.option_list.disabled = True
        right = self._options[message.option_index].right
        answer = next(option.text for option in self._options if option.right)
        told = "✔ So it is." if right else f"✘ No. It answers: {answer}"
        self.query_one("#verdict", Static).update(formatting.inline(told))
        await self.query_one("#explanation", Markdown).update(self._question.explanation)
        window = self.query_one(VerticalScroll)
        window.border_subtitle = "enter: the lesson"
        window.scroll_end(animate=False)
