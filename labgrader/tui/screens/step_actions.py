"""What the learner does with a step and its checks: read, copy, open, ask, look up."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType

from labgrader.errors import LabError
from labgrader.learning import work_dir
from labgrader.learning.quiz import draw, load_quiz
from labgrader.model.task import Criterion, Erratum
from labgrader.tui.messages import CheckChosen
from labgrader.tui.screens.base import LabBase
from labgrader.tui.screens.help import ExplainScreen
from labgrader.tui.screens.predict import PredictScreen
from labgrader.tui.screens.solution import SolutionScreen
from labgrader.tui.widgets.check_panel import CheckPanel
from labgrader.tui.widgets.snippet_view import SnippetView
from labgrader.tui.widgets.step_view import StepView
from labgrader.tui.widgets.task_tree import TaskTree


class StepActions(LabBase):
    """The actions on the chosen step."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "step(1)", "Next step", show=False),
        Binding("k", "step(-1)", "Step before", show=False),
        Binding("tab", "app.focus_next", "Next pane", show=False),
        Binding("shift+tab", "app.focus_previous", "Pane before", show=False),
        Binding("[", "snippet(-1)", "Snippet before", show=False),
        Binding("]", "snippet(1)", "Next snippet", show=False),
        Binding("c", "copy", "Copy", tooltip="Copy the shown snippet"),
        Binding("w", "write", "Write", show=False, tooltip="Write the shown snippet into a file"),
        Binding("v", "level", "Level", show=False, tooltip="Show everything, gaps, or nothing"),
        Binding("d", "more", "Details", tooltip="Open the first failure one step further"),
        Binding("e", "explain", "Explain", tooltip="Say what the checks look at, and why"),
        Binding("h", "hint", "Hint", tooltip="Show the next hint (hints cost nothing)"),
        Binding("p", "predict", "Predict", show=False, tooltip="Predict what an erratum leads to"),
        Binding("o", "solution", "Solution", show=False, tooltip="The solution beside yours"),
    ]

    def action_step(self, by: int) -> None:
        """Go to the next step or the one before."""
        tree = self.query_one(TaskTree)
        (tree.action_cursor_down if by > 0 else tree.action_cursor_up)()

    def action_snippet(self, by: int) -> None:
        """Show another snippet."""
        self.query_one(SnippetView).turn(by)

    def action_copy(self) -> None:
        """Copy the shown snippet to the terminal's clipboard."""
        snippet = self.query_one(SnippetView).snippet
        if snippet is None:
            self.notify("This step has nothing to copy", markup=False)
            return
        text = snippet.body.rstrip("\n")
        self.app.copy_to_clipboard(text)
        count = text.count("\n") + 1
        lines = "1 line" if count == 1 else f"{count} lines"
        self.notify(f"Copied “{snippet.title}” ({lines})", markup=False)

    def action_write(self) -> None:
        """Write the shown snippet into the work folder."""
        snippet = self.query_one(SnippetView).snippet
        if snippet is None:
            self.notify("This step has nothing to write", markup=False)
            return
        try:
            path = work_dir.write(work_dir.default_folder(self.lab), self.lab_step, snippet)
        except LabError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self.notify(f"Written to {path}", markup=False)

    def action_level(self) -> None:
        """Show more or less of how it is done."""
        self.level = self.level.next()
        self.show_step()

    async def action_more(self) -> None:
        """Open the first failure further; when all are open, fold them again."""
        criterion = self.state.to_open(self.lab_step)
        if criterion is None:
            await self.set_state(self.state.closed(self.lab_step))
            return
        await self.set_state(self.state.with_more(criterion))
        self.query_one(CheckPanel).reveal(criterion)

    def action_explain(self) -> None:
        """Explain the step's checks, beginning with the first that did not pass."""
        first = self.state.unfinished(self.lab_step) or next(iter(self.lab_step.criteria), None)
        if first is None:
            self.notify("This step has no check to explain", markup=False)
        else:
            self._explain(first)

    @on(CheckChosen)
    def _explain_chosen(self, message: CheckChosen) -> None:
        if self.check_action("explain", ()):
            self._explain(message.criterion)

    def _explain(self, criterion: Criterion) -> None:
        checks = self.workbench.catalog.checks
        self.app.push_screen(ExplainScreen(self.lab_step, criterion, self.state, checks))

    async def action_hint(self) -> None:
        """Show the next hint of the step's first check that did not pass."""
        criterion = self.state.unfinished(self.lab_step)
        if criterion is None:
            self.notify("Every check of this step has passed", markup=False)
            return
        if not self.state.to_reveal(criterion):
            left = "There is no other hint" if criterion.hints else "There is no hint"
            self.notify(f"{left} for “{criterion.title}”; e explains the check", markup=False)
            return
        self.session_recorder.note("hinted", criterion=criterion.id)
        await self.set_state(self.state.with_hint(criterion))
        self.query_one(CheckPanel).reveal(criterion)

    async def action_predict(self) -> None:
        """Ask what the first erratum without a lesson leads to, then tell its lesson."""
        erratum = next((e for e in self.lab_step.errata if e.id not in self.state.lessons), None)
        if erratum is None:
            self.notify("There is nothing to predict in this step (any more)", markup=False)
            return
        if erratum.predict is None:
            await self._teach(erratum)
            return
        # The same order each time, but not that of the file, where the right one stands first.
        (question,) = draw(load_quiz(self.lab.root), [erratum.predict], None, len(erratum.text))
        self.app.push_screen(PredictScreen(erratum, question), lambda _: self._teach_soon(erratum))

    def _teach_soon(self, erratum: Erratum) -> None:
        self.call_later(self._teach, erratum)

    async def _teach(self, erratum: Erratum) -> None:
        await self.set_state(self.state.with_lesson(erratum))
        self.query_one(StepView).show_errata(self.lab_step, self.state.lessons, hidden=False)

    def action_solution(self) -> None:
        """Show the step's solution beside what the learner has."""
        self.session_recorder.note("revealed", step=self.lab_step.id)
        self.app.push_screen(SolutionScreen(self.workbench, self.lab_task, self.lab_step))
