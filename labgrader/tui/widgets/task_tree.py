"""The tasks and their steps, each with its mark."""

from __future__ import annotations

from textual.content import Content
from textual.widgets.option_list import Option

from labgrader.model.task import Lab, Step, Task
from labgrader.tui import words
from labgrader.tui.state import LabState
from labgrader.tui.widgets.choices import Choices


class TaskTree(Choices):
    """Tasks as headings, steps as what the cursor moves between.

    A list, not Textual's Tree: headings the cursor passes over, and theme colours in the labels.
    """

    def __init__(self, state: LabState) -> None:
        self._labels: dict[str, Content] = dict(_labels(state))
        options = [
            Option(label, id=key, disabled=key in {task.id for task in state.lab.tasks})
            for key, label in self._labels.items()
        ]
        super().__init__(*options, id="tasks", markup=False)
        self.border_title = "Tasks"

    def show(self, state: LabState) -> None:
        """Repaint the labels that are different now."""
        for key, label in _labels(state):
            if not label.is_same(self._labels[key]):
                self._labels[key] = label
                self.replace_option_prompt(key, label)


def _labels(state: LabState) -> list[tuple[str, Content]]:
    labels = []
    for task in state.lab.tasks:
        labels.append((task.id, _task_label(state, task)))
        labels.extend((step.id, _step_label(state, step)) for step in task.steps)
    return labels


def _task_label(state: LabState, task: Task) -> Content:
    score = words.points(state.score(task.criteria()))
    return Content.assemble(
        words.mark(state.task_mark(task)),
        " ",
        (f"{task.id} {score} points", "bold"),
        "\n",
        (task.title, words.MUTED),
    )


def _step_label(state: LabState, step: Step) -> Content:
    return Content.assemble(
        words.mark(state.step_mark(step)), " ", (step.id, words.MUTED), " ", step.title
    )


def step_of(lab: Lab, step_id: str) -> tuple[Task, Step]:
    """Return the step with that id and the task it belongs to."""
    return next((t, s) for t in lab.tasks for s in t.steps if s.id == step_id)
