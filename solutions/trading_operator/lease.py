"""Leader election on a Lease: of several copies of the operator one works, the others wait.

A Lease is a note in the API: who leads, and a sign of life every few seconds. Three rules make it
safe as long as clocks run at about the same speed (they need not show the same time):

1. A leader counts from *before* it sent its last successful renewal, and stops by itself after
   ``deadline`` seconds without another.
2. Everybody else counts from when they *saw* the note change, and waits ``duration`` seconds.
   Since ``duration`` is longer than ``deadline``, the leader has stopped before they start.
3. Every change carries the ``resourceVersion`` it is based on: of two who write, one gets a 409.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from trading_operator import clock
from trading_operator.client import Api, ApiError, Unreachable, or_none
from trading_operator.config import Election
from trading_operator.kinds import Object

log = logging.getLogger(__name__)
PATIENCE = 10
"""A note that claims to be valid for longer than so many times our duration is not believed."""


class Leases(Protocol):
    """Where the Lease is kept; raises ``ApiError`` and ``Unreachable``."""

    async def read(self) -> Object | None:
        """Return the Lease; None when there is none."""

    async def create(self, spec: Object) -> Object:
        """Make it; 409 when it is there."""

    async def write(self, lease: Object) -> Object:
        """Replace it; 409 when it changed in between, 404 when it is gone."""


@dataclass(slots=True)
class _Sighting:
    """The note as last seen, and our own clock's time when we saw it change."""

    note: tuple[Any, ...] = ()
    holder: str = ""
    expires: float = -math.inf


class Elector:
    """Takes, keeps and gives back leadership. ``step`` is called again and again.

    Args:
        identity: who we are; unique for each process, or a restarted one would take the Lease of
            its predecessor for its own.
        steady: the clock to measure with, in seconds.
    """

    def __init__(
        self,
        leases: Leases,
        identity: str,
        settings: Election,
        steady: Callable[[], float] = clock.steady,
        stamp: Callable[[], str] = clock.now_micro,
    ) -> None:
        self.identity, self.settings = identity, settings
        self.seen = False  # whether the API ever answered
        self._leases, self._steady, self._stamp = leases, steady, stamp
        self._renewed = -math.inf
        self._seen = _Sighting()
        self._said = ""

    @property
    def leads(self) -> bool:
        """Whether this process may work, right now."""
        return self._steady() < self._renewed + self.settings.deadline

    def time_left(self) -> float:
        """Return how long a write that begins now may take: until another could lead."""
        return self._renewed + self.settings.duration - self._steady() if self.leads else 0

    def until_deadline(self) -> float:
        """Return for how many seconds this process leads without another renewal."""
        return max(0, self._renewed + self.settings.deadline - self._steady())

    async def step(self) -> float:
        """Try once to get or to keep the Lease; return after how many seconds to try again."""
        began = self._steady()
        try:
            if await self._try():
                self._renewed = began
            self.seen, self._said = True, ""
        except (ApiError, Unreachable) as error:
            if str(error) != self._said:  # an outage is told once
                log.warning("the Lease cannot be used: %s", error)
            self._said = str(error)
        return self._pause()

    async def release(self) -> None:
        """Give the Lease back, so that another need not wait. Call it when all work has ended."""
        self._renewed = -math.inf
        try:
            lease = await self._leases.read()
            if lease and _holder(lease) == self.identity:
                spec = {"holderIdentity": "", "renewTime": self._stamp(), "leaseDurationSeconds": 1}
                await self._leases.write({**lease, "spec": {**lease["spec"], **spec}})
                log.info("the Lease is released", extra={"identity": self.identity})
        except (ApiError, Unreachable) as error:
            log.warning("the Lease could not be released: %s", error)

    async def _try(self) -> bool:
        lease = await self._leases.read()
        if lease is None:
            if not self._may_take(self._seen.holder):
                return False  # somebody deleted it, and that does not stop whoever leads
            await self._leases.create(self._claim({}))
            return True
        self._look(lease)
        if not self._may_take(_holder(lease)):
            self._renewed = -math.inf  # if we led until now: another one does
            return False
        await self._leases.write({**lease, "spec": self._claim(lease.get("spec") or {})})
        return True

    def _look(self, lease: Object) -> None:
        """Note when the Lease changed, by our own clock. What times it names does not matter."""
        spec = lease.get("spec") or {}
        note = (_holder(lease), spec.get("renewTime"), spec.get("leaseTransitions"))
        if note != self._seen.note:
            seconds = spec.get("leaseDurationSeconds") or 0
            if not 0 < seconds <= self.settings.duration * PATIENCE:
                seconds = self.settings.duration
            self._seen = _Sighting(note, note[0], self._steady() + seconds)

    def _may_take(self, holder: str) -> bool:
        return holder in ("", self.identity) or self._steady() >= self._seen.expires

    def _claim(self, spec: Object) -> Object:
        """Return the note that says: we lead."""
        stamp, transitions = self._stamp(), spec.get("leaseTransitions") or 0
        mine = spec.get("holderIdentity") == self.identity
        return {
            **spec,
            "holderIdentity": self.identity,
            "leaseDurationSeconds": math.ceil(self.settings.duration),
            "renewTime": stamp,
            "acquireTime": (spec.get("acquireTime") if mine else None) or stamp,
            "leaseTransitions": transitions if mine or not spec else transitions + 1,
        }

    def _pause(self) -> float:
        """Who waits looks twice as often, and in the very moment in which the Lease ends."""
        now = self._steady()
        if now - self._renewed < self.settings.retry:
            return self.settings.retry
        ends = (self._renewed + self.settings.deadline - now, self._seen.expires - now)
        return min([self.settings.retry / 2, *(left for left in ends if left > 0)])


class ApiLeases:
    """The Lease where it belongs: in the API. Needs create, and get and update of its name."""

    def __init__(self, api: Api, namespace: str, name: str) -> None:
        self._api = api
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._name = name

    async def read(self) -> Object | None:
        """Return the Lease; None when there is none."""
        return await or_none(self._api.get(f"{self._path}/{self._name}"))

    async def create(self, spec: Object) -> Object:
        """Make it."""
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": spec}
        return await self._api.create(self._path, {**body, "metadata": {"name": self._name}})

    async def write(self, lease: Object) -> Object:
        """Replace it."""
        return await self._api.replace(f"{self._path}/{self._name}", lease)


def _holder(lease: Object) -> str:
    return str((lease.get("spec") or {}).get("holderIdentity") or "")
