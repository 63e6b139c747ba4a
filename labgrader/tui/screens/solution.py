"""The solution of a step, side by side with what the learner has on the cluster."""

from __future__ import annotations

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from labgrader.app.workbench import Workbench
from labgrader.errors import LabError
from labgrader.learning.detail_level import solution_of
from labgrader.learning.solution_diff import Pair, Side, compare, side_by_side
from labgrader.model.task import Step, Task
from labgrader.report.clean import clean
from labgrader.tui import formatting
from labgrader.tui.screens.help import Window

WIDEST = 200


class Compared(Message):
    """The cluster has answered, or ``trouble`` says why not."""

    def __init__(self, pairs: list[Pair], trouble: str) -> None:
        super().__init__()
        self.pairs, self.trouble = pairs, trouble


class SolutionScreen(Window):
    """Read-only; what differs is marked on both sides."""

    def __init__(self, workbench: Workbench, task: Task, step: Step) -> None:
        super().__init__()
        self._workbench = workbench
        self._lab_task = task
        self._lab_step = step

    def compose_page(self) -> ComposeResult:
        """Yield a line until the cluster has answered."""
        yield Static("Asking the cluster what you have …", id="asking", markup=False)

    def on_mount(self) -> None:
        """Name the window; ask the cluster beside."""
        window = self.query_one(VerticalScroll)
        window.add_class("-broad")
        window.border_title = f"Solution of {self._lab_step.id}, and yours"
        window.border_subtitle = "≠ differs, esc closes"
        self._ask()

    @work(thread=True, exclusive=True)
    def _ask(self) -> None:
        lab = self._workbench.catalog.lab
        try:
            pairs = compare(lab, self._lab_task, self._lab_step, self._workbench.cluster)
            trouble = ""
        except LabError as error:
            pairs, trouble = self._alone(), str(error)
        self.post_message(Compared(pairs, trouble))

    def _alone(self) -> list[Pair]:
        """Return the solution with nothing beside it."""
        lab = self._workbench.catalog.lab
        pieces = solution_of(lab, self._lab_task, self._lab_step)
        return [Pair(piece.title, piece.body, None, same=False) for piece in pieces]

    @on(Compared)
    async def _show(self, message: Compared) -> None:
        pairs, trouble = message.pairs, message.trouble
        window = self.query_one(VerticalScroll)
        asking = self.query_one("#asking", Static)
        asking.display = bool(trouble) or not pairs
        nothing = f"This step is done by commands: `labgrader tasks {self._lab_task.id}` has them."
        asking.update(
            formatting.foreign(f"Yours cannot be seen: {trouble}" if trouble else nothing)
        )
        for pair in pairs:
            await window.mount(*_widgets(pair))


def _widgets(pair: Pair) -> list[Static | Horizontal]:
    head = Content.assemble((f"\n{pair.title}  ", "bold"), (_verdict(pair), formatting.MUTED))
    rows = side_by_side(pair.solution, pair.own or "")
    left, right = (Static(_column([row[at] for row in rows]), markup=False) for at in (0, 1))
    left.add_class("side")
    right.add_class("side")
    if pair.own is None:
        right.update(Content.styled("(nothing yet)", formatting.MUTED))
    return [Static(head, markup=False), Horizontal(left, right, classes="sides")]


def _verdict(pair: Pair) -> str:
    if pair.own is None:
        return "you have none"
    return "✔ yours says the same" if pair.same else "yours differs (it may be right all the same)"


def _column(sides: list[Side]) -> Content:
    lines = [
        Content.assemble(("≠ ", "bold $text-warning") if side.differs else "  ", _code(side.text))
        for side in sides
    ]
    return Content("\n").join(lines)


def _code(text: str) -> Content:
    """Return a line of YAML as it stands: with its spaces, without whatever a terminal obeys."""
    return Content(clean(text, WIDEST))
