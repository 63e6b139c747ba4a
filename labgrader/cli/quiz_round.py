"""One round of the quiz in a terminal or a pipe: asks, hears, explains."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from labgrader.errors import ExitCode, UsageError
from labgrader.learning.quiz import LETTERS
from labgrader.model.quiz import Kind, Mark, Marked, Question
from labgrader.report.clean import one_line
from labgrader.report.quiz import better, verdict
from labgrader.util.bounded_yaml import MAX_CHARACTERS

if TYPE_CHECKING:
    from labgrader.learning.sessions.quizzing import Round

QUIT = "q"
EDIT = "e"
_PROMPTS = {
    Kind.CHOICE: "Your letter",
    Kind.ANSWER: "Your letter",
    Kind.MULTIPLE: "Your letters (one or more)",
    Kind.MANIFEST: "The file with the mended manifest, or e for your editor",
}


class _Ended(Exception):
    """The learner ends the round, by q or by the end of the input."""


@dataclass(slots=True)
class QuizRound:
    """Asks the questions of a round.

    Args:
        quiet: whether the output is for a machine; the questions go to the standard error then.
    """

    round: Round
    quiet: bool = False

    def play(self) -> ExitCode:
        """Ask until all is asked, or the learner ends it.

        Raises:
            LabError: an answer cannot be kept.
        """
        questions = self.round.questions
        try:
            for number, question in enumerate(questions, 1):
                self._say(f"\n{number} of {len(questions)}: {question.id}\n\n{question.ask}")
                self._show(question)
                marked = self._hear(question)
                if marked is not None:
                    self._explain(question, marked)
        except _Ended:
            self._say("")
        marks = {marked.mark for _, marked in self.round.done}
        if Mark.WRONG in marks:
            return ExitCode.FAILED
        whole = len(self.round.done) == len(questions) and Mark.UNJUDGED not in marks
        return ExitCode.OK if whole else ExitCode.UNJUDGED

    def _say(self, text: str) -> None:
        click.echo(text, err=self.quiet)

    def _show(self, question: Question) -> None:
        for letter, option in zip(LETTERS, question.options, strict=False):
            self._say(f"  {letter}) {option.text}")
        if question.manifest:
            self._say(question.manifest)

    def _hear(self, question: Question) -> Marked | None:
        """Return the judged answer; None where the question was passed over."""
        while True:
            said = self._line(f"{_PROMPTS[question.kind]} (q ends): ")
            if not said:
                return None
            if said == QUIT:
                raise _Ended
            try:
                text = self._text(question, said) if question.kind is Kind.MANIFEST else said
                return self.round.answer(question, text)
            except UsageError as error:
                self._say(one_line(error))

    def _line(self, prompt: str) -> str:
        click.echo(prompt, nl=False, err=self.quiet)
        line = sys.stdin.readline()
        if not line:
            raise _Ended
        return line.strip()

    def _text(self, question: Question, said: str) -> str:
        if said == EDIT:
            if not sys.stdin.isatty():
                raise UsageError("There is no terminal for an editor", "Name a file")
            edited = click.edit(question.manifest, extension=".yaml", require_save=False)
            return edited or ""
        try:
            with Path(said).expanduser().open(encoding="utf-8") as file:
                return file.read(MAX_CHARACTERS + 1)
        except (OSError, ValueError) as error:
            raise UsageError(f"{said} cannot be read: {error}", "Name another file") from error

    def _explain(self, question: Question, marked: Marked) -> None:
        self._say(f"\n{verdict(marked)}\n\n{question.explanation}")
        more = better(question, marked)
        if more:
            self._say(more)
        for link in question.docs:
            self._say(f"Read: {link}")
