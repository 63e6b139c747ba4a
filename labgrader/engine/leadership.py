"""Leases: who holds one, by what the object says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from labgrader.engine.moments import moment
from labgrader.model.resource import dig

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
