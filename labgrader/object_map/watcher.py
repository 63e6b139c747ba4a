"""Watches the objects of the map, and draws it anew when they change.

Only what the map needs of an object is kept (``sights``). Nothing is written, and nothing is read
but the lab's namespace and the cluster-wide objects that the lab makes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from labgrader.errors import Forbidden, LabError
from labgrader.grading.temporary_objects import PREFIX
from labgrader.kube.protocols import Cluster
from labgrader.kube.reflector import Pauses, Reflector
from labgrader.kube.resources import (
    ENDPOINT_SLICE,
    JOB,
    POD,
    REPLICA_SET,
    VOLUME_CLAIM,
    Object,
    Resource,
    name_of,
)
from labgrader.kube.rest_mapper import RestMapper
from labgrader.lab_state.reset_plan import entries
from labgrader.model.task import Lab
from labgrader.object_map.placement import Made
from labgrader.object_map.summary import Seen, see
from labgrader.object_map.tree import Node, ownership

RETRY_SECONDS = 0.5
"""How long a broken watch rests before it is tried again."""

ABSENT_SECONDS = 2.0
"""How long until it is asked again whether a kind is served, or may be read, by now."""

PACE_SECONDS = 0.2
CALM = 4
"""The map is drawn no more often than this, and rests so many times as long as drawing took."""

ALONG = (REPLICA_SET, POD, ENDPOINT_SLICE, JOB, VOLUME_CLAIM)
"""Kinds that come along: nobody in the lab makes them by hand, but what is made makes them."""


@dataclass(frozen=True, slots=True)
class Map:
    """The map at one moment.

    ``reading`` says that not everything was read yet; ``lost`` why what is shown is stale (empty:
    it is not); ``unseen`` are kinds that these credentials may not read.
    """

    nodes: tuple[Node, ...] = ()
    reading: bool = True
    lost: str = ""
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked at: a kind in a namespace, or (with ``name``) one object."""

    api_version: str
    kind: str
    namespace: str | None = None
    name: str | None = None


@dataclass(slots=True)
class _Corner:
    """One part of the map: what is there, and how it stands with reading it."""

    wanted: Wanted
    kinds: RestMapper
    lock: threading.Lock
    news: threading.Event
    resource: Resource | None = None
    there: dict[str, Seen] = field(default_factory=dict)
    read: bool = False
    unreadable: bool = False
    stale: str = ""

    def find(self) -> Resource | None:
        """Return the type; None where it is not served."""
        self.resource = self.kinds.find(self.wanted.api_version, self.wanted.kind)
        return self.resource

    def keep(self, obj: Object) -> tuple[str, Seen] | None:
        """Return what the map keeps of an object."""
        if self.resource is None or not _ours(obj):
            return None
        one = see(self.resource, obj)
        return one.key, one

    def replace(self, present: dict[str, Seen]) -> None:
        """Everything was listed."""
        self._note(there=present)

    def absent(self) -> None:
        """The kind is not served (any more)."""
        self._note(there={})

    def change(self, event: str, obj: Object) -> None:
        """One object has changed."""
        kept = self.keep(obj)
        if kept is None:
            return
        with self.lock:
            if event == "DELETED":
                self.there.pop(kept[0], None)
            else:
                self.there[kept[0]] = kept[1]
        self.news.set()

    def forbidden(self, error: Forbidden) -> None:
        """These credentials may not read it."""
        del error
        self._note(there={}, unreadable=True)

    def lost(self, error: LabError) -> None:
        """What was seen stays while the cluster is lost."""
        self._note(stale=error.message)

    def _note(
        self, *, there: dict[str, Seen] | None = None, unreadable: bool = False, stale: str = ""
    ) -> None:
        with self.lock:
            before = (self.unreadable, self.stale, self.read, self.there)
            self.unreadable, self.stale = unreadable, stale
            self.read = self.read or not stale
            if there is not None:
                self.there = there
            after = (self.unreadable, self.stale, self.read, self.there)
        if after != before:
            self.news.set()


