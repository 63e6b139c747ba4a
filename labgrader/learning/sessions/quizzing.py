"""One round of the quiz, for both shells: judges an answer, and keeps it before the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from labgrader.errors import LabError
from labgrader.kube.protocols import Cluster
from labgrader.learning.quiz import judge
from labgrader.learning.quiz_manifest import judge_manifest
from labgrader.learning.sessions.store import Given, Store
from labgrader.model.quiz import Kind, Mark, Marked, Question


@dataclass(slots=True)
class Round:
    """A round of questions. ``done`` are those that were answered, with what became of them.

    Args:
        lab: the lab's id, under which answers are kept.
        cluster: opens the cluster that judges manifests; it may raise ``LabError``.
    """

    lab: str
    questions: Sequence[Question]
    cluster: Callable[[], Cluster]
    done: list[tuple[Question, Marked]] = field(default_factory=list)

    def answer(self, question: Question, said: str) -> Marked:
        """Judge an answer and keep it.

        Args:
            said: the letters; the whole manifest where one is to be mended.

        Raises:
            UsageError: this is no answer to the question; nothing is kept.
            LabError: the answer cannot be kept.
        """
        marked = self._judge(question, said)
        now = datetime.now(UTC)
        Store().append_answer(
            Given(now, self.lab, question.id, question.concept, marked.mark.value)
        )
        self.done.append((question, marked))
        return marked

    def _judge(self, question: Question, said: str) -> Marked:
        if question.kind is not Kind.MANIFEST:
            return judge(question, said)
        try:
            return judge_manifest(question, said, self.cluster())
        except LabError as error:  # no cluster is chosen, or its kubeconfig is none
            return Marked(Mark.UNJUDGED, str(error))


def open_first(questions: Iterable[Question], answers: Iterable[Given]) -> list[Question]:
    """Return the questions with those first that were not answered right the last time."""
    last = {given.question: given.mark for given in answers if given.mark != Mark.UNJUDGED}
    return sorted(questions, key=lambda question: last.get(question.id) == Mark.RIGHT)
