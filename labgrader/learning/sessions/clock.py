"""Clocks of sessions: time of day, and the machine's monotonic clock since boot."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment.

    ``boot`` names this start of the machine and ``up`` is the seconds since, sleep included; an
    empty ``boot`` says that the machine does not tell, and ``up`` means nothing then.
    """

    at: datetime
    boot: str = ""
    up: float = 0.0

    def until(self, later: Moment) -> float:
        """Return the seconds from here to ``later``, never less than none.

        Within one start of the machine a clock that is set changes nothing.
        """
        if self.boot and self.boot == later.boot:
            return max(0.0, later.up - self.up)
        return max(0.0, (later.at - self.at).total_seconds())


def now() -> Moment:
    """Return the moment now."""
    at, boot = datetime.now(UTC), _boot()
    return Moment(at, boot, time.clock_gettime(time.CLOCK_BOOTTIME) if boot else 0.0)


@cache
def _boot() -> str:
    """Return the name of this start of the machine; only Linux has one."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
