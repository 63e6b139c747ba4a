"""Formats values and near misses for reasons. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from labgrader.util.suggestion import misspelled, near

__all__ = ["common_end", "misplaced", "near", "near_miss", "shown"]

MOST_CHARACTERS = 80
MOST_PATHS = 5000
"""How many paths are looked at: mappings that hold each other have more than can be counted."""


def shown(value: object) -> str:
    """Return a value as JSON, which is YAML; cut where it is long."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)[:MOST_CHARACTERS]
    except (TypeError, ValueError):  # YAML can say what JSON cannot: odd keys, and endless lists
        return f"a {type(value).__name__} of its own kind"


def near_miss(name: str, known: Iterable[str]) -> str:
    """Return ``; there is NAME`` for the known name that is nearly ``name``; empty for none."""
    meant = misspelled(name, known)
    return f"; there is {meant}" if meant else ""


def misplaced(data: object, path: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield other paths in nested mappings that end as ``path`` does, longest common end first.

    What comes first has the most of the path's keys at its end: an end of one key is enough.
    """
    known = islice(_paths(data), MOST_PATHS)
    found = [one for one in known if one != tuple(path) and one[-1] == path[-1]]
    return iter(sorted(found, key=lambda one: (-common_end(one, path), len(one))))


def common_end(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many keys two paths have in common at their ends."""
    count = 0
    for mine, theirs in zip(reversed(one), reversed(other), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _paths(data: object, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(data, Mapping) and len(above) < 12:
        for key, value in data.items():
            yield (*above, str(key))
            yield from _paths(value, (*above, str(key)))
