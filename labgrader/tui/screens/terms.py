"""What an exam is, said before it starts; it starts when the learner agrees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from labgrader.app import exams
from labgrader.app.workbench import Workbench
from labgrader.errors import LabError
from labgrader.model.modes import Terms
from labgrader.report.clean import one_line
from labgrader.tui.background import in_thread


class TermsScreen(ModalScreen[bool]):
    """Dismissed with whether the exam starts; by then the cluster is fresh.

    Args:
        terms: of the exam, as ``examining.terms_of`` returns them.
        factor: stretches the time limit; None for no limit.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "agree", "Start", tooltip="Start the exam: its clock runs at once"),
        Binding("n,escape,q", "dismiss(False)", "Cancel", tooltip="Back; nothing has started"),
    ]

    def __init__(self, workbench: Workbench, terms: Terms, factor: float | None) -> None:
        super().__init__()
        self._workbench = workbench
        self._terms = terms
        self._factor = factor
        self._ready = False

    def compose(self) -> ComposeResult:
        """Yield the terms, the state of the cluster, and the two answers."""
        with VerticalScroll(classes="window"):
            lines = exams.terms_lines(self._workbench.catalog.lab, self._terms, self._factor)
            yield Static(_list(lines), id="terms", markup=False)
            yield Static("Looking at the cluster…", id="ground", markup=False)
            yield Static("[@click='screen.agree']y start the exam[/]", classes="answer")
            yield Static("[@click='screen.dismiss(False)']n cancel[/]", classes="answer")

    def on_mount(self) -> None:
        """Name the window; look whether the cluster is fresh."""
        window = self.query_one(VerticalScroll)
        window.border_title = "Exam"
        window.border_subtitle = "y starts it, n cancels"
        self.run_worker(self._look())

    async def _look(self) -> None:
        try:
            found = await in_thread(lambda: exams.leftovers(self._workbench))
        except LabError as error:
            self._say(f"The cluster cannot be read: {error}")
            return
        self._ready = True
        if not found:
            self._say("The cluster is fresh.")
            return
        context = self._workbench.connection.context
        count = "1 object" if len(found) == 1 else f"{len(found)} objects"
        self._say(
            f"! An exam starts on a fresh cluster. y also removes {count} of the lab from context"
            f" {context}."
        )

    def action_agree(self) -> None:
        """Make the cluster fresh, then start."""
        if self._ready:
            self._ready = False
            self.run_worker(self._prepare())

    async def _prepare(self) -> None:
        self._say("Preparing the cluster…")
        app = self.app

        def say(line: str) -> None:
            app.call_from_thread(self._say, line)

        try:
            await in_thread(lambda: exams.prepare(self._workbench, self._terms, say))
        except LabError as error:
            self._say(str(error))
            self._ready = True
            return
        self.dismiss(True)

    def _say(self, line: str) -> None:
        if self.is_mounted:
            self.query_one("#ground", Static).update(Content(one_line(line)))


def _list(lines: Sequence[str]) -> Content:
    head, *rest = lines
    return Content("\n").join([Content.styled(head, "bold"), *(Content(f"• {x}") for x in rest)])
