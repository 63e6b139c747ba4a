"""The quiz as a window: `labgrader quiz` asks the same in a terminal."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import ContentSwitcher, OptionList, Static, TextArea

from labgrader.app.workbench import Workbench
from labgrader.errors import ContentError, LabError
from labgrader.learning.quiz import LETTERS, draw, load_quiz
from labgrader.learning.sessions.knowledge import knowledge
from labgrader.learning.sessions.quizzing import Round, open_first
from labgrader.learning.sessions.store import Given, Store
from labgrader.model.quiz import Concept, Kind, Known, Question
from labgrader.tui import formatting
from labgrader.tui.background import in_thread
from labgrader.tui.screens.frame import Frame
from labgrader.tui.widgets.quiz_parts import Chosen, ConceptList, QuestionView, result_text

SEEDS = 1_000_000
_KEYS = {
    "concepts": "↑ ↓ choose, space ticks, enter begins, ? keys, esc closes",
    "question": "a-{last} choose, enter answers, p passes over, ? keys, esc closes",
    "manifest": "ctrl+s answers, ctrl+n passes over, esc esc closes",
    "answered": "enter goes on, l copies the link, esc closes",
    "result": "enter asks again, esc closes",
}


class QuizScreen(Frame):
    """Asks questions by concept, explains each answer, and shows strengths and gaps.

    Each answer is kept before the next question; what was not answered right comes first.

    Args:
        seed: decides the order; by default by chance. It is shown.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go", "Answer", tooltip="Begin, answer, go on", priority=True),
        Binding("space", "tick", "Tick", tooltip="Tick a concept or an option"),
        Binding("a", "letter('a')", "Option", tooltip="Choose an option by its letter, a to h"),
        *(Binding(one, f"letter('{one}')", "Option", show=False) for one in LETTERS[1:]),
        Binding("ctrl+s", "answer", "Answer", tooltip="Have the mended manifest judged"),
        Binding("p,ctrl+n", "skip", "Pass", tooltip="Pass over this question"),
        Binding("l", "link", "Link", tooltip="Copy the explanation's next link"),
    ]
    DEFAULT_CSS = """
    QuizScreen > #frame { max-width: 110; }
    #quiz-parts { height: 1fr; }
    #quiz-news { height: auto; max-height: 3; display: none; }
    #concepts { height: 1fr; }
    #options { height: auto; max-height: 100%; margin: 1 0; }
    #manifest { height: 16; border: round $foreground 20%; margin: 1 0; }
    #manifest:focus { border: round $primary; }
    #verdict { margin: 0 0 1 0; }
    """

    def __init__(self, workbench: Workbench, seed: int | None = None) -> None:
        super().__init__()
        self._workbench = workbench
        self._seed = seed
        self._concepts: list[Concept] = []
        self._answers: list[Given] = []
        self._round: Round | None = None
        self._at = 0
        self._answered = self._busy = False
        self._links = 0

    def compose_inside(self) -> ComposeResult:
        """Yield what there is to choose, a question, and the result: one of them is seen."""
        with ContentSwitcher(initial="concepts", id="quiz-parts"):
            yield ConceptList()
            yield QuestionView()
            with VerticalScroll(id="result"):
                yield Static(id="result-text", markup=False)
        yield Static(id="quiz-news", markup=False)

    def on_mount(self) -> None:
        """Read the questions, and what was answered before."""
        self.entitle("Quiz", _KEYS["concepts"])
        self._load()

    @work
    async def _load(self) -> None:
        try:
            await in_thread(self._read)
        except LabError as error:
            self._tell(str(error))
            return
        listed = self.query_one(ConceptList)
        listed.show(self._known())
        listed.focus()

    def _read(self) -> None:
        lab = self._workbench.catalog.lab
        self._concepts = load_quiz(lab.root)
        if not self._concepts:
            raise ContentError("This lab has no questions", "They are in tasks/quiz/*.yaml")
        self._answers = Store().answers(lab.id)

    def _known(self) -> list[Known]:
        return knowledge(self._concepts, self._answers)

    @property
    def _question(self) -> Question:
        assert self._round is not None
        return self._round.questions[self._at]

    @property
    def _part(self) -> str:
        return str(self.query_one(ContentSwitcher).current)

    def _tell(self, text: str) -> None:
        """Say what went wrong, in a line of the window; nothing takes it away."""
        news = self.query_one("#quiz-news", Static)
        news.display = bool(text)
        news.update(Content.assemble(("✘ ", "bold $text-error"), formatting.foreign(text)))

    @on(OptionList.OptionSelected, "#concepts")
    def _click_concept(self) -> None:
        self.query_one(ConceptList).tick()

    @on(Chosen)
    def _click_option(self, message: Chosen) -> None:
        self.query_one(QuestionView).choose(message.letter)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave enter to the editor as long as the manifest is being mended."""
        del parameters
        return not (action == "go" and isinstance(self.focused, TextArea) and not self._answered)

    async def action_go(self) -> None:
        """Begin, answer or go on, whichever comes next."""
        if self._busy or not self._concepts:
            return
        if self._part == "concepts":
            await self._begin(self.query_one(ConceptList).chosen())
        elif self._part == "result":
            self._choose_again()
        elif self._answered:
            await self._next()
        else:
            self.action_answer()

    async def _begin(self, names: Sequence[str]) -> None:
        self._seed = secrets.randbelow(SEEDS) if self._seed is None else self._seed
        questions = open_first(draw(self._concepts, names, None, self._seed), self._answers)
        lab = self._workbench.catalog.lab.id
        self._round = Round(lab, questions, lambda: self._workbench.cluster)
        self.query_one(ContentSwitcher).current = "question"
        self._at = -1
        await self._next()

    async def _next(self) -> None:
        assert self._round is not None
        self._at += 1
        self._answered, self._links = False, 0
        self._tell("")
        if self._at >= len(self._round.questions):
            self._end()
            return
        await self.query_one(QuestionView).ask(self._question)
        self.entitle(self._title(), self._keys())

    def _keys(self) -> str:
        last = LETTERS[len(self._question.options) - 1]
        return _KEYS["manifest" if self._question.kind is Kind.MANIFEST else "question"].format(
            last=last
        )

    def _title(self) -> str:
        assert self._round is not None
        place = f"{self._at + 1} of {len(self._round.questions)}"
        return f"Quiz {place}: {self._question.concept} (seed {self._seed})"

    def action_answer(self) -> None:
        """Have the answer judged and kept."""
        if self._part == "question" and not self._answered and not self._busy:
            view = self.query_one(QuestionView)
            if not view.letters and self._question.kind is not Kind.MANIFEST:
                if self._question.kind is Kind.MULTIPLE:
                    self._tell("Choose one or more first, by their letters or by space")
                    return
                view.choose(view.here)
            self._busy = True  # before the worker begins: the next key may pass the question over
            self._judge(view.said)

    @work
    async def _judge(self, said: str) -> None:
        assert self._round is not None
        going, question = self._round, self._question
        self.entitle(self._title(), "judging…")
        try:
            marked = await in_thread(lambda: going.answer(question, said))
        except LabError as error:  # it was not kept: the question stays open
            self._tell(str(error))
            self.entitle(self._title(), self._keys())
            return
        finally:
            self._busy = False
        self._answered = True
        self._tell("")
        self.entitle(self._title(), _KEYS["answered"])
        await self.query_one(QuestionView).explain(marked)

    def _end(self) -> None:
        """Leave the questions at once: the next key finds none to answer."""
        self.query_one(ContentSwitcher).current = "result"
        self.entitle("Quiz: how it went", _KEYS["result"])
        self.query_one("#result").focus()
        self._sum_up()

    @work
    async def _sum_up(self) -> None:
        """Show how the round went, with what is known by now."""
        assert self._round is not None
        try:
            self._answers = await in_thread(self._kept)
        except LabError as error:
            self._tell(str(error))
        text = result_text(self._round, self._known(), self._seed)
        self.query_one("#result-text", Static).update(text)

    def _kept(self) -> list[Given]:
        return Store().answers(self._workbench.catalog.lab.id)

    def _choose_again(self) -> None:
        self._seed = None
        self.query_one(ContentSwitcher).current = "concepts"
        listed = self.query_one(ConceptList)
        listed.show(self._known())
        listed.focus()
        self.entitle("Quiz", _KEYS["concepts"])

    def action_tick(self) -> None:
        """Tick a concept or an option."""
        if self._part == "concepts" and self._concepts:
            self.query_one(ConceptList).tick()
        elif self._part == "question":
            view = self.query_one(QuestionView)
            view.choose(view.here)

    def action_letter(self, letter: str) -> None:
        """Choose an option by its letter."""
        if self._part == "question":
            self.query_one(QuestionView).choose(letter)

    async def action_skip(self) -> None:
        """Pass over a question: nothing is kept."""
        if self._part == "question" and not self._answered and not self._busy:
            await self._next()

    def action_link(self) -> None:
        """Copy the next link of the explanation."""
        if self._part == "question" and self._answered and self._question.docs:
            links = self._question.docs
            self.copy_text(links[self._links % len(links)])
            self._links += 1
