"""Parses cron schedules: minutes, hours, and whether every day. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_NAMES = {
    name: number
    for names, first in (
        ("jan feb mar apr may jun jul aug sep oct nov dec", 1),
        ("sun mon tue wed thu fri sat", 0),
    )
    for number, name in enumerate(names.split(), first)
}
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_PART = re.compile(r"(\*|\?|[a-z0-9]+)(?:-([a-z0-9]+))?(?:/([0-9]+))?")


@dataclass(frozen=True, slots=True)
class Schedule:
    """The minutes and hours at which it fires, and whether it does so every day."""

    minutes: frozenset[int]
    hours: frozenset[int]
    daily: bool


def schedule(text: str) -> Schedule | None:
    """Read five fields or a macro such as ``@daily``; None for what is no such schedule."""
    fields = _MACROS.get(text.strip().lower(), text).lower().split()
    if len(fields) != len(_RANGES):
        return None
    sets = [_values(field, *bounds) for field, bounds in zip(fields, _RANGES, strict=True)]
    if any(found is None for found in sets):
        return None
    minutes, hours, days, months, weekdays = (frozenset(found or ()) for found in sets)
    weekdays = frozenset(day % 7 for day in weekdays)
    daily = len(days) == 31 and len(months) == 12 and len(weekdays) == 7
    return Schedule(minutes, hours, daily)


def _values(field: str, low: int, high: int) -> set[int] | None:
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            return None
        first, last, step = match.groups()
        begin = low if first in "*?" else _number(first)
        end = high if first in "*?" or (step and not last) else begin
        end = _number(last) if last else end
        if begin is None or end is None or not low <= begin <= end <= high or step == "0":
            return None
        found.update(range(begin, end + 1, int(step or 1)))
    return found


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else _NAMES.get(text)
