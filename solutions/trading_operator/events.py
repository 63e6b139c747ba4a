"""Events: what happened to a resource, for ``kubectl describe``; and the same as a log line."""

from __future__ import annotations

import asyncio
import logging
import secrets

from trading_operator import MANAGER, clock
from trading_operator.client import Api, ApiError, NotLeading, Unreachable
from trading_operator.kinds import ALGORITHM, Object, name_of

log = logging.getLogger(__name__)
MOST_WAITING = 1000
"""So many Events may wait for a slow API server; further ones are only logged."""


class Recorder:
    """Tells people what was done. ``run`` sends the Events; a lost one never holds up the work."""

    def __init__(self, api: Api, namespace: str, instance: str) -> None:
        self.ending = False  # whether the namespace seems to be on its way out
        self._api, self._namespace, self._instance = api, namespace, instance
        self._path = f"/api/v1/namespaces/{namespace}/events"
        self._queue: asyncio.Queue[Object] = asyncio.Queue(MOST_WAITING)
        self._warned: dict[str, str] = {}

    def done(self, obj: Object, reason: str, message: str) -> None:
        """Something was done for ``obj``."""
        log.info(message, extra={"resource": name_of(obj), "reason": reason})
        self._put(obj, "Normal", reason, message)

    def wrong(self, obj: Object, reason: str, message: str) -> None:
        """Something is wrong with ``obj``; the same is told once, until it was well in between."""
        if self._warned.get(name_of(obj)) != message:
            self._warned[name_of(obj)] = message
            log.warning(message, extra={"resource": name_of(obj), "reason": reason})
            self._put(obj, "Warning", reason, message)

    def well(self, name: str) -> None:
        """Nothing is wrong with the resource (any more)."""
        self._warned.pop(name, None)

    async def run(self) -> None:
        """Send what was recorded, one after the other."""
        while True:
            event = await self._queue.get()
            try:
                await self._api.create(self._path, event)
            except (ApiError, Unreachable, NotLeading) as error:
                self.ending |= isinstance(error, ApiError) and error.namespace_ends
                log.debug("an Event was lost: %s", error)

    async def namespace_ends(self) -> bool:
        """Ask whether the namespace takes nothing new any more: we may not read it, but try it."""
        event = {"metadata": {"name": "probe"}, "involvedObject": {"namespace": self._namespace}}
        try:
            await self._api.create(self._path, event, dry_run=True)
            self.ending = False
        except ApiError as error:
            self.ending = error.namespace_ends
        return self.ending

    def _put(self, obj: Object, kind: str, reason: str, message: str) -> None:
        now = clock.now()
        event: Object = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{name_of(obj)[:200]}.{secrets.token_hex(8)}",
                "namespace": self._namespace,
            },
            "involvedObject": {
                "apiVersion": ALGORITHM.api,
                "kind": ALGORITHM.name,
                "name": name_of(obj),
                "namespace": self._namespace,
                "uid": obj["metadata"]["uid"],
                "resourceVersion": obj["metadata"]["resourceVersion"],
            },
            "type": kind,
            "reason": reason,
            "message": message[:1000],
            "source": {"component": MANAGER, "host": self._instance},
            "reportingComponent": MANAGER,
            "reportingInstance": self._instance,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            log.debug("an Event was dropped: too many wait")
