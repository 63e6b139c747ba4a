"""The main screen: tasks, the step that is worked on, and its checks, live."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.css.query import NoMatches
from textual.widget import MountError
from textual.widgets import Footer, OptionList

from labgrader.engine.levels import shown
from labgrader.model.modes import Level
from labgrader.model.result import CheckResult
from labgrader.model.task import Lab
from labgrader.session.journal import Journal, Pulse
from labgrader.tui.drillbook import DrillBook
from labgrader.tui.feed import Feed
from labgrader.tui.inbox import Inbox
from labgrader.tui.messages import Heard, Overtime
from labgrader.tui.painting import FRAME_SECONDS, is_hidden, later
from labgrader.tui.screens.session_actions import SessionActions
from labgrader.tui.screens.step_actions import StepActions
from labgrader.tui.state import LabState, Mark, News, reduce
from labgrader.tui.widgets.check_panel import CheckPanel
from labgrader.tui.widgets.status_bar import StatusBar
from labgrader.tui.widgets.step_view import StepView
from labgrader.tui.widgets.task_tree import TaskTree, step_of
from labgrader.tui.widgets.timer import WHOLE
from labgrader.workbench import Workbench

PASSING_SECONDS = 0.12
"""How long the cursor must stand on a step until that is shown: whoever walks does not wait."""


class LabScreen(SessionActions, StepActions):
    """Shows the lab and grades it as long as it is open.

    Args:
        journal: the session; its clock runs when the learner says so.
        now: the time of day.
    """

    def __init__(
        self,
        workbench: Workbench,
        journal: Journal,
        *,
        level: Level = Level.GUIDED,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__()
        lab = workbench.catalog.lab
        self.state = LabState(lab, grading=True)
        self.journal = journal
        self.exam = journal.record().is_exam
        self.level = Level.EXAM if self.exam else level
        self.workbench = workbench
        self.lab_task, self.lab_step = next((t, s) for t in lab.tasks for s in t.steps)
        self._now = now
        self._painting = asyncio.Lock()
        self._inbox = Inbox(lambda: self.post_message(Heard()))
        self._painted = 0.0
        self._passing: asyncio.TimerHandle | None = None
        self._feed = Feed(workbench, lab, self._inbox.put, journal, now)
        self.drillbook = DrillBook()
        self._pulse: Pulse | None = None
        self._seen: dict[str, CheckResult] = {}

    @property
    def lab(self) -> Lab:
        """The lab that is shown."""
        return self.state.lab

    def compose(self) -> ComposeResult:
        """Yield the panes; where they stand is said in app.tcss."""
        yield StatusBar(self.state, self.journal)
        with Container(id="body"):
            with Horizontal(id="work"):
                yield TaskTree(self.state)
                yield StepView()
            yield CheckPanel()
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Show the first step; ask the cluster only when that is painted."""
        tree = self.query_one(TaskTree)
        tree.highlighted = tree.get_option_index(self.lab_step.id)
        tree.focus()
        self._pulse = Pulse(self.journal)
        self.call_after_refresh(self._feed.start)

    def on_unmount(self) -> None:
        """End the grading with the screen; practice pauses."""
        self._feed.close()
        if self._pulse is not None:
            self._pulse.close()
        self.journal.pause()

    @on(Heard)
    async def _hear(self) -> None:
        """Take what was said, at most once in a frame: it comes by the dozen."""
        rest = self._painted + FRAME_SECONDS - time.monotonic()
        if rest > 0:
            later(self, rest, self._take)
        else:
            await self._take()

    async def _take(self) -> None:
        state = self.state
        for fact in self._inbox.take(self._feed.generation):
            state = reduce(state, fact, self._now())
        await self.become(state)
        self._painted = time.monotonic()

    @on(OptionList.OptionHighlighted, "#tasks")
    async def _choose(self, message: OptionList.OptionHighlighted) -> None:
        self.lab_task, self.lab_step = step_of(self.lab, str(message.option.id))
        if self.exam and self.state.task_mark(self.lab_task) is not Mark.PASSED:
            self.journal.work_on(self.lab_task.id)  # in an exam somebody always works on something
        if self._passing is not None:
            self._passing.cancel()
        self._passing = later(self, PASSING_SECONDS, self._show_chosen)

    async def _show_chosen(self) -> None:
        with self.app.batch_update():
            self.show_step()
            await self.become(self.state)

    def show_step(self) -> None:
        """Show the chosen step at the chosen level."""
        self.query_one(StepView).show(
            self.lab_task,
            self.lab_step,
            shown(self.lab, self.lab_task, self.lab_step, self.level),
            level=self.level,
            lessons=self.state.lessons,
        )

    async def become(self, state: LabState) -> None:
        """Take a new state and show it everywhere.

        Keys are handled in another task than messages: one paints at a time, and always the newest.
        """
        self.state = state
        self._rest_when_done(state)
        if is_hidden(self):
            return
        async with self._painting:
            try:
                with self.app.batch_update():
                    await self._paint()
            except (MountError, NoMatches):
                if self.app.return_code is None:  # otherwise widgets go one by one: nobody looks
                    raise

    async def on_screen_resume(self) -> None:
        """Show what happened while a window was in front."""
        if self.is_mounted:
            await self.become(self.state)

    async def _paint(self) -> None:
        view = self._view(self.state)
        self.query_one(StatusBar).show(view, self.lab_task)
        self.query_one(TaskTree).show(view)
        await self.query_one(CheckPanel).show(self.lab_step, view)

    def _view(self, state: LabState) -> LabState:
        """Return what is shown of it: in an exam the answers of the last time it was judged."""
        if not self.exam:
            return state
        blank = News()
        return replace(state, results=self._seen, running=frozenset(), news=blank, terse=True)

    def _rest_when_done(self, state: LabState) -> None:
        """Stop a task's time in an exam when its answers are seen; in practice the feed does."""
        record = self.journal.record()
        running = self.lab.task(record.task)
        if not self.exam or running is None or record.state != "running":
            return
        if state.task_mark(running) is Mark.PASSED and self._all_seen(running.id):
            self.journal.work_on("")

    def _all_seen(self, task_id: str) -> bool:
        """Whether an exam has shown a task as done: before that nobody says so, by no clock."""
        task = self.lab.task(task_id)
        return task is not None and all(c.id in self._seen for c in task.criteria())

    async def reveal(self) -> None:
        """Show the answers that are known now: an exam is judged when the learner wants it."""
        self._seen = dict(self.state.results)
        await self.become(self.state)

    async def judge(self) -> None:
        """Judge everything again from the start."""
        await self.become(self.state.restarted())
        self._feed.again()

    @on(Overtime)
    def _time_is_over(self, message: Overtime) -> None:
        what = "the lab" if message.what == WHOLE else message.what
        rest = "f ends the exam" if self.exam else "no points are lost by it"
        self.notify(f"The time for {what} is over; {rest}", severity="warning", markup=False)
