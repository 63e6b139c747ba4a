"""The parts of the quiz window: what to be asked about, one question, and how a round went."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Markdown, OptionList, Static, TextArea
from textual.widgets.option_list import Option

from labgrader.learning.quiz import LETTERS, right_letters
from labgrader.learning.sessions.quizzing import Round
from labgrader.model.quiz import Kind, Known, Mark, Marked, Question, Standing
from labgrader.report.quiz import better, verdict
from labgrader.tui import formatting
from labgrader.tui.widgets.choices import Choices

ALL = "all"
_MARKS = {Mark.RIGHT: "✔", Mark.WRONG: "✘", Mark.UNJUDGED: "?"}
_STYLES = {Mark.RIGHT: "$text-success", Mark.WRONG: "$text-error", Mark.UNJUDGED: "$text-accent"}
_STANDINGS = {
    Standing.STRENGTH: ("✔", "$text-success"),
    Standing.GAP: ("✘", "$text-error"),
    Standing.GROWING: ("…", "$text-warning"),
    Standing.UNKNOWN: ("·", formatting.MUTED),
}
_TASKS = {
    Kind.CHOICE: "One is right.",
    Kind.ANSWER: "One is right.",
    Kind.MULTIPLE: "One or more are right.",
    Kind.MANIFEST: "Mend it; the cluster is asked by a dry run, and nothing is stored.",
}


class ConceptList(Choices):
    """The concepts, with how well each is known; several can be ticked."""

    def __init__(self) -> None:
        super().__init__(id="concepts", markup=False)
        self._known: Sequence[Known] = ()
        self._ticked: set[str] = set()

    def show(self, known: Sequence[Known]) -> None:
        """Show the concepts as they are known now."""
        self._known = known
        self._paint()

    def tick(self) -> None:
        """Tick what is highlighted, or take the tick off."""
        name = self._here()
        if name == ALL:
            self._ticked = set()
        else:
            self._ticked ^= {name}
        self._paint()

    def chosen(self) -> list[str]:
        """Return what is ticked; else what is highlighted; nothing means all."""
        if self._ticked:
            return [one.concept for one in self._known if one.concept in self._ticked]
        return [] if self._here() == ALL else [self._here()]

    def _here(self) -> str:
        here = self.highlighted_option
        return str(here.id) if here is not None else ALL

    def _paint(self) -> None:
        at = self.highlighted or 0
        total = sum(one.questions for one in self._known)
        everything = Content.assemble(("All concepts", "bold"), f", {total} questions")
        rows = [Option(everything, id=ALL)]
        rows += [Option(self._row(one), id=one.concept) for one in self._known]
        self.set_options(rows)
        self.highlighted = at

    def _row(self, one: Known) -> Content:
        tick = "[x] " if one.concept in self._ticked else "[ ] "
        return Content.assemble(tick, (one.title, "bold"), "\n    ", standing(one))


def standing(one: Known) -> Content:
    """Return how well a concept is known, in a mark, a word and figures."""
    mark, style = _STANDINGS[one.standing]
    figures = f" ({one.right} of {one.answered} right, {one.questions} questions)"
    return Content.assemble((f"{mark} {one.standing.value}", style), (figures, formatting.MUTED))


class Chosen(Message):
    """An option was clicked; ``letter`` is its own."""

    def __init__(self, letter: str) -> None:
        super().__init__()
        self.letter = letter


class QuestionView(VerticalScroll):
    """One question: what is asked, the options or the manifest, and after the answer why."""

    def __init__(self) -> None:
        super().__init__(id="question")
        self._question: Question | None = None
        self._marked: Marked | None = None
        self.letters: set[str] = set()

    def compose(self) -> ComposeResult:
        """Yield the parts from top to bottom."""
        yield Markdown(id="ask", open_links=False)
        yield Static(id="what-to-do", markup=False)
        yield Choices(id="options", markup=False)
        yield TextArea(
            id="manifest", soft_wrap=False, show_line_numbers=True, tab_behavior="indent"
        )
        yield Static(id="verdict", markup=False)
        yield Markdown(id="why", open_links=False)

    async def ask(self, question: Question) -> None:
        """Show a question that is not answered yet."""
        self._question, self._marked = question, None
        self.letters = set()
        mends = question.kind is Kind.MANIFEST
        await self.query_one("#ask", Markdown).update(question.ask)
        self.query_one("#what-to-do", Static).update(
            Content.styled(_TASKS[question.kind], formatting.MUTED)
        )
        for part, shown in (("#options", not mends), ("#manifest", mends)):
            self.query_one(part).display = shown
        for part in ("#verdict", "#why"):
            self.query_one(part).display = False
        editor = self.query_one(TextArea)
        editor.read_only = False
        editor.load_text(question.manifest)
        self._paint()
        (editor if mends else self.query_one(OptionList)).focus()
        self.scroll_home(animate=False)

    @property
    def said(self) -> str:
        """The answer as it stands: the letters, or the manifest."""
        assert self._question is not None
        mends = self._question.kind is Kind.MANIFEST
        return self.query_one(TextArea).text if mends else "".join(sorted(self.letters))

    @property
    def here(self) -> str:
        """The letter of the highlighted option; empty where there is none."""
        at = self.query_one(OptionList).highlighted
        return LETTERS[at] if at is not None else ""

    def choose(self, letter: str) -> None:
        """Choose an option, or take it back where several may be chosen."""
        question = self._question
        if question is None or self._marked is not None or question.kind is Kind.MANIFEST:
            return
        if letter not in LETTERS[: len(question.options)]:
            return
        several = question.kind is Kind.MULTIPLE
        self.letters = self.letters ^ {letter} if several else {letter}
        self._paint()
        self.query_one(OptionList).highlighted = LETTERS.index(letter)

    async def explain(self, marked: Marked) -> None:
        """Show what became of the answer, and why."""
        assert self._question is not None
        self._marked = marked
        self._paint()
        self.query_one(TextArea).read_only = True
        told = Content.assemble(
            (f"{_MARKS[marked.mark]} ", f"bold {_STYLES[marked.mark]}"),
            (verdict(marked), _STYLES[marked.mark]),
        )
        result = self.query_one("#verdict", Static)
        result.update(told)
        why = self.query_one("#why", Markdown)
        result.display = why.display = True
        await why.update(_explanation(self._question, marked))
        self.focus()
        self.call_after_refresh(self.scroll_to_widget, result, animate=False, top=True)

    def on_option_list_option_selected(self, message: OptionList.OptionSelected) -> None:
        """Pass a click on."""
        message.stop()
        self.post_message(Chosen(LETTERS[message.option_index]))

    def _paint(self) -> None:
        assert self._question is not None
        listed = self.query_one("#options", OptionList)
        at = listed.highlighted or 0
        pairs = zip(LETTERS, self._question.options, strict=False)
        listed.set_options([self._row(letter, option.text) for letter, option in pairs])
        if self._question.options:
            listed.highlighted = at if at < len(self._question.options) else 0

    def _row(self, letter: str, text: str) -> Content:
        assert self._question is not None
        chosen = letter in self.letters
        tick = "(x)" if chosen else "( )"
        if self._question.kind is Kind.MULTIPLE:
            tick = "[x]" if chosen else "[ ]"
        row = Content.assemble((f"{tick} {letter}) ", "bold"), formatting.inline(text))
        if self._marked is None:
            return row
        if letter in right_letters(self._question):
            return Content.assemble(("✔ right  ", "bold $text-success"), row)
        return Content.assemble(("✘ wrong  " if chosen else "         ", "$text-error"), row)


def _explanation(question: Question, marked: Marked) -> str:
    """Return the explanation as Markdown. All of it is the lab's own text."""
    parts = [question.explanation.strip()]
    if question.kind is Kind.MANIFEST and better(question, marked):
        parts += ["One that is right:", f"```yaml\n{question.solution.strip()}\n```"]
    if question.docs:
        parts.append("**Read on** (a click or `l` copies the link)")
        parts.append("\n".join(f"- [{link}]({link})" for link in question.docs))
    return "\n\n".join(parts)


def result_text(played: Round, known: Sequence[Known], seed: int | None) -> Content:
    """Return how a round went, what to ask again, and strengths and gaps by concept."""
    marks = [marked.mark for _, marked in played.done]
    asked = len(played.questions)
    head = f"{marks.count(Mark.RIGHT)} of {asked} right (seed {seed})"
    lines = [Content.styled(head, "bold")]
    for mark, told in ((Mark.WRONG, "wrong"), (Mark.UNJUDGED, "not judged")):
        named = [question.id for question, marked in played.done if marked.mark is mark]
        if named:
            style = f"bold {_STYLES[mark]}"
            lines.append(
                Content.assemble(
                    (f"{_MARKS[mark]} {told}: ", style), formatting.foreign(", ".join(named))
                )
            )
    if len(marks) < asked:
        lines.append(Content(f"· not answered: {asked - len(marks)}"))
    lines.append(Content.styled("\nStrengths and gaps", "bold $text-primary"))
    for one in known:
        lines.append(Content.assemble((one.title, "bold"), "\n  ", standing(one)))
        if one.again:
            lines.append(Content.styled(f"  again: {', '.join(one.again)}", formatting.MUTED))
    return Content("\n").join(lines)
