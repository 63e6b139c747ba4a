"""The checks of the step, live: what each says, what it found instead, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Region, Size
from textual.widget import Widget

from labgrader.model.task import Criterion, Step
from labgrader.report.as_json import number
from labgrader.tui import formatting
from labgrader.tui.messages import CheckChosen
from labgrader.tui.state import LabState
from labgrader.tui.widgets.findings import Line, findings

LABEL_WIDTH = 13


class CheckPanel(VerticalScroll):
    """All checks of one step; scrolls."""

    def __init__(self) -> None:
        super().__init__(id="checks")
        self._shown_step: Step | None = None

    async def show(self, step: Step, state: LabState) -> None:
        """Show the checks of ``step`` as they are known now."""
        title = _title(step, state)
        if title != self.border_title:
            self.border_title = title
        if step is not self._shown_step:
            self._shown_step = step
            await self.remove_children()
            await self.mount(*(CheckCard(criterion, state) for criterion in step.criteria))
            self.scroll_home(animate=False)
        for card in self.query(CheckCard):
            card.show(state)

    def reveal(self, criterion: Criterion) -> None:
        """Scroll to a check's last line: where its newest hint stands."""
        for card in self.query(CheckCard):
            if card.criterion is criterion:
                self.call_after_refresh(self._scroll_to_end_of, card)

    def _scroll_to_end_of(self, card: CheckCard) -> None:
        last = card.virtual_region.bottom - 1
        self.scroll_to_region(Region(0, last, 1, 1), animate=False)


class CheckCard(Widget):
    """One check. A click explains it.

    One widget however much it says: a widget for each line made a step ten times as slow to open.
    """

    def __init__(self, criterion: Criterion, state: LabState) -> None:
        super().__init__()
        self.criterion = criterion
        self._rests_on = _what_it_rests_on(criterion, state)
        self._head = _head(criterion, state)
        self._lines = list(_lines(criterion, state))

    @property
    def plain(self) -> str:
        """What it says, unwrapped: labels and texts on lines of their own."""
        parts = (part for line in self._lines for part in line)
        return "\n".join([self._head.plain, *(part.plain for part in parts)])

    def show(self, state: LabState) -> None:
        """Say what is different now."""
        depends_on = _what_it_rests_on(self.criterion, state)
        if depends_on != self._rests_on:
            self._rests_on = depends_on
            self._head = _head(self.criterion, state)
            self._lines = list(_lines(self.criterion, state))
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the rows that it takes at ``width`` columns."""
        del container, viewport
        return len(self._wrapped(width))

    def render(self) -> Content:
        """Return what it says, wrapped."""
        return Content("\n").join(self._wrapped(self.content_size.width))

    def on_click(self) -> None:
        """Ask for the explanation."""
        self.post_message(CheckChosen(self.criterion))

    def _wrapped(self, width: int) -> list[Content]:
        """Return the rows: below the first, labels stand in a column of their own."""
        rows = self._head.wrap(max(width, 1))
        for label, text in self._lines:
            beside = max(width - LABEL_WIDTH, 1)
            for index, part in enumerate(text.wrap(beside) or [Content("")]):
                name = Content("  ") + label if index == 0 else Content("")
                rows.append(name.pad_right(LABEL_WIDTH - name.cell_length) + part)
        return rows


def _title(step: Step, state: LabState) -> str:
    score = state.score(step.criteria)
    if state.veiled:
        return f"Graded in {step.id}: {formatting.reachable(score)}"
    stale = " (stale)" if state.lost else ""
    return f"Checks of {step.id}: {formatting.points(score)} points{stale}"


def _what_it_rests_on(criterion: Criterion, state: LabState) -> tuple[object, ...]:
    """Return everything that decides what a card says."""
    result = state.result(criterion)
    return (
        result and replace(result, duration_ms=0),
        result is None and criterion.id in state.running,
        state.terse,
        state.veiled,
        state.depth(criterion),
        state.revealed(criterion),
        state.to_reveal(criterion),
    )


def _head(criterion: Criterion, state: LabState) -> Content:
    result, mark = state.result(criterion), state.mark(criterion)
    earned = number(result.earned) if result else 0
    bonus = " bonus" if criterion.optional else ""
    if state.veiled:
        return Content.assemble((f"{criterion.points}{bonus} ", "bold"), criterion.title)
    judging = result is None and criterion.id in state.running
    return Content.assemble(
        formatting.mark(mark),
        " ",
        ("judging…", formatting.MUTED) if judging else formatting.word(mark),
        (f" {earned}/{criterion.points}{bonus} ", "bold"),
        criterion.title,
    )


def _lines(criterion: Criterion, state: LabState) -> Iterator[Line]:
    result = state.result(criterion)
    if result is not None and not state.terse:
        yield from findings(result, state.depth(criterion))
    given = state.revealed(criterion)
    total = len(given) + len(state.to_reveal(criterion))
    for index, hint in enumerate(given, 1):
        label = Content.styled(f"hint {index}/{total}", "bold $text-primary")
        yield Line(label, formatting.inline(hint))
