"""A live copy of what is in the namespace: listed once, then kept up to date by a watch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from trading_operator.client import Api, ApiError, Unreachable
from trading_operator.kinds import Kind, Object, name_of

log = logging.getLogger(__name__)
PAGE = "250"
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
COUNT_SET_BY = "countSetBy"
"""In a cached object's metadata: who has set ``spec.replicas``, from the managed fields."""


class Cache:
    """The objects of one type by name; call ``run`` to fill it and to keep it so.

    Args:
        changed: is called with the name of each object that came, changed or went.
    """

    def __init__(
        self, api: Api, kind: Kind, namespace: str, changed: Callable[[str], None]
    ) -> None:
        self.kind = kind
        self.synced = asyncio.Event()
        self._api, self._path, self._changed = api, kind.path(namespace), changed
        self._objects: dict[str, Object] = {}
        self._version = ""
        self._said = ""

    def get(self, name: str) -> Object | None:
        """Return one object."""
        return self._objects.get(name)

    def all(self) -> list[Object]:
        """Return all objects."""
        return list(self._objects.values())

    def learn(self, obj: Object) -> None:
        """Take over what a write returned, so that nobody decides on what was there before."""
        known = self._objects.get(name_of(obj))
        if known is None and _version(obj) <= int(self._version or 0):
            return  # the watch is further on and does not know it: it was deleted since
        self._put(obj)

    async def run(self) -> None:
        """List and watch for ever; faults are told once and tried again."""
        pause = FIRST_PAUSE
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._follow()
                pause = FIRST_PAUSE
            except ApiError as error:
                if error.status == 404:  # the definition is not there (yet, or any more)
                    self._say(f"waiting: the API server serves no {self.kind.name}")
                    self._keep({}, [*self._objects])
                elif error.status != 410:  # 410: our place in the history is too old
                    self._say(f"{self.kind.plural} cannot be watched: {error}")
                self._version = ""
                pause = FIRST_PAUSE if error.status == 410 else pause
            except Unreachable as error:
                self._say(str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _list(self) -> None:
        """Read everything, page by page, and tell about every difference."""
        found: dict[str, Object] = {}
        query, version = {"limit": PAGE}, ""
        while True:
            page = await self._api.get(self._path, query)
            for item in page.get("items") or ():
                found[name_of(item)] = _slim(item)
            version = page["metadata"]["resourceVersion"]
            if not page["metadata"].get("continue"):
                break
            query["continue"] = page["metadata"]["continue"]
        known = self._objects.items()
        gone = [n for n, obj in known if n not in found and _version(obj) <= int(version)]
        self._version, self._said = version, ""
        if not self.synced.is_set():
            log.info("watching %s", self.kind.plural, extra={"count": len(found)})
        self.synced.set()
        self._keep(found, gone)

    def _put(self, obj: Object) -> None:
        known = self._objects.get(name_of(obj))
        if known is None or _version(known) < _version(obj):
            self._objects[name_of(obj)] = _slim(obj)

    def _keep(self, found: dict[str, Object], gone: list[str]) -> None:
        for name in gone:
            del self._objects[name]
        for item in found.values():
            self._put(item)
        for name in [*gone, *found]:
            self._changed(name)

    async def _follow(self) -> None:
        query = {"resourceVersion": self._version, "timeoutSeconds": "300"}
        async for event in self._api.watch(self._path, query):
            obj = event["object"]
            if event["type"] == "ERROR":
                raise ApiError(int(obj.get("code") or 500), str(obj.get("message")))
            self._version = obj["metadata"]["resourceVersion"]
            if event["type"] == "BOOKMARK":
                continue
            if event["type"] != "DELETED":
                self._put(obj)
            elif (known := self.get(name_of(obj))) and _version(known) <= _version(obj):
                del self._objects[name_of(obj)]
            self._changed(name_of(obj))

    def _say(self, text: str) -> None:
        if text != self._said:
            log.warning(text)
        self._said = text


def _version(obj: Object) -> int:
    """Return the resourceVersion as what it is: a number that grows with every change."""
    with suppress(KeyError, ValueError):
        return int(obj["metadata"]["resourceVersion"])
    return 0


def _slim(obj: Object) -> Object:
    """Leave out what only takes memory; of who set which field one fact is needed."""
    metadata = dict(obj["metadata"])
    fields = metadata.pop("managedFields", None)
    if fields is not None:
        metadata[COUNT_SET_BY] = [entry["manager"] for entry in fields if _sets_count(entry)]
    annotations = dict(metadata.get("annotations") or {})
    annotations.pop("kubectl.kubernetes.io/last-applied-configuration", None)
    return {**obj, "metadata": {**metadata, "annotations": annotations}}


def _sets_count(entry: Object) -> bool:
    return "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
