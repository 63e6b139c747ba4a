"""The tasks and their steps, each with its mark."""

from __future__ import annotations

from textual.content import Content
from textual.widgets.option_list import Option

from labgrader.model.task import Lab, Step, Task
from labgrader.tui import formatting
from labgrader.tui.state import LabState, Mark
from labgrader.tui.widgets.choices import Choices


class TaskTree(Choices):
    """Tasks as headings, steps as what the cursor moves between.

    A list, not Textual's Tree: headings the cursor passes over, and theme colours in the labels.
    """

    def __init__(self, state: LabState) -> None:
        self._shown = _standing(state)
        headings = {task.id for task in state.lab.tasks}
        options = [
            Option(_label(state.lab, key, *stands), id=key, disabled=key in headings)
            for key, stands in self._shown.items()
        ]
        super().__init__(*options, id="tasks", markup=False)
        self.border_title = "Tasks"

    def go_to(self, task: Task) -> None:
        """Move the cursor to the first step of a task."""
        self.highlighted = self.get_option_index(task.steps[0].id)

    def show(self, state: LabState) -> None:
        """Repaint the labels of what stands differently now."""
        standing = _standing(state)
        for key, stands in standing.items():
            if stands != self._shown[key]:
                self.replace_option_prompt(key, _label(state.lab, key, *stands))
        self._shown = standing


def _standing(state: LabState) -> dict[str, tuple[Mark, str]]:
    """Return the mark of each task and step, with a task's points; in an exam no marks."""
    found: dict[str, tuple[Mark, str]] = {}
    for task in state.lab.tasks:
        score = state.score(task.criteria())
        if state.veiled:
            found[task.id] = (Mark.NOTHING, formatting.reachable(score))
            found |= {step.id: (Mark.NOTHING, "") for step in task.steps}
            continue
        found[task.id] = (state.task_mark(task), f"{formatting.points(score)} points")
        found |= {step.id: (state.step_mark(step), "") for step in task.steps}
    return found


def _label(lab: Lab, key: str, mark: Mark, points: str) -> Content:
    task = lab.task(key)
    if task is None:
        step = step_of(lab, key)[1]
        return Content.assemble(
            formatting.mark(mark), " ", (key, formatting.MUTED), " ", step.title
        )
    heading = (f"{key} {points}", "bold")
    return Content.assemble(
        formatting.mark(mark), " ", heading, "\n", (task.title, formatting.MUTED)
    )


def step_of(lab: Lab, step_id: str) -> tuple[Task, Step]:
    """Return the step with that id and the task it belongs to."""
    return next((t, s) for t in lab.tasks for s in t.steps if s.id == step_id)
