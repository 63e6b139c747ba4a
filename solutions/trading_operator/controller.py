"""One term as leader: watches, the queue, and the hands that work it off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from trading_operator import clock
from trading_operator.client import Api, ApiError, NotLeading, Unreachable
from trading_operator.config import Config
from trading_operator.events import Recorder
from trading_operator.kinds import ALGORITHM, CHILDREN, Kind, Object
from trading_operator.metrics import CONTROLLER, Metrics
from trading_operator.reconcile import Reconciler
from trading_operator.watch import Cache
from trading_operator.work import WorkQueue

log = logging.getLogger(__name__)
HANDS = 4
"""So many resources are worked on at once: a slow one holds up at most itself."""
SOON = 0.2
"""Pause before looking again at what changed under our hands, in seconds."""


class Controller:
    """Runs until it is cancelled."""

    def __init__(
        self, api: Api, config: Callable[[], Config], identity: str, metrics: Metrics
    ) -> None:
        self._namespace, self._metrics = config().namespace, metrics
        self.queue = WorkQueue(asyncio.get_running_loop().call_later)
        self._caches = {
            kind.name: Cache(api, kind, self._namespace, self._waker(kind))
            for kind in (ALGORITHM, *CHILDREN)
        }
        self._wishes: dict[str, tuple[object, object]] = {}
        self._recorder = Recorder(api, self._namespace, identity)
        self._reconciler = Reconciler(api, self._caches, self._recorder, config)

    def algorithms(self) -> list[Object]:
        """Return all resources as last seen."""
        return self._caches[ALGORITHM.name].all()

    def not_synced(self) -> list[str]:
        """Return what has not been listed yet."""
        return [cache.kind.plural for cache in self._caches.values() if not cache.synced.is_set()]

    def look_at_all(self) -> None:
        """Look at every resource again, for something changed that concerns all."""
        for obj in self.algorithms():
            self.queue.add(obj["metadata"]["name"])

    async def run(self) -> None:
        """Work. An error that escapes here is a fault of ours."""
        log.info("watching TradingAlgorithms in %s", self._namespace)
        async with asyncio.TaskGroup() as tasks:
            for cache in self._caches.values():
                tasks.create_task(cache.run())
            tasks.create_task(self._recorder.run())
            for cache in self._caches.values():
                await cache.synced.wait()
            for _ in range(HANDS):
                tasks.create_task(self._work())

    async def farewell(self) -> None:
        """Where the namespace ends and takes us along, nobody else will remove our finalizers."""
        if await self._recorder.namespace_ends():
            for obj in self.algorithms():
                await self._reconciler.release_finalizer(obj)

    def _waker(self, kind: Kind) -> Callable[[str], None]:
        """Return what turns a change of an object into a look at the resource that it is for."""

        def changed(name: str) -> None:
            owner = kind.owner_of(name)
            if owner and self._caches[ALGORITHM.name].get(owner):
                self.queue.add_unless_backing_off(owner)

        def changed_itself(name: str) -> None:
            obj = self._caches[ALGORITHM.name].get(name)
            metadata = obj["metadata"] if obj else {}
            wish = (metadata.get("generation"), metadata.get("deletionTimestamp"))
            if self._wishes.get(name) == wish:
                self.queue.add_unless_backing_off(name)  # mostly the echo of our own status
            else:
                self._wishes[name] = wish
                self.queue.add(name)

        return changed_itself if kind is ALGORITHM else changed

    async def _work(self) -> None:
        while True:
            name = await self.queue.take()
            began = clock.steady()
            result = await self._reconcile(name)
            self._metrics.seconds.labels(CONTROLLER).observe(clock.steady() - began)
            self._metrics.reconciles.labels(CONTROLLER, result).inc()

    async def _reconcile(self, name: str) -> str:
        """Look at one resource, and say how that ended."""
        try:
            again_in = await self._reconciler.reconcile(name)
        except NotLeading:
            self.queue.done(name, SOON)
            return "requeue"
        except ApiError as error:
            if error.status == 409:  # it changed since we looked: no error, just look again
                self.queue.done(name, SOON)
                return "requeue"
            self._recorder.ending |= error.namespace_ends
            self._failed(name, error)
        except Unreachable as error:
            self._failed(name, error)
        except Exception as error:  # a fault of ours in one resource must not stop the others
            log.exception("unexpected error", extra={"resource": name})
            self._failed(name, error)
        else:
            self.queue.done(name, again_in)
            if self._caches[ALGORITHM.name].get(name) is None:
                self.queue.forget(name)
                self._wishes.pop(name, None)
            return "success"
        return "error"

    def _failed(self, name: str, error: Exception) -> None:
        pause = self.queue.failed(name)
        self._metrics.errors.labels(CONTROLLER).inc()
        extra = {"resource": name, "again_in_seconds": pause}
        log.warning("could not be reconciled: %s", error, extra=extra)
