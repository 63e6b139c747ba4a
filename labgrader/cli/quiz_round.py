"""One round of the quiz: asks, hears, judges, explains; keeps each answer before the next."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import rich_click as click

from labgrader.engine.quiz import LETTERS, judge, right_letters
from labgrader.engine.quiz_manifest import judge_manifest
from labgrader.engine.storedyaml import MAX_CHARACTERS
from labgrader.model.errors import ExitCode, LabError, UsageError
from labgrader.model.quiz import Kind, Mark, Marked, Question
from labgrader.report.clean import one_line
from labgrader.workbench import Workbench

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
class Round:
    """A round of questions. ``done`` are those that were answered, with what became of them.

    Args:
        quiet: whether the output is for a machine; the questions go to the standard error then.
    """

    workbench: Workbench
    questions: Sequence[Question]
    seed: int
    quiet: bool = False
    done: list[tuple[Question, Marked]] = field(default_factory=list)

    def play(self) -> ExitCode:
        """Ask until all is asked, or the learner ends it.

        Raises:
            LabError: an answer cannot be kept.
        """
        try:
            for number, question in enumerate(self.questions, 1):
                self._say(f"\n{number} of {len(self.questions)}: {question.id}\n\n{question.ask}")
                self._show(question)
                marked = self._hear(question)
                if marked is not None:
                    self._keep(question, marked)
                    self._explain(question, marked)
        except _Ended:
            self._say("")
        finally:
            self.workbench.close()
        marks = {marked.mark for _, marked in self.done}
        if Mark.WRONG in marks:
            return ExitCode.FAILED
        whole = len(self.done) == len(self.questions) and Mark.UNJUDGED not in marks
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
                if question.kind is Kind.MANIFEST:
                    return self._judge_manifest(question, self._text(question, said))
                return judge(question, said)
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

    def _judge_manifest(self, question: Question, text: str) -> Marked:
        try:
            return judge_manifest(question, text, self.workbench.cluster)
        except LabError as error:  # no cluster is chosen, or its kubeconfig is none
            return Marked(Mark.UNJUDGED, str(error))

    def _keep(self, question: Question, marked: Marked) -> None:
        from labgrader.session.store import Given, Store

        self.done.append((question, marked))
        lab = self.workbench.catalog.lab.id
        now = datetime.now(UTC)
        Store().append_answer(Given(now, lab, question.id, question.concept, marked.mark.value))

    def _explain(self, question: Question, marked: Marked) -> None:
        told = {Mark.RIGHT: "Right.", Mark.WRONG: "Wrong.", Mark.UNJUDGED: "Not judged."}
        reason = f" {one_line(marked.reason)}." if marked.reason else ""
        self._say(f"\n{told[marked.mark]}{reason}\n\n{question.explanation}")
        if question.kind is Kind.MANIFEST and marked.mark is not Mark.RIGHT:
            self._say(f"One that is right:\n\n{question.solution}")
        elif question.kind is Kind.MULTIPLE and marked.mark is Mark.WRONG:
            self._say(f"All that is right: {', '.join(right_letters(question))}")
        for link in question.docs:
            self._say(f"Read: {link}")
