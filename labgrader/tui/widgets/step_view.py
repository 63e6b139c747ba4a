"""The step that is worked on: its story, what to do, and what the original text got wrong."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Markdown, Static

from labgrader.model.task import Step, Task
from labgrader.tui import words
from labgrader.tui.widgets.snippet_view import SnippetView


class StepView(VerticalScroll):
    """One step to read; scrolls."""

    def __init__(self) -> None:
        super().__init__(id="step")

    def compose(self) -> ComposeResult:
        """Yield the parts from top to bottom."""
        yield Markdown(id="instructions", open_links=False)
        yield Static(id="errata", markup=False)
        yield SnippetView()

    async def show(self, task: Task, step: Step) -> None:
        """Show ``step``; the task's story stands before its first step."""
        self.border_title = Content(f"{step.id} {step.title}")
        first = step is task.steps[0]
        text = f"{task.story}\n\n---\n\n{step.instructions}" if first else step.instructions
        await self.query_one(Markdown).update(text)
        errata = self.query_one("#errata", Static)
        errata.display = bool(step.errata)
        errata.update(_errata(step))
        self.query_one(SnippetView).show(step.snippets)
        self.scroll_home(animate=False)


def _errata(step: Step) -> Content:
    notes = [
        Content.assemble(
            (f"! Erratum {erratum.id}", "bold $text-warning"),
            "  ",
            words.inline(erratum.text),
            ("\nLesson", "bold"),
            "  ",
            words.inline(erratum.lesson),
        )
        for erratum in step.errata
    ]
    return Content("\n\n").join(notes)
