"""What a check yields or raises: facts, groups of conditions, failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from labgrader.errors import ClusterError
from labgrader.model.result import Evidence


class Failure(Exception):
    """The cluster answered, and it is wrong: the whole check fails and earns nothing.

    Args:
        reason: what is wrong, one sentence a learner can act on.
        expected: what should be there.
        actual: what is there.
        fix: the smallest change that mends it, a command where one exists.
        evidence: what was looked at.
    """

    def __init__(
        self,
        reason: str,
        *,
        expected: str = "",
        actual: str = "",
        fix: str = "",
        evidence: Iterable[Evidence] = (),
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.expected = expected
        self.actual = actual
        self.fix = fix
        self.evidence = tuple(evidence)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing a check found out. It becomes an item with its share of the points.

    ``ok`` None means that it could not be judged; then ``error`` says why. ``weight`` is relative
    to the other facts of the check. Facts with the same ``group`` (a title) are conditions of one
    item: it earns its points where all of them hold, and its weight is that of its heaviest.
    """

    name: str
    ok: bool | None
    weight: int = 1
    reason: str = ""
    expected: str = ""
    actual: str = ""
    fix: str = ""
    evidence: tuple[Evidence, ...] = field(default=())
    error: ClusterError | None = None
    group: str = ""


def fact(
    name: str,
    ok: bool,
    *,
    weight: int = 1,
    reason: str = "",
    expected: object = "",
    actual: object = "",
    fix: str = "",
    evidence: Iterable[Evidence] = (),
) -> Fact:
    """State a fact. ``reason`` and ``fix`` are what a learner reads when it does not hold."""
    return Fact(name, bool(ok), weight, reason, str(expected), str(actual), fix, tuple(evidence))


def grouped(group: str, facts: Iterable[Fact], *, weight: int = 1) -> Iterator[Fact]:
    """Make facts the conditions of one item, which is worth its points where all of them hold.

    Args:
        group: the title of the item.
        weight: that of the item. Facts that are worth nothing stay notes of their own.
    """
    for one in facts:
        yield replace(one, group=group, weight=weight) if one.weight else one


def unjudged(name: str, error: ClusterError, *, weight: int = 1) -> Fact:
    """State that one fact could not be judged; its points are withheld."""
    return Fact(name, None, weight, reason=str(error), error=error)
