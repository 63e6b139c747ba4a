"""The map of the lab, kept up to date by watches: what to look at, and what is there now.

Only what the map needs of an object is kept (``sights``). Nothing is written, and nothing is read
but the lab's namespace and the cluster-wide objects that the lab makes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from labgrader.errors import Forbidden, LabError
from labgrader.grading.temporary_objects import PREFIX
from labgrader.kube.protocols import Cluster
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

WATCH_SECONDS = 60

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
    there: dict[str, Seen] = field(default_factory=dict)
    read: bool = False
    forbidden: bool = False
    lost: str = ""


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
        self._kinds = RestMapper(cluster)
        self._titles = {task.id: f"{task.id}: {task.title}" for task in lab.tasks}
        self._made = [_made(entry) for entry in entries(root)]
        self._corners = [_Corner(one) for one in wanted(root)]
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._news = threading.Event()

    def read(self) -> Map:
        """Read everything once.

        Raises:
            ClusterError: the cluster does not answer.
        """
        for corner in self._corners:
            try:
                self._read(corner)
            except Forbidden:
                corner.forbidden = corner.read = True
        return self.draw()

    def run(self, tell: Callable[[Map], None]) -> None:
        """Watch everything, and tell each new map, until ``close``.

        Errors of the cluster are in the map; the watches are tried again.
        """
        for corner in self._corners:
            threading.Thread(target=self._watch, args=(corner,), name="map", daemon=True).start()
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
            open_kinds = {c.wanted.kind for c in self._corners if not c.read or c.forbidden}
            whole = {c.wanted.kind for c in self._corners if c.wanted.name is None} - open_kinds
            reading = any(not corner.read for corner in self._corners)
            lost = next((corner.lost for corner in self._corners if corner.lost), "")
            unseen = {corner.wanted.kind: None for corner in self._corners if corner.forbidden}
        nodes = ownership(seen, self._made, self._titles, whole)
        return Map(nodes, reading, lost, tuple(unseen))

    def _read(self, corner: _Corner) -> None:
        what = corner.wanted
        resource = self._kinds.find(what.api_version, what.kind)
        found: list[Object] = []
        if resource is not None and what.name is not None:
            single = self._cluster.get(resource, what.name)
            found = [single] if single else []
        elif resource is not None:
            found = self._cluster.list(resource, what.namespace) or []
        assert resource is not None or not found
        corner.there = dict(_kept(resource, obj) for obj in found if resource and _ours(obj))
        corner.read = True

    def _watch(self, corner: _Corner) -> None:
        """Follow one corner until the end, through lost connections and missing kinds."""
        while not self._stop.is_set():
            pause = RETRY_SECONDS
            try:
                if not self._follow(corner):
                    pause = ABSENT_SECONDS
            except Forbidden:
                self._note(corner, forbidden=True)
                pause = ABSENT_SECONDS
            except LabError as error:
                self._note(corner, lost=error.message)
            except Exception as error:  # noqa: BLE001 - a thread's end would go unseen
                self._note(corner, lost=f"{type(error).__name__}: {error}")
            self._stop.wait(pause)
        with self._lock:
            corner.there = {}

    def _follow(self, corner: _Corner) -> bool:
        """Follow until the watch ends; return whether there was anything to watch."""
        what = corner.wanted
        resource = self._kinds.find(what.api_version, what.kind)
        present: dict[str, Seen] | None = {}
        for kind, obj in self._events(resource, what):
            if self._stop.is_set():
                return True
            if kind == "SYNCED":
                self._note(corner, there=present)
                present = None
            elif kind != "BOOKMARK" and resource is not None and _ours(obj):
                key, one = _kept(resource, obj)
                if present is not None:
                    present[key] = one
                else:
                    self._change(corner, key, None if kind == "DELETED" else one)
        if present is not None:  # the kind is not served (any more)
            self._note(corner, there={})
        return present is None

    def _events(self, resource: Resource | None, what: Wanted) -> Iterator[tuple[str, Object]]:
        if resource is None:
            return
        events = self._cluster.watch(
            resource, what.namespace, name=what.name, seconds=WATCH_SECONDS
        )
        for event in events:
            yield event.type, event.object

    def _change(self, corner: _Corner, key: str, one: Seen | None) -> None:
        with self._lock:
            if one is None:
                corner.there.pop(key, None)
            else:
                corner.there[key] = one
        self._news.set()

    def _note(
        self,
        corner: _Corner,
        *,
        there: dict[str, Seen] | None = None,
        forbidden: bool = False,
        lost: str = "",
    ) -> None:
        """Take down how it stands with a corner; what was seen stays while the cluster is lost."""
        with self._lock:
            before = (corner.forbidden, corner.lost, corner.read, corner.there)
            corner.forbidden, corner.lost = forbidden, lost
            corner.read = corner.read or not lost
            if there is not None or forbidden:
                corner.there = there or {}
            after = (corner.forbidden, corner.lost, corner.read, corner.there)
        if after != before:
            self._news.set()


def _made(entry: Object) -> Made:
    group = str(entry["apiVersion"]).rpartition("/")[0]
    namespace, name = str(entry.get("namespace", "")), str(entry.get("name", ""))
    return Made(entry["task"], group, entry["kind"], namespace, name)


def _ours(obj: Object) -> bool:
    """Whether it is not what a check makes for a moment."""
    return not name_of(obj).startswith(PREFIX)


def _kept(resource: Resource, obj: Object) -> tuple[str, Seen]:
    one = see(resource, obj)
    return one.key, one
