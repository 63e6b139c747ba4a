"""Builds the ownership tree of the map from summaries. Pure, and bounded.

An object stands under its owner. What has no owner stands under what it is for: a resource under
its definition, a binding under its account, a role under its binding; all else under the task of
the lab that makes it. Something that is a resource's by its name or labels, but not by an owner
reference, stands under it too and is told apart: nobody takes it along.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from labgrader.kube.status import Severity
from labgrader.object_map.placement import Made, Places
from labgrader.object_map.summary import Seen

SHOWN = 20
"""So many siblings of one kind are shown; the rest is counted."""

DEEPEST = 8
LARGEST = 2000
"""How deep and how large the tree may grow, whatever is on the cluster."""

BESIDE = "Beside the lab"
NOTHING = "nothing yet"
ELSEWHERE = "stands under its owners"


@dataclass(frozen=True, slots=True)
class Node:
    """One line of the map. ``kind`` is empty for headings and for what was counted.

    ``note`` says what is odd about whose it is; ``command`` is how to look at it.
    """

    key: str
    kind: str
    name: str
    state: str = ""
    tone: Severity = Severity.PLAIN
    note: str = ""
    command: str = ""
    children: tuple[Node, ...] = ()

    @property
    def odd(self) -> bool:
        """Whether it needs attention."""
        return bool(self.note) or self.tone is Severity.BAD


def ownership(
    seen: Iterable[Seen],
    made: Sequence[Made],
    titles: Mapping[str, str],
    watched: Collection[str] = (),
) -> tuple[Node, ...]:
    """Return the map: one heading for each task, and one for what the lab did not make.

    Args:
        titles: the tasks' headings, in their order.
        watched: kinds of which everything was seen: an owner of such a kind that is not among
            ``seen`` is gone.
    """
    places = Places(list(seen), made, watched)
    roots: dict[str, list[Seen]] = defaultdict(list)
    for one in places.roots():
        roots[places.task(one) or BESIDE].append(one)
    build = _Builder(places)
    headings = {**titles, **({BESIDE: BESIDE} if roots.get(BESIDE) else {})}
    known = places.tasks()
    return tuple(
        _heading(build, task, title, roots.get(task, ()), made=task in known)
        for task, title in headings.items()
    )


def _heading(build: _Builder, task: str, title: str, roots: Iterable[Seen], *, made: bool) -> Node:
    """Return a task's heading; what it ``made`` may stand under its owners elsewhere."""
    key = f"task/{task}"
    children = build.nodes(roots, key)
    state = "" if children else ELSEWHERE if made else NOTHING
    return Node(key, "", title, state=state, children=children)


@dataclass(slots=True)
class _Builder:
    """Makes nodes of objects, and counts what would be too much."""

    places: Places
    left: int = LARGEST

    def nodes(self, siblings: Iterable[Seen], above: str, depth: int = 1) -> tuple[Node, ...]:
        """Return siblings, kind by kind, and what is under each."""
        kinds: dict[str, list[Seen]] = defaultdict(list)
        for one in siblings:
            kinds[one.kind].append(one)
        order = sorted(kinds, key=lambda kind: (_rank(kind), kind))
        return tuple(node for kind in order for node in self._of_kind(kinds[kind], above, depth))

    def _of_kind(self, alike: list[Seen], above: str, depth: int) -> Iterator[Node]:
        # Where not all are shown, those that need attention are.
        first = sorted(alike, key=lambda one: (self._calm(one), one.name))
        room = min(SHOWN, self.left) if depth <= DEEPEST else 0
        shown = sorted(first[:room], key=lambda one: (one.name, one.namespace))
        self.left -= len(shown)
        for one in shown:
            yield self._node(one, depth)
        more = len(alike) - len(shown)
        if more:
            kind = alike[0].kind
            yield Node(f"{above}/more/{kind}", "", f"… and {more:,} more {kind}s")

    def _node(self, one: Seen, depth: int) -> Node:
        waits = "no status yet" if self.places.is_resource(one) else ""
        return Node(
            one.key,
            one.kind,
            one.name,
            one.state or (_binds(one) if one.roles else waits),
            one.tone,
            self.places.note(one),
            _command(one),
            self.nodes(self.places.below(one), one.key, depth + 1),
        )

    def _calm(self, one: Seen) -> bool:
        """Whether nothing about it needs attention."""
        return not self.places.note(one) and one.tone in (Severity.GOOD, Severity.PLAIN)


_ORDER = (
    "Namespace",
    "CustomResourceDefinition",
    "ServiceAccount",
    "Deployment",
    "Service",
    "Lease",
)


def _rank(kind: str) -> int:
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def _binds(one: Seen) -> str:
    role = one.roles[0]
    more = f" and {len(one.subjects) - 1} more" if len(one.subjects) > 1 else ""
    whom = f"{one.subjects[0].kind} {one.subjects[0].name}{more}" if one.subjects else "nobody"
    return f"gives {role.kind} {role.name} to {whom}"


def _command(one: Seen) -> str:
    kind = f"{one.kind}.{one.group}" if one.group else one.kind
    where = f" -n {one.namespace}" if one.namespace else ""
    return f"kubectl describe {kind.lower()} {shlex.quote(one.name)}{where}"
