"""Places each object under its owner, and notes what is odd about it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from labgrader.lab_state.reset_contents import SYSTEM_NAMES
from labgrader.object_map.summary import Link, Seen


@dataclass(frozen=True, slots=True)
class Made:
    """One line of what the lab makes (``solutions/reset.yaml``); all of a kind without ``name``."""

    task: str
    group: str
    kind: str
    namespace: str
    name: str


@dataclass(slots=True)
class _Place:
    """Where an object stands: under whom (None: at the top), and what is odd about that."""

    parent: Seen | None = None
    note: str = ""


class Places:
    """Finds for each object where it stands."""

    def __init__(
        self, seen: Sequence[Seen], made: Sequence[Made], watched: Collection[str]
    ) -> None:
        self._seen = list({one.key: one for one in seen}.values())
        self._watched = watched
        self._uids = {one.uid: one for one in self._seen if one.uid}
        self._keys = {one.key: one for one in self._seen}
        self._tasks = {(m.group, m.kind, m.namespace, m.name): m.task for m in made}
        self._defined = {one.defines: one for one in self._seen if one.defines}
        self._bound = _bound(self._seen)
        self._instances = self._known_instances(made)
        self._children: dict[str, list[Seen]] = defaultdict(list)
        self._notes: dict[str, str] = {}
        self._top: list[Seen] = []
        self._settle()

    def roots(self) -> list[Seen]:
        """Return what stands at the top, but for what every namespace has from the beginning."""
        return [one for one in self._top if one.name not in SYSTEM_NAMES or self.below(one)]

    def tasks(self) -> set[str]:
        """Return the tasks of which something is there."""
        return {task for one in self._seen if (task := self.task(one))}

    def below(self, one: Seen) -> Sequence[Seen]:
        """Return what stands under an object."""
        return self._children.get(one.key, ())

    def note(self, one: Seen) -> str:
        """Return what is odd about whose it is."""
        return self._notes.get(one.key, "")

    def is_resource(self, one: Seen) -> bool:
        """Whether it is a resource of a definition that is there."""
        return (one.group, one.kind) in self._defined

    def task(self, one: Seen) -> str | None:
        """Return the task that makes this object; None where none does."""
        for name in (one.name, ""):
            task = self._tasks.get((one.group, one.kind, one.namespace, name))
            if task:
                return task
        return self._tasks_of_family(one)

    def _tasks_of_family(self, one: Seen) -> str | None:
        resource = self._resource_of(one)
        return self._instances.get(resource) if resource else None

    def _known_instances(self, made: Sequence[Made]) -> dict[str, str]:
        """Return the names of the lab's own resources, there or not, with the task of each."""
        definitions = {m.name.partition(".")[2] for m in made if m.kind == _DEFINITION}
        named = {m.name: m.task for m in made if m.group in definitions and m.name}
        there = [one for one in self._seen if self.is_resource(one)]
        return {**{one.name: self.task(one) or "" for one in there}, **named}

    def _resource_of(self, one: Seen) -> str | None:
        """Return the resource whose child this is by its labels or its name, owner or not."""
        if one.kind in _NEVER_CHILDREN or self.is_resource(one):
            return None
        labelled = [name for name in one.values if name in self._instances]
        named = [name for name in _beginnings(one.name) if name in self._instances]
        listed = self._tasks.get((one.group, one.kind, one.namespace, one.name))
        if listed:  # the lab's own: a resource that happens to begin alike is no reason
            named = [name for name in named if self._instances[name] == listed]
        return max(labelled or named, key=len, default=None)

    def _settle(self) -> None:
        places = {one.key: self._place(one) for one in self._seen}
        circling = _circles(places)
        for one in self._seen:
            place = places[one.key]
            if one.key in circling:
                place = _Place(None, "its owners go round in a circle")
            if place.note:
                self._notes[one.key] = place.note
            (self._top if place.parent is None else self._children[place.parent.key]).append(one)

    def _place(self, one: Seen) -> _Place:
        if one.owners:
            return self._place_of_owned(one)
        definition = self._defined.get((one.group, one.kind))
        if definition is not None:
            return _Place(definition)
        if one.subjects or one.roles:
            return self._place_of_binding(one)
        if one.kind in _ROLES:
            binding = self._bound.get((one.kind, one.namespace, one.name))
            return _Place(binding) if binding else _Place(None, "bound by nobody")
        return self._place_of_orphan(one)

    def _place_of_owned(self, one: Seen) -> _Place:
        owner = next((self._uids[link.uid] for link in one.owners if link.uid in self._uids), None)
        if owner is not None:
            return _Place(owner)
        link = one.owners[0]
        if one.deleting:  # Kubernetes takes it away: nothing odd about that
            return _Place()
        if link.kind in self._watched:
            return _Place(None, f"its owner is gone: {link.kind} {link.name}")
        return _Place(None, f"owned by {link.kind} {link.name}, which is not shown here")

    def _place_of_binding(self, one: Seen) -> _Place:
        missing = [link for link in (*one.roles, *one.subjects) if self._missing(link)]
        note = ", ".join(f"there is no {link.kind} {link.name}" for link in missing)
        accounts = (self._keys.get(_key_of(link)) for link in one.subjects)
        return _Place(next((found for found in accounts if found), None), note)

    def _missing(self, link: Link) -> bool:
        return link.kind in self._watched and _key_of(link) not in self._keys

    def _place_of_orphan(self, one: Seen) -> _Place:
        name = self._resource_of(one)
        if name is None:
            return _Place()
        keys = (f"{kind}/{one.namespace}/{name}" for _, kind in self._defined)
        resource = next((self._keys[key] for key in keys if key in self._keys), None)
        if resource is None:
            return _Place(None, f"left behind: {name} is gone, and nobody owned this")
        return _Place(resource, f"no owner: it stays behind when {name} is deleted")


_DEFINITION = "CustomResourceDefinition"
_ROLES = ("Role", "ClusterRole")
_NEVER_CHILDREN = (_DEFINITION, "Namespace", "ServiceAccount", "RoleBinding", *_ROLES)


def _key_of(link: Link) -> str:
    return f"{link.kind}/{link.namespace}/{link.name}"


def _beginnings(name: str) -> Iterator[str]:
    """Yield every part of a name that ends before a dash."""
    parts = name.split("-")
    return accumulate(parts[:-1], "{}-{}".format)


def _bound(seen: Iterable[Seen]) -> dict[tuple[str, str, str], Seen]:
    """Return, for each role, the first binding that names it."""
    found: dict[tuple[str, str, str], Seen] = {}
    for one in sorted(seen, key=lambda one: one.name):
        for link in one.roles:
            found.setdefault((link.kind, link.namespace, link.name), one)
    return found


def _circles(places: Mapping[str, _Place]) -> set[str]:
    """Return the keys of all whose way up comes back to themselves."""
    settled: set[str] = set()
    round_and_round: set[str] = set()
    for key in places:
        path: list[str] = []
        on_path: set[str] = set()
        at: str | None = key
        while at is not None and at not in settled and at not in on_path:
            path.append(at)
            on_path.add(at)
            above = places[at].parent
            at = above.key if above else None
        if at in on_path:
            round_and_round.update(path[path.index(str(at)) :])
        settled.update(path)
    return round_and_round