def wanted(root: Path) -> list[Wanted]:
    """Return what a map of the lab looks at, by what the lab says that it makes."""
    found: dict[Wanted, None] = {}
    for entry in entries(root):
        namespace = entry.get("namespace")
        name = None if namespace else entry.get("name")
        found[Wanted(entry["apiVersion"], entry["kind"], namespace, name)] = None
    for namespace in {one.namespace: None for one in found if one.namespace}:
        for resource in ALONG:
            found[Wanted(resource.api_version, resource.kind, namespace)] = None
    return list(found)


class MapWatcher:
    """The lab's objects on one cluster.

    Args:
        lab: its tasks are the map's headings.
        root: the content folder.
    """

    def __init__(self, cluster: Cluster, lab: Lab, root: Path) -> None:
        self._cluster = cluster
        self._titles = {task.id: f"{task.id}: {task.title}" for task in lab.tasks}
        self._made = [_made(entry) for entry in entries(root)]
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._news = threading.Event()
        kinds = RestMapper(cluster)
        self._corners = [_Corner(one, kinds, self._lock, self._news) for one in wanted(root)]

    def read(self) -> Map:
        """Read everything once.

        Raises:
            ClusterError: the cluster does not answer.
        """
        for corner in self._corners:
            try:
                self._read(corner)
            except Forbidden:
                corner.unreadable = corner.read = True
        return self.draw()

    def run(self, tell: Callable[[Map], None]) -> None:
        """Watch everything, and tell each new map, until ``close``.

        Errors of the cluster are in the map; the watches are tried again.
        """
        pauses = Pauses(RETRY_SECONDS, ABSENT_SECONDS, ABSENT_SECONDS)
        for corner in self._corners:
            what = corner.wanted
            place = (what.namespace, what.name)
            Reflector(self._cluster, corner.find, *place, corner, self._stop, pauses).start("map")
        told = Map()
        while not self._stop.is_set():
            self._news.wait()
            self._news.clear()
            began = time.monotonic()
            drawn = self.draw()
            rest = max(PACE_SECONDS, CALM * (time.monotonic() - began))
            if drawn != told and not self._stop.is_set():
                told = drawn
                tell(drawn)
            self._stop.wait(rest)

    def close(self) -> None:
        """End ``run`` soon; its watches end with their next event, at the latest in a minute."""
        self._stop.set()
        self._news.set()

    def draw(self) -> Map:
        """Return the map of what is known now."""
        with self._lock:
            seen = [one for corner in self._corners for one in corner.there.values()]
            # A kind is known as a whole where every part of it was read.
            open_kinds = {c.wanted.kind for c in self._corners if not c.read or c.unreadable}
            whole = {c.wanted.kind for c in self._corners if c.wanted.name is None} - open_kinds
            reading = any(not corner.read for corner in self._corners)
            lost = next((corner.stale for corner in self._corners if corner.stale), "")
            unseen = {corner.wanted.kind: None for corner in self._corners if corner.unreadable}
        nodes = ownership(seen, self._made, self._titles, whole)
        return Map(nodes, reading, lost, tuple(unseen))

    def _read(self, corner: _Corner) -> None:
        what = corner.wanted
        resource = corner.find()
        found: list[Object] = []
        if resource is not None and what.name is not None:
            single = self._cluster.get(resource, what.name)
            found = [single] if single else []
        elif resource is not None:
            found = self._cluster.list(resource, what.namespace) or []
        corner.there = dict(kept for obj in found if (kept := corner.keep(obj)))
        corner.read = True


def _made(entry: Object) -> Made:
    group = str(entry["apiVersion"]).rpartition("/")[0]
    namespace, name = str(entry.get("namespace", "")), str(entry.get("name", ""))
    return Made(entry["task"], group, entry["kind"], namespace, name)


def _ours(obj: Object) -> bool:
    """Whether it is not what a check makes for a moment."""
    return not name_of(obj).startswith(PREFIX)
