"""Amounts and times as Kubernetes and Go write them, as exact numbers that can be compared."""

from __future__ import annotations

import re
from fractions import Fraction

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))"
    r"(?:[eE](?P<power>[+-]?[0-9]{1,2})|(?P<unit>[numkMGTPE]|[KMGTPE]i)?)",
    re.ASCII,
)
_UNITS = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h)", re.ASCII)
_LONGEST = 40
"""Longer than any sensible amount or time; nothing is computed from more digits than that."""


def quantity(value: object) -> Fraction | None:
    """Return a quantity such as ``100m``, ``0.5Gi`` or ``1e3`` as a number; None where it is none.

    A number is one too, as in YAML without quotes; a truth value is not.
    """
    text = _text(value)
    match = _QUANTITY.fullmatch(text) if text else None
    if match is None:
        return None
    number = Fraction(match["number"].rstrip("."))
    unit = match["unit"] or ""
    if unit in _BINARY:
        return number * Fraction(1024) ** _BINARY[unit]
    power = int(match["power"]) if match["power"] else _DECIMAL[unit]
    return number * Fraction(10) ** power


def duration(value: object) -> Fraction | None:
    """Return a Go duration such as ``30s``, ``0.5m`` or ``1m30s`` in seconds; None if it is none.

    A number without a unit is none: nobody can tell what it counts.
    """
    text = value if isinstance(value, str) else ""
    if text in ("0", "+0", "-0"):
        return Fraction(0)
    sign = -1 if text.startswith("-") else 1
    body = text[1:] if text[:1] in ("+", "-") else text
    parts = list(_PART.finditer(body)) if len(body) <= _LONGEST else []
    if not parts or "".join(part[0] for part in parts) != body:
        return None
    return sign * sum(
        (Fraction(part[1].rstrip(".")) * _UNITS[part[2]] for part in parts), Fraction()
    )


def _text(value: object) -> str:
    """Return the text of a number or a text; empty for anything else, and for what is too long."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    if isinstance(value, int) and abs(value) >= 10**_LONGEST:
        return ""
    text = str(value)
    return text if len(text) <= _LONGEST else ""
