"""Suggestions for a misspelled name ("Did you mean …?")."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from labgrader.errors import UsageError

SHOWN = 12
"""How many known names are listed where nothing is near."""

_SLIP = 0.88
"""How much alike names are that differ by a slip. Those of the lab's own objects differ by more."""


def near(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most like ``name``; empty where none is."""
    lower = {one.lower(): one for one in known}
    found = get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
    return lower[found[0]] if found else ""


def misspelled(name: str, known: Iterable[str]) -> str:
    """Return the known name that is ``name`` but for a letter or two; empty where none is."""
    found = get_close_matches(name, [one for one in known if one != name], n=1, cutoff=_SLIP)
    return found[0] if found else ""


def unknown(kind: str, name: str, known: Iterable[str], more: str = "") -> UsageError:
    """Return the error for a name that is not known, with what may have been meant.

    Args:
        kind: what was to be named, such as ``task``.
        more: how to find the known names, where there are too many to list.
    """
    names = list(dict.fromkeys(known))
    meant = near(name, names)
    if meant:
        return UsageError(f"There is no {kind} called {name!r}", f"Did you mean {meant}?")
    if more:
        return UsageError(f"There is no {kind} called {name!r}", more)
    shown = ", ".join(names[:SHOWN]) + (" and more" if len(names) > SHOWN else "")
    return UsageError(f"There is no {kind} called {name!r}", f"Known are: {shown or 'none'}")
