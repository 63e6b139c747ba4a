"""The time spent on the task against its budget, and on the whole lab."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from labgrader.learning.sessions.recorder import SessionRecorder
from labgrader.learning.sessions.state import SessionState
from labgrader.model.modes import Mode
from labgrader.model.task import Lab, Task
from labgrader.tui.messages import Ended, Overtime
from labgrader.tui.painting import is_hidden, update_if_changed

TICK_SECONDS = 0.25
NEARLY = 0.8
"""From this share of the budget on the time is shown as running short."""

WHOLE = "lab"
"""What the time of all tasks together is called."""


class TaskTimer(Static):
    """``03:12 / 06:00 running``; over budget is said in words, and posted once as ``Overtime``."""

    def __init__(self, session_recorder: SessionRecorder, lab: Lab) -> None:
        super().__init__(id="timer", markup=False)
        self._session_recorder = session_recorder
        self._lab = lab
        self._shown_task: Task | None = None
        self._done = self._ended = False

    def on_mount(self) -> None:
        """Look at the clock from now on."""
        self.set_interval(TICK_SECONDS, self.tick)

    def show(self, task: Task, *, done: bool) -> None:
        """Show the time of ``task``."""
        self._shown_task, self._done = task, done
        self.tick()

    def tick(self) -> None:
        """Repaint from the clock."""
        record = self._session_recorder.record()
        if self._shown_task is not None and not is_hidden(self.screen):
            update_if_changed(self, text(self._shown_task, record, done=self._done))
        if record.state == "ended" and not self._ended:
            self._ended = True
            self.post_message(Ended())
        for what in _over(record, self._lab):
            self._session_recorder.note_over(what)
            self.post_message(Overtime(what))


class LabTimer(Static):
    """The time of all tasks together."""

    def __init__(self, session_recorder: SessionRecorder, lab: Lab) -> None:
        super().__init__(id="whole", markup=False)
        self._session_recorder = session_recorder
        self._lab = lab

    def on_mount(self) -> None:
        """Look at the clock from now on."""
        self.tick()
        self.set_interval(TICK_SECONDS, self.tick)

    def tick(self) -> None:
        """Repaint from the clock."""
        if not is_hidden(self.screen):
            update_if_changed(self, of_lab(self._lab, self._session_recorder.record()))


def _over(record: SessionState, lab: Lab) -> list[str]:
    """Return whose time has just been over: not noted yet."""
    if record.is_exam:  # the monitor ends it
        return []
    spent = {**record.spent, WHOLE: record.seconds}
    budgets = {task.id: record.budget(task.budget_seconds) for task in lab.tasks}
    budgets[WHOLE] = record.whole(lab)
    return [
        what
        for what, budget in budgets.items()
        if budget is not None and spent.get(what, 0.0) >= budget and what not in record.over
    ]


def as_clock(seconds: float) -> str:
    """Return ``mm:ss``; an hour is 60 minutes here, as people in an exam count."""
    full = int(seconds)
    return f"{full // 60:02d}:{full % 60:02d}"


def of_lab(lab: Lab, record: SessionState) -> Content:
    """Return the time of the whole lab: what is left of it in an exam, else what was spent."""
    budget = record.whole(lab)
    name = "exam" if record.mode is Mode.EXAM else "time"
    if record.state == "ended":  # the status bar says it, with the points
        return Content("")
    if record.state == "closing":
        return Content.styled("exam ends: grading", "bold $text-warning")
    if record.is_exam and record.lost:
        return Content.styled("exam stopped: no cluster", "bold $text-warning")
    if budget is None and record.mode is Mode.EXAM:
        return Content(f"exam {as_clock(record.seconds)}, no time limit")
    if budget is None:
        return Content(f"lab {as_clock(record.seconds)}, no time limit")
    left = budget - record.seconds
    if record.mode is Mode.PRACTICE:
        return Content(f"lab {as_clock(record.seconds)} / {as_clock(budget)}")
    if left > 0:
        return Content.styled(f"{name} {as_clock(left)} left", "bold $text-primary")
    return Content.styled(f"time over by {as_clock(-left)}", "bold $text-error")


def text(task: Task, record: SessionState, *, done: bool) -> Content:
    """Return the time of one task, as it is shown; nothing once the session has ended."""
    if record.state == "ended":
        return Content("")
    elapsed, budget = record.spent.get(task.id, 0.0), record.budget(task.budget_seconds)
    runs = record.task == task.id and record.state == "running"
    style, note = "bold $text-primary", ""
    if budget is not None and elapsed >= budget:
        style, note = "bold $text-error", f"over budget by {as_clock(elapsed - budget)}"
    elif budget is not None and elapsed >= NEARLY * budget and not done:
        style, note = "bold $text-warning", f"{as_clock(budget - elapsed)} left"
    clock = as_clock(elapsed) + ("" if budget is None else f" / {as_clock(budget)}")
    if record.is_exam and record.state != "running":
        doing = "break" if record.state == "paused" else ""
    elif done:
        doing = "" if elapsed else "time not taken"
    elif runs:
        doing = "credited: no cluster" if record.lost else "running"
    else:
        doing = "paused (s goes on)" if elapsed else "s starts the time"
    said = ", ".join(part for part in (doing, note) if part)
    return Content.assemble((clock, style), (f" {said}" if said else "", style if note else ""))
