"""Answers to questions about NetworkPolicies, and the sentences that explain them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from labgrader.toolkit.network_policies.logic import Ternary, Unknown
from labgrader.toolkit.network_policies.peers import Question
from labgrader.toolkit.network_policies.policies import Direction

_NAMED = 3
"""So many policies are named in a sentence; of more, the number."""


class Verdict(StrEnum):
    """Whether a connection can be opened."""

    ALLOWED = "allowed"
    DENIED = "denied"
    UNKNOWN = "cannot be judged"

    @classmethod
    def of(cls, value: Ternary) -> Verdict:
        """Return the verdict: true is allowed, false is denied."""
        if isinstance(value, Unknown):
            return cls.UNKNOWN
        return cls.ALLOWED if value else cls.DENIED


@dataclass(frozen=True, slots=True)
class Side:
    """What the policies say at one end of a connection.

    ``policies`` are the names of those that decided it, all of the namespace of the Pod; ``why`` is
    a sentence without a full stop.
    """

    direction: Direction
    verdict: Verdict
    policies: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question.

    ``sides`` are those that decided: of a denied connection, the ends that deny it; of an allowed
    one, both ends; none where policies have no say. ``why`` is a sentence without a full stop.
    """

    question: Question
    verdict: Verdict
    why: str
    sides: tuple[Side, ...] = ()

    @property
    def allowed(self) -> bool | None:
        """Whether it is allowed; None where that cannot be judged."""
        return None if self.verdict is Verdict.UNKNOWN else self.verdict is Verdict.ALLOWED

    def __str__(self) -> str:
        """``a/x to b/y on TCP 80 is denied: ingress of …``."""
        verb = "" if self.verdict is Verdict.UNKNOWN else "is "
        return f"{self.question} {verb}{self.verdict}: {self.why}"


def from_sides(question: Question, sides: Sequence[Side]) -> Answer:
    """Return the answer when both ends were judged: both have to allow the connection."""
    found = {side.verdict for side in sides}
    order = (Verdict.DENIED, Verdict.UNKNOWN, Verdict.ALLOWED)
    verdict = next(one for one in order if one in found)
    deciding = tuple(side for side in sides if side.verdict is verdict)
    return Answer(question, verdict, "; ".join(side.why for side in deciding), deciding)


def listed(names: Sequence[str]) -> str:
    """Return policies by name: ``policy a``, ``policies a, b, c and 2 more``."""
    noun = "policy" if len(names) == 1 else "policies"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{noun} {', '.join(names[:_NAMED])}{more}"
