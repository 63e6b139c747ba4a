"""Reads the knowledge check (``tasks/quiz/*.yaml``), draws questions, and judges what is chosen."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from labgrader.content.lab_folder import LabFolder
from labgrader.errors import ContentError, UsageError
from labgrader.model.quiz import (
    Concept,
    Kind,
    Look,
    Mark,
    Marked,
    Option,
    Proof,
    Question,
    Sign,
)
from labgrader.util.bounded_yaml import read_documents
from labgrader.util.suggestion import unknown

LETTERS = "abcdefgh"


def load_quiz(root: Path) -> list[Concept]:
    """Return the concepts of a lab with their questions.

    Raises:
        ContentError: a file is not as it should be; `author lint` says where.
    """
    return [_concept(path) for path in LabFolder(root).quiz_files]


def draw(
    concepts: Iterable[Concept], names: Sequence[str], count: int | None, seed: int
) -> list[Question]:
    """Return questions in an order that depends on ``seed`` alone, their options shuffled as well.

    Args:
        names: concepts or single questions to choose from; empty for all.
        count: at most so many; evenly from all the chosen concepts.

    Raises:
        UsageError: a name is no concept and no question.
    """
    every = list(concepts)
    groups = [list(_chosen(concept, names)) for concept in every]
    known = {name for concept in every for q in concept.questions for name in (q.id, q.concept)}
    for name in names:
        if name not in known:
            raise unknown("concept or question", name, known, "See `labgrader quiz --list`")
    chance = random.Random(seed)  # noqa: S311 - an order, no secret
    for group in groups:
        chance.shuffle(group)
    total = sum(map(len, groups))
    drawn = list(_in_turn(groups))[: total if count is None else count]
    chance.shuffle(drawn)
    return [_shuffled(question, chance) for question in drawn]


def judge(question: Question, letters: str) -> Marked:
    """Judge the letters that were chosen for a question with options.

    Raises:
        UsageError: a letter that no option has, none at all, or several where one is asked for.
    """
    chosen = {letter for letter in letters.lower() if letter not in " ,;"}
    known = LETTERS[: len(question.options)]
    if not chosen or not chosen <= set(known):
        raise UsageError(f"Answer with letters from a to {known[-1]}")
    if len(chosen) > 1 and question.kind is not Kind.MULTIPLE:
        raise UsageError("Only one letter is asked for here")
    right = set(right_letters(question))
    if chosen == right:
        return Marked(Mark.RIGHT)
    return Marked(Mark.WRONG, f"Right is {', '.join(sorted(right))}")


def right_letters(question: Question) -> list[str]:
    """Return the letters of the right options, in the order in which they are shown."""
    return [
        letter for letter, option in zip(LETTERS, question.options, strict=False) if option.right
    ]


def _chosen(concept: Concept, names: Sequence[str]) -> Iterator[Question]:
    for question in concept.questions:
        if not names or concept.id in names or question.id in names:
            yield question


def _in_turn(groups: Sequence[list[Question]]) -> Iterator[Question]:
    """Yield one of each group in turn, until all are empty."""
    for at in range(max(map(len, groups), default=0)):
        yield from (group[at] for group in groups if at < len(group))


def _shuffled(question: Question, chance: random.Random) -> Question:
    options = list(question.options)
    chance.shuffle(options)
    return replace(question, options=tuple(options))


def _concept(path: Path) -> Concept:
    documents = read_documents(path)
    try:
        (data,) = documents
        questions = tuple(_question(path.stem, entry) for entry in data["questions"])
        return Concept(path.stem, data["title"], questions, tuple(data.get("tasks") or ()))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContentError(
            f"{path} holds no questions as they should be: {error!r}",
            "`labgrader author lint` says where, and how to mend it",
        ) from error


def _question(concept: str, data: Mapping[str, Any]) -> Question:
    return Question(
        id=data["id"],
        concept=concept,
        kind=Kind(data["kind"]),
        ask=data["ask"],
        explanation=data["explanation"],
        docs=tuple(data["docs"]),
        options=tuple(_option(entry) for entry in data.get("options") or ()),
        proof=_proof(data["proof"]) if data.get("proof") else None,
        manifest=data.get("manifest", ""),
        solution=data.get("solution", ""),
        returned=tuple(_look(entry) for entry in data.get("returned") or ()),
    )


def _option(data: Mapping[str, Any]) -> Option:
    when = data.get("when")
    return Option(data["text"], bool(data.get("right")), _sign(when) if when else None)


def _sign(data: Mapping[str, Any]) -> Sign:
    look = _look(data) if "at" in data else None
    return Sign(
        data["accepted"], data.get("status"), data.get("says", ""), look, data.get("absent", "")
    )


def _look(data: Mapping[str, Any]) -> Look:
    return Look(data["at"], data.get("is") or {}, data.get("otherwise", ""))


def _proof(data: Mapping[str, Any]) -> Proof:
    ask = {verb: data[verb] for verb in ("create", "patch", "delete") if verb in data}
    return Proof(ask, tuple(data.get("given") or ()))
