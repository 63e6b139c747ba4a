"""The quiz's results, as text and as plain data (``schemas/quiz-results.schema.json``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labgrader.learning.quiz import right_letters
from labgrader.model.quiz import Concept, Kind, Known, Mark, Marked, Question
from labgrader.report.clean import one_line

VERSION = 1

Done = Sequence[tuple[Question, Marked]]


TOLD = {Mark.RIGHT: "Right.", Mark.WRONG: "Wrong.", Mark.UNJUDGED: "Not judged."}


def verdict(marked: Marked) -> str:
    """Return what became of an answer, as one line."""
    reason = f" {one_line(marked.reason)}." if marked.reason else ""
    return f"{TOLD[marked.mark]}{reason}"


def better(question: Question, marked: Marked) -> str:
    """Return an answer that is right, where the given one was not and nothing else says it."""
    if question.kind is Kind.MANIFEST and marked.mark is not Mark.RIGHT:
        return f"One that is right:\n\n{question.solution}"
    if question.kind is Kind.MULTIPLE and marked.mark is Mark.WRONG:
        return f"All that is right: {', '.join(right_letters(question))}"
    return ""


def round_as_text(done: Done, seed: int, asked: int) -> str:
    """Return how a round went."""
    lines = [f"{_count(done, Mark.RIGHT)} of {asked} right (seed {seed})"]
    wrong = [question.id for question, marked in done if marked.mark is Mark.WRONG]
    unjudged = [question.id for question, marked in done if marked.mark is Mark.UNJUDGED]
    if wrong:
        lines.append(f"Ask again: labgrader quiz {' '.join(wrong)}")
    if unjudged:
        lines.append(f"Not judged: {', '.join(unjudged)}")
    if len(done) < asked:
        lines.append(f"Not answered: {asked - len(done)}")
    lines.append("Strengths and gaps: labgrader quiz --results")
    return "\n".join(lines) + "\n"


def round_as_data(done: Done, seed: int, asked: int) -> dict[str, Any]:
    """Return how a round went, as plain data."""
    return {
        "schema_version": VERSION,
        "seed": seed,
        "asked": asked,
        "right": _count(done, Mark.RIGHT),
        "answers": [
            {
                "question": question.id,
                "concept": question.concept,
                "mark": marked.mark.value,
                "reason": marked.reason,
            }
            for question, marked in done
        ],
    }


def list_as_data(concepts: Sequence[Concept]) -> dict[str, Any]:
    """Return the questions without what is right, as plain data."""
    return {
        "schema_version": VERSION,
        "concepts": [
            {
                "id": concept.id,
                "title": concept.title,
                "questions": [
                    {"id": q.id, "kind": q.kind.value, "ask": q.ask} for q in concept.questions
                ],
            }
            for concept in concepts
        ],
    }


def known_as_text(known: Sequence[Known]) -> str:
    """Return strengths and gaps."""
    lines = []
    for one in known:
        share = f"{one.right} of {one.answered} right, {one.questions} questions"
        lines.append(f"{one.concept}: {one.standing.value} ({share})")
        if one.again:
            lines.append(f"  again: labgrader quiz {' '.join(one.again)}")
    return "\n".join(lines) + "\n"


def known_as_data(known: Sequence[Known]) -> dict[str, Any]:
    """Return strengths and gaps as plain data."""
    return {
        "schema_version": VERSION,
        "concepts": [
            {
                "id": one.concept,
                "standing": one.standing.name.lower(),
                "questions": one.questions,
                "answered": one.answered,
                "right": one.right,
                "again": list(one.again),
            }
            for one in known
        ],
    }


def _count(done: Done, mark: Mark) -> int:
    return sum(marked.mark is mark for _, marked in done)
