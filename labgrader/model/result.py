"""What a grading found. The shape of ``check --format json`` follows these classes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from labgrader.errors import Cause


class Outcome(StrEnum):
    """The outcome of one check or of one item of it."""

    PASSED = "passed"
    FAILED = "failed"
    BLOCKED = "blocked"
    ERROR = "error"


class Verdict(StrEnum):
    """The outcome of a task or of a whole run."""

    PASSED = "passed"
    FAILED = "failed"
    UNJUDGED = "unjudged"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was looked at: an object, a path in it, and the value found there, as text."""

    object: str
    path: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """What a check judges as one, with its share of the points (in points, two decimals).

    ``conditions`` are what it consists of, where that is more than one fact: all of them must hold.
    Their own points are 0.
    """

    name: str
    outcome: Outcome
    points: float
    earned: float
    reason: str = ""
    expected: str = ""
    actual: str = ""
    fix: str = ""
    cause: Cause | None = None
    conditions: tuple[Item, ...] = ()

    @property
    def parts(self) -> tuple[Item, ...]:
        """The conditions, or the item itself where it is a single one."""
        return self.conditions or (self,)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The judgement of one criterion.

    ``cause`` is set for ``error``, ``blocked_by`` (an id) for ``blocked``. ``duration_ms`` is the
    wall time of the check alone.
    """

    id: str
    step: str
    title: str
    outcome: Outcome
    points: float
    earned: float = 0.0
    optional: bool = False
    cause: Cause | None = None
    blocked_by: str | None = None
    reason: str = ""
    expected: str = ""
    actual: str = ""
    fix: str = ""
    erratum: str | None = None
    items: tuple[Item, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    duration_ms: int = 0

    @property
    def conditions(self) -> tuple[Item, ...]:
        """Every single condition, in order."""
        return tuple(part for item in self.items for part in item.parts)

    @property
    def withheld(self) -> float:
        """Points that could not be judged: neither earned nor lost."""
        if self.items:
            return sum(item.points for item in self.items if item.outcome is Outcome.ERROR)
        return self.points if self.outcome is Outcome.ERROR else 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """Points: ``possible`` includes ``withheld`` and leaves out ``bonus`` (earned on top)."""

    earned: float = 0.0
    possible: float = 0.0
    withheld: float = 0.0
    bonus: float = 0.0

    @classmethod
    def of(cls, results: Iterable[CheckResult]) -> Score:
        """Add up results; rounded to hundredths so that sums read as they were meant."""
        earned = possible = withheld = bonus = 0.0
        for result in results:
            if result.optional:
                bonus += result.earned
                continue
            earned += result.earned
            possible += result.points
            withheld += result.withheld
        return cls(round(earned, 2), round(possible, 2), round(withheld, 2), round(bonus, 2))


@dataclass(frozen=True, slots=True)
class TaskResult:
    """The results of one task, in the order of the lab."""

    id: str
    title: str
    budget_seconds: int
    checks: tuple[CheckResult, ...]

    @property
    def score(self) -> Score:
        """The points of this task."""
        return Score.of(self.checks)

    @property
    def outcome(self) -> Verdict:
        """``failed`` before ``unjudged`` before ``passed``."""
        return verdict(self.checks)


@dataclass(frozen=True, slots=True)
class ClusterInfo:
    """Which cluster was graded. ``nodes`` is ``simulated``, ``real`` or ``unknown``."""

    provider: str
    context: str
    server_version: str = ""
    nodes: str = "unknown"


@dataclass(frozen=True, slots=True)
class Report:
    """A whole grading."""

    lab: str
    cluster: ClusterInfo
    started_at: datetime
    duration_ms: int
    api_requests: int
    tasks: tuple[TaskResult, ...] = field(default=())

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """All results in the order of the lab."""
        return tuple(check for task in self.tasks for check in task.checks)

    @property
    def score(self) -> Score:
        """The points of the whole run."""
        return Score.of(self.checks)

    @property
    def outcome(self) -> Verdict:
        """The verdict of the whole run."""
        return verdict(self.checks)


def verdict(checks: Iterable[CheckResult]) -> Verdict:
    """Summarise check outcomes. Nothing judged at all is ``unjudged``, never ``passed``.

    Optional checks count only where nothing else was asked for.
    """
    everything = tuple(checks)
    required = [check for check in everything if not check.optional]
    seen = {check.outcome for check in required or everything}
    if seen & {Outcome.FAILED, Outcome.BLOCKED}:
        return Verdict.FAILED
    return Verdict.PASSED if seen == {Outcome.PASSED} else Verdict.UNJUDGED
