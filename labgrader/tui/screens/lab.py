"""The main screen: tasks, the step that is worked on, and its checks, live."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.screen import Screen
from textual.widgets import Footer, Markdown, OptionList

from labgrader.model.errors import LabError
from labgrader.model.task import Criterion, Lab
from labgrader.tui import shell
from labgrader.tui.feed import Feed
from labgrader.tui.messages import CheckChosen, Heard
from labgrader.tui.screens.help import ExplainScreen, HelpScreen
from labgrader.tui.state import Fact, LabState, Mark, reduce
from labgrader.tui.stopwatch import Stopwatch
from labgrader.tui.widgets.check_panel import CheckPanel
from labgrader.tui.widgets.snippet_view import SnippetView
from labgrader.tui.widgets.status_bar import StatusBar
from labgrader.tui.widgets.step_view import StepView
from labgrader.tui.widgets.task_tree import TaskTree, step_of
from labgrader.tui.widgets.timer import TaskTimer
from labgrader.workbench import Workbench


class LabScreen(Screen[None]):
    """Shows the lab and grades it as long as it is open.

    Args:
        clock: seconds for the task's time.
        now: the time of day, for when the connection was lost.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "step(1)", "Next step", show=False),
        Binding("k", "step(-1)", "Step before", show=False),
        Binding("tab", "app.focus_next", "Next pane", show=False),
        Binding("shift+tab", "app.focus_previous", "Pane before", show=False),
        Binding("s", "timer", "Time", tooltip="Start or pause the task's time"),
        Binding("c", "copy", "Copy", tooltip="Copy the shown snippet"),
        Binding("[", "snippet(-1)", "Snippet before", show=False),
        Binding("]", "snippet(1)", "Next snippet", show=False),
        Binding("e", "explain", "Explain", tooltip="Say what the checks look at, and why"),
        Binding("h", "hint", "Hint", tooltip="Show the next hint (hints cost nothing)"),
        Binding("r", "judge", "Judge", tooltip="Judge everything again now"),
        Binding("!,ctrl+t", "shell", "Shell", tooltip="A shell on the lab's cluster; exit returns"),
        Binding("?,f1", "help", "Help", key_display="?"),
        Binding("q", "app.quit", "Quit"),
    ]

    def __init__(
        self, workbench: Workbench, *, clock: Callable[[], float], now: Callable[[], datetime]
    ) -> None:
        super().__init__()
        lab = workbench.catalog.lab
        self.state = LabState(lab, grading=True)
        self.stopwatch = Stopwatch(clock)
        self._workbench = workbench
        self._lab_task, self._lab_step = next((t, s) for t in lab.tasks for s in t.steps)
        self._feed = Feed(workbench, list(lab.criteria()), self._tell, now)

    @property
    def lab(self) -> Lab:
        """The lab that is shown."""
        return self.state.lab

    def compose(self) -> ComposeResult:
        """Yield the panes; where they stand is said in app.tcss."""
        yield StatusBar(self.state, self.stopwatch)
        with Container(id="body"):
            with Horizontal(id="work"):
                yield TaskTree(self.state)
                yield StepView()
            yield CheckPanel()
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Show the first step; ask the cluster only when that is painted."""
        tree = self.query_one(TaskTree)
        tree.highlighted = tree.get_option_index(self._lab_step.id)
        tree.focus()
        self.call_after_refresh(self._feed.start)

    def on_unmount(self) -> None:
        """End the grading with the screen."""
        self._feed.close()

    def _tell(self, generation: int, fact: Fact) -> None:
        """Pass on what the grading thread says. Called from other threads: only posts."""
        self.post_message(Heard(generation, fact))

    @on(Heard)
    async def _hear(self, message: Heard) -> None:
        if message.generation == self._feed.generation:
            await self._become(reduce(self.state, message.fact))

    @on(OptionList.OptionHighlighted, "#tasks")
    async def _choose(self, message: OptionList.OptionHighlighted) -> None:
        self._lab_task, self._lab_step = step_of(self.lab, str(message.option.id))
        await self.query_one(StepView).show(self._lab_task, self._lab_step)
        await self._become(self.state)

    async def _become(self, state: LabState) -> None:
        """Take a new state and show it everywhere."""
        self.state = state
        running = self.lab.task(self.stopwatch.running or "")
        if running is not None and state.task_mark(running) is Mark.PASSED:
            self.stopwatch.pause()
        self.query_one(StatusBar).show(state, self._lab_task)
        self.query_one(TaskTree).show(state)
        await self.query_one(CheckPanel).show(self._lab_step, state)

    def action_step(self, by: int) -> None:
        """Go to the next step or the one before."""
        tree = self.query_one(TaskTree)
        (tree.action_cursor_down if by > 0 else tree.action_cursor_up)()

    def action_timer(self) -> None:
        """Start or pause the task's time."""
        if self.state.task_mark(self._lab_task) is Mark.PASSED:
            self.notify(f"{self._lab_task.id} is done: its time stands still", markup=False)
            return
        self.stopwatch.toggle(self._lab_task.id)
        self.query_one(TaskTimer).tick()

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

    @on(Markdown.LinkClicked)
    def _copy_link(self, message: Markdown.LinkClicked) -> None:
        # Not opened: over SSH a text browser would start on top of the screen.
        self.app.copy_to_clipboard(message.href)
        self.notify(f"Copied {message.href}", markup=False)

    def action_explain(self) -> None:
        """Explain the step's checks, beginning with the first that did not pass."""
        first = self.state.unfinished(self._lab_step) or next(iter(self._lab_step.criteria), None)
        if first is None:
            self.notify("This step has no check to explain", markup=False)
        else:
            self._explain(first)

    @on(CheckChosen)
    def _explain_chosen(self, message: CheckChosen) -> None:
        self._explain(message.criterion)

    def _explain(self, criterion: Criterion) -> None:
        checks = self._workbench.catalog.checks
        self.app.push_screen(ExplainScreen(self._lab_step, criterion, self.state, checks))

    async def action_hint(self) -> None:
        """Show the next hint of the step's first check that did not pass."""
        criterion = self.state.unfinished(self._lab_step)
        if criterion is None:
            self.notify("Every check of this step has passed", markup=False)
            return
        if not self.state.to_reveal(criterion):
            left = "There is no other hint" if criterion.hints else "There is no hint"
            self.notify(f"{left} for “{criterion.title}”; e explains the check", markup=False)
            return
        await self._become(self.state.with_hint(criterion))
        self.query_one(CheckPanel).reveal(criterion)

    async def action_judge(self) -> None:
        """Judge everything again, unless that is going on anyway."""
        if self.state.grading:
            self.notify("Judging already", markup=False)
            return
        await self._become(self.state.restarted())
        self._feed.again()

    def action_shell(self) -> None:
        """Lend the terminal to the learner's shell."""
        trouble = ""
        try:
            with self.app.suspend():
                try:
                    shell.run(self._workbench)
                except LabError as error:  # inside: leaving `suspend` by an exception ends the app
                    trouble = str(error)
        except SuspendNotSupported:
            path = self._workbench.target.kubeconfig
            trouble = f"No shell can be opened from here. In another: export KUBECONFIG={path}"
        if trouble:
            self.notify(trouble, severity="error", markup=False)

    def action_help(self) -> None:
        """Show what the keys do."""
        self.app.push_screen(HelpScreen(self.BINDINGS))
