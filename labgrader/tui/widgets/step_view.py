"""The step that is worked on: its story, what to do, and what the original text got wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from labgrader.model.modes import Level
from labgrader.model.task import Erratum, Snippet, Step, Task
from labgrader.tui import formatting
from labgrader.tui.widgets.prose import Prose
from labgrader.tui.widgets.snippet_view import SnippetView

LEVEL_NOTES = {
    Level.GUIDED: "",
    Level.GAPS: "fill the gaps",
    Level.EXAM: "requirements only",
}


class StepView(VerticalScroll):
    """One step to read; scrolls."""

    def __init__(self) -> None:
        super().__init__(id="step")

    def compose(self) -> ComposeResult:
        """Yield the parts from top to bottom."""
        yield Prose("instructions")
        yield Static(id="errata", markup=False)
        yield SnippetView()

    def show(
        self,
        task: Task,
        step: Step,
        snippets: Sequence[Snippet],
        *,
        level: Level,
        lessons: frozenset[str],
    ) -> None:
        """Show ``step``; the task's story stands before its first step."""
        self.border_title = Content(f"{step.id} {step.title}")
        self.border_subtitle = LEVEL_NOTES[level]
        first = step is task.steps[0]
        text = f"{task.story}\n\n---\n\n{step.instructions}" if first else step.instructions
        self.query_one(Prose).show(text)
        self.show_errata(step, lessons, hidden=level is Level.EXAM)
        self.query_one(SnippetView).show(snippets)
        self.scroll_home(animate=False)

    def show_errata(self, step: Step, lessons: frozenset[str], *, hidden: bool) -> None:
        """Show what the original text got wrong; each lesson when the learner has asked for it."""
        errata = self.query_one("#errata", Static)
        errata.display = bool(step.errata) and not hidden
        errata.update(Content("\n\n").join(_errata(step.errata, lessons)))


def _errata(errata: Sequence[Erratum], lessons: frozenset[str]) -> Iterator[Content]:
    for erratum in errata:
        parts: list[str | Content | tuple[str, str]] = [
            (f"! Erratum {erratum.id}", "bold $text-warning"),
            "  ",
            formatting.inline(erratum.text),
        ]
        if erratum.id in lessons:
            parts += [("\nLesson", "bold"), "  ", formatting.inline(erratum.lesson)]
        elif erratum.predict:
            parts.append((" What will the cluster answer? (p)", formatting.MUTED))
        else:
            parts.append((" (p: what to learn from it)", formatting.MUTED))
        yield Content.assemble(*parts)
