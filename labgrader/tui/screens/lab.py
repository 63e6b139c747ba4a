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

from labgrader.app import exams
from labgrader.app.exam_monitor import ExamEvent, ExamMonitor
from labgrader.app.workbench import Workbench
from labgrader.learning.detail_level import shown
from labgrader.learning.sessions import policy
from labgrader.learning.sessions.recorder import Heartbeat, SessionRecorder
from labgrader.model.modes import Level, Mode
from labgrader.model.task import Lab
from labgrader.report.pace import clock
from labgrader.tui.drill_progress import DrillBook
from labgrader.tui.event_queue import Inbox
from labgrader.tui.grading_thread import Feed
from labgrader.tui.messages import Ended, EventsAvailable, Kept, Overtime
from labgrader.tui.painting import FRAME_SECONDS, is_hidden, later
from labgrader.tui.screens.session_actions import SessionActions
from labgrader.tui.screens.step_actions import StepActions
from labgrader.tui.state import LabState, LinkLost, reduce
from labgrader.tui.widgets.check_panel import CheckPanel
from labgrader.tui.widgets.status_bar import StatusBar
from labgrader.tui.widgets.step_view import StepView
from labgrader.tui.widgets.task_tree import TaskTree, step_of
from labgrader.tui.widgets.timer import WHOLE

PASSING_SECONDS = 0.12
"""How long the cursor must rest on a step before it is shown."""


class LabScreen(SessionActions, StepActions):
    """Shows the lab and grades it as long as it is open.

    Args:
        journal: the session; its clock runs when the learner says so.
        now: the time of day.
    """

    def __init__(
        self,
        workbench: Workbench,
        session_recorder: SessionRecorder,
        *,
        level: Level = Level.GUIDED,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__()
        lab = workbench.catalog.lab
        self.session_recorder = session_recorder
        record = session_recorder.record()
        self.mode = record.runs
        lab = replace(lab, tasks=record.tasks_of(lab))
        self.state = LabState(lab, grading=True)
        self._wanted_level = level
        self.level = policy.level(self.mode, level)
        self.workbench = workbench
        self.lab_task, self.lab_step = next((t, s) for t in lab.tasks for s in t.steps)
        self._now = now
        self._painting = asyncio.Lock()
        self._inbox = Inbox(lambda: self.post_message(EventsAvailable()))
        self._painted = 0.0
        self._passing: asyncio.TimerHandle | None = None
        self._feed = Feed(workbench, lab, self._inbox.put, session_recorder, now)
        self.drillbook = DrillBook()
        self._pulse: Heartbeat | None = None
        self._monitor: ExamMonitor | None = None
        self._told = False

    @property
    def lab(self) -> Lab:
        """The lab that is shown."""
        return self.state.lab

    def compose(self) -> ComposeResult:
        """Yield the panes; where they stand is said in app.tcss."""
        yield StatusBar(self.state, self.session_recorder)
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
        self._pulse = Heartbeat(self.session_recorder)
        if self.mode is Mode.EXAM:
            self._show_exam_keys(shown=True)
            self._monitor = ExamMonitor(self.workbench, self.session_recorder, self._monitor_told)
            self.call_after_refresh(self._monitor.start)
        else:
            self.call_after_refresh(self._feed.start)

    def on_unmount(self) -> None:
        """End the grading with the screen; practice pauses."""
        self._feed.close()
        if self._monitor is not None:
            self._monitor.close()
        if self._pulse is not None:
            self._pulse.close()
        self.session_recorder.leave()

    def _show_exam_keys(self, *, shown: bool) -> None:
        """Have the footer show the key that ends an exam, or not."""
        keys = self._bindings.key_to_bindings
        keys["f"] = [replace(binding, show=shown) for binding in keys["f"]]
        self.refresh_bindings()

    @on(EventsAvailable)
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
        await self.set_state(state)
        self._painted = time.monotonic()

    @on(OptionList.OptionHighlighted, "#tasks")
    async def _choose(self, message: OptionList.OptionHighlighted) -> None:
        self.lab_task, self.lab_step = step_of(self.lab, str(message.option.id))
        if (
            self.session_recorder.record().runs_on
            and self.session_recorder.record().state == "running"
        ):
            self.session_recorder.work_on(self.lab_task.id)  # one task's time runs at any moment
        if self._passing is not None:
            self._passing.cancel()
        self._passing = later(self, PASSING_SECONDS, self._show_chosen)

    async def _show_chosen(self) -> None:
        with self.app.batch_update():
            self.show_step()
            await self.set_state(self.state)

    def show_step(self) -> None:
        """Show the chosen step at the chosen level."""
        self.query_one(StepView).show(
            self.lab_task,
            self.lab_step,
            shown(self.lab, self.lab_task, self.lab_step, self.level),
            level=self.level,
            lessons=self.state.lessons,
        )

    async def set_state(self, state: LabState) -> None:
        """Take a new state and show it everywhere.

        Keys are handled in another task than messages: one paints at a time, and always the newest.
        """
        self.state = state
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
            await self.set_state(self.state)

    async def _paint(self) -> None:
        view = self._view(self.state)
        self.query_one(StatusBar).show(view, self.lab_task)
        self.query_one(TaskTree).show(view)
        await self.query_one(CheckPanel).show(self.lab_step, view)

    def _view(self, state: LabState) -> LabState:
        """Return what is shown of it: nothing that is judged in an exam, verdicts if timed."""
        return replace(
            state,
            terse=policy.hides_reasons(self.mode),
            veiled=policy.hides_results(self.mode),
        )

    def finish_exam(self) -> None:
        """Have the exam end and be graded, by the monitor's thread."""
        if self._monitor is not None:
            self._monitor.finish()

    def _monitor_told(self, news: ExamEvent, line: str) -> None:
        self.post_message(Kept(news, line))

    @on(Kept)
    async def _hear_monitor(self, message: Kept) -> None:
        match message.news:
            case ExamEvent.LOST:
                lost = LinkLost(message.line, self._now())
                await self.set_state(reduce(self.state, lost, self._now()))
            case ExamEvent.BACK:
                await self.set_state(replace(self.state, lost=None))
            case ExamEvent.RESTING:
                self.show_break()
            case ExamEvent.CLOSING:
                told = "The exam ends: grading the cluster, up to 60 s"
                self.notify(told, markup=False)
            case ExamEvent.TROUBLE:
                told = f"The cluster cannot be graded yet: {message.line}"
                self.notify(told, severity="error", markup=False)
            case ExamEvent.ENDED:
                await self._end_here()

    @on(Ended)
    async def _end_here(self) -> None:
        """Say once that the session has ended; from now on the rules of practice hold."""
        if self._told:
            return
        self._told = True
        record, exam = self.session_recorder.record(), self.mode is Mode.EXAM
        self.mode, self.level = record.runs, self._wanted_level
        if exam:
            self._show_exam_keys(shown=False)
            line = exams.result_line(record, self.lab)
            self._feed.start()
        else:
            line = f"session ended {clock(record.seconds)}"
            self.refresh_bindings()
        self.show_step()
        await self.set_state(self.state)
        self.notify(f"{line}. g shows the report", markup=False)

    async def judge(self) -> None:
        """Judge everything again from the start."""
        await self.set_state(self.state.restarted())
        self._feed.again()

    @on(Overtime)
    def _time_is_over(self, message: Overtime) -> None:
        what = "the lab" if message.what == WHOLE else message.what
        self.notify(
            f"The time for {what} is over; no points are lost by it",
            severity="warning",
            markup=False,
        )
