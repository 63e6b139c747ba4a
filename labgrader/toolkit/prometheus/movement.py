"""Recognizes what a metric means by how it moves while a resource becomes ready. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from labgrader.toolkit.prometheus.exposition import Series
from labgrader.toolkit.prometheus.series import Condition, Page, Role, words_of

STATE_WORDS = {"phase", "state", "status", "code", "stage"}
"""Words of numbers that stand for a phase: two of its values do not tell the others."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a page said about one resource while that was in a certain condition.

    ``values`` are by the metrics' names; a metric with several series of the resource has none.
    """

    values: Mapping[str, float]
    state: Condition


def moment_of(series: Sequence[Series], resource: str, state: Condition) -> Moment:
    """Return what the series of a page say about a resource that is in ``state``."""
    page = Page(series, {resource: state})
    found: dict[str, list[float]] = {}
    for one in series:
        if page.resource_of(one):
            found.setdefault(one.name, []).append(one.value)
    return Moment({name: many[0] for name, many in found.items() if len(many) == 1}, state)


def meanings(moments: Sequence[Moment], riddles: Iterable[Series]) -> dict[str, Role]:
    """Return what metrics mean by their names, as far as their movement tells.

    Args:
        moments: in their order, of one resource with several replicas: from when it had no ready
            pod until it had all of them.
        riddles: series of the metrics that are asked for.
    """
    alive = {name for one in moments for name in one.values if _has_moved(moments, name)}
    found: dict[str, Role] = {}
    for one in riddles:
        if (words_of(one.name) | words_of(one.help)) & STATE_WORDS:
            continue
        role = _meaning([(each.values.get(one.name), each.state) for each in moments])
        # What stands still on a page that may not have been made anew tells nothing.
        if role is not None and (role is not Role.FIXED or alive - {one.name}):
            found[one.name] = role
    return found


def _has_moved(moments: Sequence[Moment], name: str) -> bool:
    return len({one.values[name] for one in moments if name in one.values}) > 1


def _meaning(seen: Sequence[tuple[float | None, Condition]]) -> Role | None:
    before = {value for value, state in seen if value is not None and not state.is_well}
    last, state = seen[-1] if seen else (None, Condition())
    if not before or last is None or not state.is_well:
        return None
    if before == {last}:
        return Role.FIXED
    if before == {0} and last == 1:
        return Role.READY
    if last == 0 < min(before):
        return Role.UNREADY
    counts = all(value in (None, each.ready) for value, each in seen)
    return Role.READY_COUNT if counts and state.ready > 1 else None
