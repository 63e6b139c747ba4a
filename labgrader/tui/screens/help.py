"""The windows over the lab: what the keys do, and what a check looks at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Markdown, Static

from labgrader.grading.registry import Check
from labgrader.learning.sessions import policy
from labgrader.model.task import Criterion, Step
from labgrader.report.clean import one_line
from labgrader.tui import formatting
from labgrader.tui.bindings import bindings_of
from labgrader.tui.state import LabState
from labgrader.tui.widgets.prose import Prose

GUIDE = """
Pick a step on the left, do what it says on the cluster, and watch its checks: they are judged
again whenever the cluster changes.

Marks: ✔ passed, ✘ failed, ◌ blocked by another check, ? not judged (its points are neither earned
nor lost), · not judged yet.

Everything can be done with the mouse as well: a click on a check explains it. Hold shift to select
text with the terminal. The palette has other themes: type "theme".
"""


class Window(ModalScreen[None]):
    """A scrolling page over the lab."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "Close"),
        Binding("?,f1", "help", "Help", tooltip="What the keys of this window do"),
    ]

    def compose(self) -> ComposeResult:
        """Yield the page."""
        with VerticalScroll(classes="window"):
            yield from self.compose_page()

    def compose_page(self) -> ComposeResult:
        """Yield what stands on the page."""
        yield Markdown(id="page", open_links=False)

    def on_markdown_link_clicked(self, message: Markdown.LinkClicked) -> None:
        """Copy the link: over SSH a text browser would start on top of the screen."""
        message.stop()
        self.copy_text(message.href)

    def copy_text(self, text: str) -> None:
        """Copy a line, and say so."""
        line = one_line(text)
        self.app.copy_to_clipboard(line)
        self.notify(f"Copied {line}", markup=False)

    def action_help(self) -> None:
        """Show what the keys do."""
        self.app.push_screen(HelpScreen(self))


class HelpScreen(Window):
    """What the keys do, made from the bindings themselves; those that are refused are left out."""

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__()
        self._listed = [
            binding
            for binding in bindings_of(screen)
            if "." in binding.action or screen.check_action(binding.action.split("(")[0], ())
        ]

    def action_help(self) -> None:
        """Close: this is the help."""
        self.dismiss()

    def compose_page(self) -> ComposeResult:
        """Yield the keys, then the rest."""
        yield Static(_keys(self._listed), markup=False)
        yield Prose("page", GUIDE)

    def on_mount(self) -> None:
        """Name the window."""
        window = self.query_one(VerticalScroll)
        window.border_title = "Keys"
        window.border_subtitle = "esc closes"


EXAM_GUIDE = f"""
Read a step on the left and do it on the cluster. {policy.RESULTS}: nothing is judged before.

Allowed: kubectl with `explain`, `--help`, `auth can-i` and dry runs; completion, editor, tmux, the
Kubernetes documentation; `labgrader tasks`, `doctor`, `cluster status`, `cluster shell`,
`cluster logs`. {policy.RELIES}.

The exam ends when its time is over, with `f`, or with `labgrader session end`. Then the cluster is
graded once. If labgrader or the cluster fails, the clock stops. `q` leaves: the clock runs on, and
`labgrader start` goes back to the exam.
"""


_IN_EXAM = {
    "finish": "End the exam: the cluster is graded",
    "app.quit": "Leave: the clock runs on",
}
"""What these keys do in an exam, by action."""


class ExamHelpScreen(HelpScreen):
    """What the keys do in an exam."""

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__(screen)
        self._listed = [
            replace(binding, tooltip=_IN_EXAM.get(binding.action, binding.tooltip))
            for binding in self._listed
        ]

    def compose_page(self) -> ComposeResult:
        """Yield the keys, then the rules."""
        yield Static(_keys(self._listed), markup=False)
        yield Prose("page", EXAM_GUIDE)


class ExplainScreen(Window):
    """What a check looks at, why, and where to read on; left and right turn to the others."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # The page would take these keys to scroll sideways, which it never needs to.
        Binding("left", "turn(-1)", "Check before", priority=True),
        Binding("right", "turn(1)", "Next check", priority=True),
    ]

    def __init__(
        self, step: Step, criterion: Criterion, state: LabState, checks: Mapping[str, Check]
    ) -> None:
        super().__init__()
        self._criteria: Sequence[Criterion] = step.criteria
        self._index = step.criteria.index(criterion)
        self._state = state
        self._checks = checks

    async def on_mount(self) -> None:
        """Fill the page."""
        await self._show()

    async def action_turn(self, by: int) -> None:
        """Explain another check of the step."""
        self._index = (self._index + by) % len(self._criteria)
        await self._show()

    async def _show(self) -> None:
        criterion = self._criteria[self._index]
        mark, count = self._state.mark(criterion), len(self._criteria)
        window = self.query_one(VerticalScroll)
        window.border_title = Content.assemble(
            formatting.mark(mark), " ", formatting.word(mark), " ", criterion.title
        )
        turning = f"← → {self._index + 1} of {count}, " if count > 1 else ""
        window.border_subtitle = f"{criterion.id}, {turning}esc closes"
        why = self._checks[criterion.check].why
        page = explanation(criterion, why, self._state.revealed(criterion))
        await self.query_one(Markdown).update(page)
        window.scroll_home(animate=False)


def explanation(criterion: Criterion, why: str, hints: Sequence[str]) -> str:
    """Return the page on one check as Markdown. All of it is the lab's own text."""
    parts = [why]
    if criterion.needs:
        needed = ", ".join(f"`{need}`" for need in criterion.needs)
        parts.append(f"Judged only when {needed} passed.")
    if hints:
        parts.append("**Hints so far**")
        parts.append("\n".join(f"{number}. {hint}" for number, hint in enumerate(hints, 1)))
    if criterion.docs:
        parts.append("**Read on** (a click copies the link)")
        parts.append("\n".join(f"- [{link}]({link})" for link in criterion.docs))
    return "\n\n".join(parts)


def _keys(bindings: Iterable[Binding]) -> Content:
    """Return the bindings, a line each."""
    shown = [(binding.key.replace(",", " "), binding) for binding in bindings]
    lines = [
        Content.assemble((key.ljust(12), "bold $text-primary"), item.tooltip or item.description)
        for key, item in shown
    ]
    palette = "The palette: themes, and every command by name"
    lines.append(Content.assemble(("ctrl+p".ljust(12), "bold $text-primary"), palette))
    return Content("\n").join(lines)
