"""The knowledge check: questions by concept, and what became of an answer.

Made from ``tasks/quiz/*.yaml`` by ``learning.quiz``; a file's name is the concept's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from labgrader.kube.resources import Object

STRONG = 0.8
WEAK = 0.5
LEAST = 3
"""Fewer answers than these say nothing about a concept yet."""


class Kind(StrEnum):
    """What is asked for: one option, several, what the cluster will answer, a mended manifest."""

    CHOICE = "choice"
    MULTIPLE = "multiple"
    ANSWER = "answer"
    MANIFEST = "manifest"


class Mark(StrEnum):
    """What became of an answer; ``unjudged`` is a manifest that no cluster was asked about."""

    RIGHT = "right"
    WRONG = "wrong"
    UNJUDGED = "unjudged"


@dataclass(frozen=True, slots=True)
class Look:
    """A condition on an object: what stands ``at`` a path is there, and keeps a JSON Schema.

    ``otherwise`` says what is wrong where it does not hold.
    """

    at: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    otherwise: str = ""


@dataclass(frozen=True, slots=True)
class Sign:
    """How the API server's answer looks if an option is right; tests hold it against a real one.

    ``status`` (HTTP) and ``says`` (a part of the message) are about a refusal, ``look`` and
    ``absent`` (a path) about the object that came back.
    """

    accepted: bool
    status: int | None = None
    says: str = ""
    look: Look | None = None
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """One option, right or plausible. ``when`` is set where the cluster can be asked."""

    text: str
    right: bool = False
    when: Sign | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """How tests ask a real API server.

    ``given`` is done first (``lab_state.mutations``); ``ask`` is one of create (a manifest), patch,
    delete (what is there afterwards).
    """

    ask: Object
    given: tuple[Object, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """One question. ``manifest`` is what is to be mended, ``returned`` what must come back."""

    id: str
    concept: str
    kind: Kind
    ask: str
    explanation: str
    docs: tuple[str, ...]
    options: tuple[Option, ...] = ()
    proof: Proof | None = None
    manifest: str = ""
    solution: str = ""
    returned: tuple[Look, ...] = ()


@dataclass(frozen=True, slots=True)
class Concept:
    """A group of questions; ``tasks`` are those of the lab that practise it."""

    id: str
    title: str
    questions: tuple[Question, ...]
    tasks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Marked:
    """An answer that was judged; ``reason`` says what is wrong, or why it could not be judged."""

    mark: Mark
    reason: str = ""


class Standing(StrEnum):
    """How well a concept is known."""

    UNKNOWN = "not known yet"
    GAP = "gap"
    GROWING = "on the way"
    STRENGTH = "strength"


@dataclass(frozen=True, slots=True)
class Known:
    """One concept: how many questions there are, were answered, and were right the last time.

    ``again`` are the questions whose last answer was wrong.
    """

    concept: str
    title: str
    questions: int
    answered: int
    right: int
    again: tuple[str, ...]

    @property
    def standing(self) -> Standing:
        """A strength from 80 % on, a gap below 50 %; fewer than three answers say nothing."""
        if self.answered < min(LEAST, self.questions):
            return Standing.UNKNOWN
        share = self.right / self.answered
        if share < WEAK:
            return Standing.GAP
        return Standing.STRENGTH if share >= STRONG else Standing.GROWING
