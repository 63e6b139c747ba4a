"""Three-valued logic: true, false, or unknown with the reason. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn


@dataclass(frozen=True, slots=True)
class Unknown:
    """Neither true nor false; ``reason`` says what is not known, without a full stop."""

    reason: str

    def __bool__(self) -> NoReturn:
        """Refuse to be taken for true or false.

        Raises:
            TypeError: always; compare with ``is True`` and ``is False``.
        """
        raise TypeError(f"neither true nor false: {self.reason}")


Ternary = bool | Unknown


def any_of(parts: Iterable[Ternary]) -> Ternary:
    """Return the disjunction: true if one part is, else unknown if one part is."""
    return _first(parts, decisive=True)


def all_of(parts: Iterable[Ternary]) -> Ternary:
    """Return the conjunction: false if one part is, else unknown if one part is."""
    return _first(parts, decisive=False)


def _first(parts: Iterable[Ternary], *, decisive: bool) -> Ternary:
    """Return ``decisive`` as soon as a part is it; else the first unknown; else the opposite."""
    unknown: Unknown | None = None
    for part in parts:
        if isinstance(part, Unknown):
            unknown = part if unknown is None else unknown
        elif part is decisive:
            return decisive
    return (not decisive) if unknown is None else unknown
