"""What a session's time was spent on, beside the budgets and what others take."""

from __future__ import annotations

from dataclasses import dataclass

from labgrader.model.checklist import Pace


@dataclass(frozen=True, slots=True)
class Spent:
    """One task: seconds without pauses, from where the one before was done to its last green check.

    ``done`` is whether all that is required has passed once; ``seconds`` run on until then.
    """

    task: str
    seconds: float
    budget: float
    done: bool


@dataclass(frozen=True, slots=True)
class Stuck:
    """A check that failed for so many seconds of the work on its task; ``solved`` since."""

    criterion: str
    seconds: float
    solved: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a session stands.

    ``level`` is the benchmark that its time keeps, None where it is longer than all; ``between``
    says that it lies above that benchmark's own time, in a gap before the next slower one.
    ``compared`` is whether the lab has benchmarks. ``untaken`` are the tasks that were done while
    the clock stood still: what the rest took says nothing about the whole lab.
    """

    seconds: float
    done: bool
    level: Pace | None
    between: bool
    tasks: tuple[Spent, ...]
    stuck: tuple[Stuck, ...]
    compared: bool = True
    untaken: tuple[str, ...] = ()
