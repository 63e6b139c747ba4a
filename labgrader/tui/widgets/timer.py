"""The time spent on the task against its budget."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from labgrader.model.task import Task
from labgrader.tui.stopwatch import Stopwatch, as_clock

TICK_SECONDS = 0.25
NEARLY = 0.8
"""From this share of the budget on the time is shown as running short."""


class TaskTimer(Static):
    """``03:12 / 06:00 running``; over budget is said in words."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        super().__init__(id="timer", markup=False)
        self._stopwatch = stopwatch
        self._shown_task: Task | None = None
        self._done = False

    def on_mount(self) -> None:
        """Look at the clock from now on."""
        self.set_interval(TICK_SECONDS, self.tick)

    def show(self, task: Task, *, done: bool) -> None:
        """Show the time of ``task``."""
        self._shown_task, self._done = task, done
        self.tick()

    def tick(self) -> None:
        """Repaint from the clock."""
        if self._shown_task is not None:
            self.update(_text(self._shown_task, self._stopwatch, done=self._done))


def _text(task: Task, stopwatch: Stopwatch, *, done: bool) -> Content:
    elapsed = stopwatch.elapsed(task.id)
    over = elapsed - task.budget_seconds
    clock = f"{as_clock(elapsed)} / {as_clock(task.budget_seconds)}"
    if over >= 0:
        style, note = "bold $text-error", f"over budget by {as_clock(over)}"
    elif elapsed >= NEARLY * task.budget_seconds and not done:
        style, note = "bold $text-warning", f"{as_clock(-over)} left"
    else:
        style, note = "bold $text-primary", ""
    if done:
        doing = "" if elapsed else "time not taken"
    elif stopwatch.running == task.id:
        doing = "running"
    else:
        doing = "paused (s goes on)" if elapsed else "s starts the time"
    said = ", ".join(part for part in (doing, note) if part)
    return Content.assemble((clock, style), (f" {said}" if said else "", style if note else ""))
