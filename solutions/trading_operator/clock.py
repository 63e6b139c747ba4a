"""Two clocks: one to measure with, one to tell people the time."""

from __future__ import annotations

import time
from datetime import UTC, datetime

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def steady() -> float:
    """Return seconds that only ever go forwards.

    Nobody can set this clock, and on Linux it goes on while the machine sleeps: a laptop that
    wakes up must not believe that its Lease is still fresh.
    """
    return time.clock_gettime(_STEADY)


def now() -> str:
    """Return the wall clock's time to the second, as Kubernetes writes it. For showing only."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def now_micro() -> str:
    """Return the same to the microsecond, as Leases want it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
