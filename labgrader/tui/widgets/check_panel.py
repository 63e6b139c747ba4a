"""The checks of the step, live: what each says, what it found instead, and what to do."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from labgrader.model.task import Criterion, Step
from labgrader.report.as_json import number
from labgrader.tui import words
from labgrader.tui.messages import CheckChosen
from labgrader.tui.state import LabState
from labgrader.tui.widgets.findings import Line, findings


class CheckPanel(VerticalScroll):
    """All checks of one step; scrolls."""

    def __init__(self) -> None:
        super().__init__(id="checks")
        self._shown_step: Step | None = None

    async def show(self, step: Step, state: LabState) -> None:
        """Show the checks of ``step`` as they are known now."""
        score = words.points(state.score(step.criteria))
        stale = " (stale)" if state.lost else ""
        self.border_title = f"Checks of {step.id}: {score} points{stale}"
        if step is not self._shown_step:
            self._shown_step = step
            await self.remove_children()
            await self.mount(*(CheckCard(criterion) for criterion in step.criteria))
            self.scroll_home(animate=False)
        for card in self.query(CheckCard):
            await card.show(state)

    def reveal(self, criterion: Criterion) -> None:
        """Scroll to a check's last line: where its newest hint stands."""
        for card in self.query(CheckCard):
            if card.criterion is criterion:
                self.call_after_refresh(self.scroll_to_widget, card.children[-1], animate=False)


class CheckCard(Vertical):
    """One check. A click explains it."""

    def __init__(self, criterion: Criterion) -> None:
        super().__init__()
        self.criterion = criterion

    def compose(self) -> ComposeResult:
        """Yield the first line; the others come with ``show``."""
        yield Static(classes="head", markup=False)

    async def show(self, state: LabState) -> None:
        """Repaint what is different, line by line, so that the scroll position stays."""
        self.query_one(".head", Static).update(_head(self.criterion, state))
        lines = list(_lines(self.criterion, state))
        rows = list(self.query(Row))
        for row, line in zip(rows, lines, strict=False):
            row.show(line)
        for row in rows[len(lines) :]:
            await row.remove()
        await self.mount(*(Row(line) for line in lines[len(rows) :]))

    def on_click(self) -> None:
        """Ask for the explanation."""
        self.post_message(CheckChosen(self.criterion))


class Row(Horizontal):
    """Shows one ``Line``."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def compose(self) -> ComposeResult:
        """Yield label and text."""
        yield Static(self._line.label, classes="label", markup=False)
        yield Static(self._line.text, classes="text", markup=False)

    def show(self, line: Line) -> None:
        """Show another line."""
        if not all(new.is_same(old) for new, old in zip(line, self._line, strict=True)):
            self._line = line
            self.query_one(".label", Static).update(line.label)
            self.query_one(".text", Static).update(line.text)


def _head(criterion: Criterion, state: LabState) -> Content:
    result, mark = state.results.get(criterion.id), state.mark(criterion)
    earned = number(result.earned) if result else 0
    bonus = " bonus" if criterion.optional else ""
    judging = result is None and criterion.id in state.running
    return Content.assemble(
        words.mark(mark),
        " ",
        ("judging…", words.MUTED) if judging else words.word(mark),
        (f" {earned}/{criterion.points}{bonus} ", "bold"),
        criterion.title,
    )


def _lines(criterion: Criterion, state: LabState) -> Iterator[Line]:
    result = state.results.get(criterion.id)
    if result is not None and not state.terse:
        yield from findings(result, state.depth(criterion))
    given = state.revealed(criterion)
    total = len(given) + len(state.to_reveal(criterion))
    for index, hint in enumerate(given, 1):
        label = Content.styled(f"hint {index}/{total}", "bold $text-primary")
        yield Line(label, words.inline(hint))
