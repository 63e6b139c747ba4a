"""What a lab is good for beyond its points: checklists, the exam's domains, and times to compare.

Made from ``tasks/checklists.yaml`` by ``content.checklists``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """The state of an item: all its criteria pass, one does not, or one could not be judged."""

    DONE = "done"
    NOT_YET = "not yet"
    UNJUDGED = "could not be judged"


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a checklist, or one topic of an exam; ``criteria`` are ids that must pass."""

    text: str
    criteria: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checklist:
    """Items that tick themselves."""

    id: str
    title: str
    items: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain of the exam; ``weight`` is its share of the exam in percent."""

    title: str
    weight: int
    topics: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """What people of a level take for the whole lab, in minutes from ``least`` to ``most``."""

    level: str
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Goals:
    """All of it; empty for a lab that has none. ``paces`` begin with the fastest."""

    checklists: tuple[Checklist, ...] = ()
    domains: tuple[Domain, ...] = ()
    paces: tuple[Pace, ...] = ()


@dataclass(frozen=True, slots=True)
class Tick:
    """An item as it stands; ``because`` are the criteria that keep it from being done."""

    text: str
    state: State
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ticked:
    """A checklist as it stands."""

    id: str
    title: str
    items: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """A domain of the exam as it stands, in points of the lab."""

    title: str
    weight: int
    earned: float
    possible: float
    withheld: float
    topics: tuple[str, ...]
