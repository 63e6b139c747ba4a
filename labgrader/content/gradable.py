"""Counts the points that can be earned on a cluster, by the capabilities that checks need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from labgrader.content.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Gradable:
    """The points that can be reached of all; ``lacking`` names what whole checks would need."""

    points: int
    total: int
    lacking: Mapping[str, tuple[str, ...]]


def gradable(catalog: Catalog, offered: frozenset[str]) -> Gradable:
    """Return how many points a cluster that offers so much lets one reach; bonus is left out."""
    total = points = 0
    lacking: dict[str, tuple[str, ...]] = {}
    for criterion in catalog.lab.criteria():
        missing = set(catalog.checks[criterion.check].capabilities) - offered
        for capability in missing:
            lacking[capability] = (*lacking.get(capability, ()), criterion.id)
        if not criterion.optional:
            total += criterion.points
            points += 0 if missing else criterion.points
    return Gradable(points, total, lacking)
