"""What the learner does with the session: time, shell, windows, the end."""

from __future__ import annotations

from typing import ClassVar

from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingType

from labgrader.errors import LabError
from labgrader.model.modes import Mode
from labgrader.tui import shell
from labgrader.tui.drill_progress import DrillBook
from labgrader.tui.screens.base import LabBase
from labgrader.tui.screens.breaks import BreakScreen
from labgrader.tui.screens.confirm import ConfirmScreen
from labgrader.tui.screens.drills import DrillsScreen
from labgrader.tui.screens.help import ExamHelpScreen, HelpScreen
from labgrader.tui.screens.map import MapScreen
from labgrader.tui.screens.quiz import QuizScreen
from labgrader.tui.screens.report import ReportScreen
from labgrader.tui.screens.timeline import TimelineScreen
from labgrader.tui.screens.tour import TourScreen
from labgrader.tui.state import Mark
from labgrader.tui.widgets.task_tree import TaskTree
from labgrader.tui.widgets.timer import TaskTimer


class SessionActions(LabBase):
    """The actions beside the step."""

    drillbook: DrillBook

    def finish_exam(self) -> None:
        """Have the exam end and be graded."""
        raise NotImplementedError

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "s", "timer", "Time", tooltip="Start or pause the time; after a done task: the next"
        ),
        Binding("r", "judge", "Judge", show=False, tooltip="Judge everything again now"),
        Binding("!,ctrl+t", "shell", "Shell", tooltip="A shell on the lab's cluster; exit returns"),
        Binding("l", "timeline", "Timeline", show=False, tooltip="What changed on the cluster"),
        Binding("m", "map", "Map", show=False, tooltip="The lab's objects: who owns what, live"),
        Binding("u", "quiz", "Quiz", show=False, tooltip="Questions, with explanations"),
        Binding("x", "drills", "Drills", show=False, tooltip="Break and fix, on a solved lab"),
        Binding("g", "report", "Report", show=False, tooltip="Score, time, what to practise"),
        Binding("f", "finish", "Finish", show=False, tooltip="End the session and see its report"),
        Binding("b", "rest", "Break", tooltip="Stop the clock and hide the task"),
        Binding("t", "tour", "Tour", show=False, tooltip="The lab in five short steps"),
        Binding("?,f1", "help", "Help", key_display="?"),
        Binding("q", "app.quit", "Quit"),
    ]

    def action_timer(self) -> None:
        """Start or pause the task's time."""
        if self.session_recorder.record().state == "ended":
            self.notify("This session has ended; `labgrader start` begins another", markup=False)
            return
        if self.state.task_mark(self.lab_task) is Mark.PASSED:
            self._go_on()
            return
        record = self.session_recorder.record()
        if record.state == "running" and record.task == self.lab_task.id:
            self.session_recorder.pause()
        else:
            self.session_recorder.work_on(self.lab_task.id)
        self.query_one(TaskTimer).tick()

    def _go_on(self) -> None:
        """Begin with the next task that is not done."""
        following = self.state.next_task(self.lab_task)
        if following is None:
            self.notify("Everything is done; f ends the session", markup=False)
            return
        self.session_recorder.work_on(following.id)
        self.query_one(TaskTree).go_to(following)
        self.notify(f"On to {following.id}: its time runs", markup=False)

    async def action_judge(self) -> None:
        """Judge everything again, unless that is going on anyway."""
        if self.state.grading:
            self.notify("Judging already", markup=False)
        else:
            await self.judge()

    def action_shell(self) -> None:
        """Lend the terminal to the learner's shell."""
        trouble = ""
        try:
            with self.app.suspend():
                try:
                    shell.run(self.workbench)
                except LabError as error:  # inside: leaving `suspend` by an exception ends the app
                    trouble = str(error)
        except SuspendNotSupported:
            path = self.workbench.target.kubeconfig
            trouble = f"No shell can be opened from here. In another: export KUBECONFIG={path}"
        if trouble:
            self.notify(trouble, severity="error", markup=False)

    def action_map(self) -> None:
        """Show the lab's objects as a tree."""
        self.app.push_screen(MapScreen(self.workbench))

    def action_quiz(self) -> None:
        """Ask questions."""
        self.app.push_screen(QuizScreen(self.workbench))

    def action_drills(self) -> None:
        """Break the lab, to be repaired."""
        self.app.push_screen(DrillsScreen(self.workbench, lambda: self.state, self.drillbook))

    def action_timeline(self) -> None:
        """Show what changed on the cluster, and what came of it."""
        self.app.push_screen(TimelineScreen(self.state))

    def action_report(self) -> None:
        """Show how the session stands."""
        self.session_recorder.note_grading(self.state.results_by_task())
        self.session_recorder.catch_up()
        self.app.push_screen(ReportScreen(self.workbench, self.session_recorder))

    def action_finish(self) -> None:
        """End the session, if the learner is sure, and show its report."""
        if self.session_recorder.record().state == "ended":
            self.notify("This session has ended already", markup=False)
            return
        question = "End this session? Its clock stops for good; the cluster stays as it is."
        if self.mode is Mode.EXAM:
            question = "End this exam and grade it? It cannot be continued."
        self.app.push_screen(ConfirmScreen(question), self._finish)

    def action_rest(self) -> None:
        """Take a break from the exam: the clock stops and the task is hidden."""
        if not self.session_recorder.rest():
            self.notify("No break is left", severity="warning", markup=False)
            return
        self.show_break()

    def show_break(self) -> None:
        """Hide the task while the clock stands still, whichever program stopped it."""
        resting = self.session_recorder.record().state == "paused"
        if resting and not any(isinstance(one, BreakScreen) for one in self.app.screen_stack):
            self.app.push_screen(BreakScreen(self.session_recorder))

    def _finish(self, sure: bool | None) -> None:
        if not sure:
            return
        if self.mode is Mode.EXAM:
            self.finish_exam()
            return
        self.session_recorder.note_grading(
            self.state.results_by_task()
        )  # a grading may be under way
        self.session_recorder.note("ended")
        self.app.push_screen(ReportScreen(self.workbench, self.session_recorder))

    def action_tour(self) -> None:
        """Show the lab in five short steps."""
        self.app.push_screen(TourScreen())

    def action_help(self) -> None:
        """Show what the keys do."""
        exam = self.mode is Mode.EXAM
        self.app.push_screen(ExamHelpScreen(self) if exam else HelpScreen(self))
