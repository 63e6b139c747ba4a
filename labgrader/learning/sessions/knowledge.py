"""Sums quiz answers up by concept: strengths and gaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from labgrader.learning.sessions.store import Given
from labgrader.model.quiz import Concept, Known, Mark


def knowledge(concepts: Sequence[Concept], answers: Iterable[Given]) -> list[Known]:
    """Return what is known of each concept: the last answer to a question counts.

    Answers to questions that are not asked any more, and such that were not judged, do not count.
    """
    last = {given.question: given.mark for given in answers if given.mark != Mark.UNJUDGED}
    found = []
    for concept in concepts:
        marks = {q.id: last[q.id] for q in concept.questions if q.id in last}
        again = tuple(name for name, mark in marks.items() if mark == Mark.WRONG)
        right = len(marks) - len(again)
        total = len(concept.questions)
        found.append(Known(concept.id, concept.title, total, len(marks), right, again))
    return found
