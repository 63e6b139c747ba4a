"""Leases: who holds one, by what the object says, and who writes it, by the record. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from labgrader.kube.protocols import AuditedWrite
from labgrader.kube.resources import dig
from labgrader.kube.timestamps import moment

SKEW_SECONDS = 5.0
"""How far the clocks of the API server and of a Lease's holder may be apart."""


@dataclass(frozen=True, slots=True)
class Leader:
    """Who holds a Lease now. ``transitions`` is how often it has changed hands."""

    holder: str
    transitions: int


def leader(lease: Mapping[str, Any] | None, now: datetime) -> Leader | None:
    """Return who holds ``lease`` at ``now``; None where nobody does, or no longer."""
    holder = dig(lease, "spec.holderIdentity", "")
    renewed = moment(dig(lease, "spec.renewTime"))
    seconds = dig(lease, "spec.leaseDurationSeconds", 0)
    if not holder or renewed is None or not isinstance(seconds, int) or seconds <= 0:
        return None
    age = (now - renewed).total_seconds()
    if not -SKEW_SECONDS <= age <= seconds + SKEW_SECONDS:
        return None
    transitions = dig(lease, "spec.leaseTransitions", 0)
    return Leader(str(holder), transitions if isinstance(transitions, int) else 0)


RECENT_SECONDS = 125.0
"""How old a recorded write may be that shows who renews a Lease; one a minute is recorded."""

FLIPS = 2
"""How often a writer must come back after another one until both of them lead."""

_WRITES = ("create", "update", "patch")


def writes_of(writes: Sequence[AuditedWrite], lease: Mapping[str, Any]) -> list[AuditedWrite]:
    """Return the writes that this Lease has got since it was created, oldest first."""
    born = moment(dig(lease, "metadata.creationTimestamp"))
    return [
        one
        for one in writes
        if one.name == dig(lease, "metadata.name")
        and one.verb in _WRITES
        and one.code < 300
        and _since(one, born)
    ]


def recent(writes: Sequence[AuditedWrite], now: datetime) -> list[AuditedWrite]:
    """Return those that are so young that their writers may still be at work."""
    found = []
    for one in writes:
        at = moment(one.at)
        if at and (now - at).total_seconds() <= RECENT_SECONDS:
            found.append(one)
    return found


def flips(names: Sequence[str]) -> int:
    """Return how often a name comes back after another one."""
    turns = [name for name, before in zip(names, [None, *names], strict=False) if name != before]
    return sum(name in turns[:place] for place, name in enumerate(turns))


def handovers(writes: Sequence[AuditedWrite]) -> Iterator[tuple[str, str]]:
    """Yield each change from one writing pod to another one that has not written before."""
    pods = [one.pod for one in writes if one.pod]
    for place, (before, after) in enumerate(pairwise(pods)):
        if before != after and after not in pods[:place]:
            yield before, after


def _since(write: AuditedWrite, born: datetime | None) -> bool:
    at = moment(write.at)
    return born is None or at is None or (at - born).total_seconds() > -1
