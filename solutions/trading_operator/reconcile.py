"""The heart: makes one TradingAlgorithm's world as it should be, whatever it was before."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import uniform
from typing import Any

from trading_operator import FINALIZER, algorithm, children, clock, status
from trading_operator.client import Api, ApiError, or_none
from trading_operator.config import Config
from trading_operator.events import Recorder
from trading_operator.kinds import ALGORITHM, CHILDREN, DEPLOYMENT, Kind, Object, name_of
from trading_operator.watch import Cache

HEARTBEAT = 300.0
"""``lastReconciled`` moves at least so often, in seconds: a sign of life, not a logbook."""
UNTIL_GONE = 0.3
"""Pause between two looks at children that are on their way out, in seconds."""
RESTORE_INTERVAL = 2.0
"""A child that others keep changing is restored so often and no more, in seconds."""
STATELESS = 60.0
"""How long no status is written after the definition turned out to have none, in seconds."""


@dataclass(slots=True)
class _Memory:
    """What is remembered of one resource; lost at a restart, which costs a write that says nothing.

    ``accepted`` has, by child kind or status field, what we asked for and what the API server made
    of it: defaults, rounded quantities, fields that a schema drops.
    """

    accepted: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    restored: dict[str, float] = field(default_factory=dict)
    written: float = field(default_factory=lambda: clock.steady() - uniform(0, HEARTBEAT / 2))  # noqa: S311

    def beat_is_due(self) -> bool:
        """Whether it is time for a sign of life."""
        return clock.steady() >= self.written + HEARTBEAT


class Reconciler:
    """Makes resources' worlds right, one at a time.

    Args:
        caches: by kind name.
        config: returns the configuration of the moment.
    """

    def __init__(
        self,
        api: Api,
        caches: Mapping[str, Cache],
        recorder: Recorder,
        config: Callable[[], Config],
    ) -> None:
        self._api, self._caches, self._recorder, self._config = api, caches, recorder, config
        self._memories: dict[str, _Memory] = {}
        self._stateless_until = -math.inf

    async def reconcile(self, name: str) -> float | None:
        """Put one resource right; return after how many seconds to look again (None: no need).

        Raises:
            ApiError, Unreachable, NotLeading: it could not be done now.
        """
        obj = self._caches[ALGORITHM.name].get(name)
        if obj is None:
            self._forget(name)
            return None
        if self._recorder.ending and await self._recorder.namespace_ends():
            await self.release_finalizer(obj)
            return None
        if obj["metadata"].get("deletionTimestamp"):
            return await self._clean_up(obj)
        if FINALIZER not in (obj["metadata"].get("finalizers") or ()):
            others = obj["metadata"].get("finalizers") or ()
            obj = await self._set_finalizers(obj, [*others, FINALIZER])
            self._caches[ALGORITHM.name].learn(obj)
        failure: ApiError | None = None
        problem: tuple[str, str] | None = None
        put_off = False
        try:
            put_off = await self._put_children_right(obj)
        except algorithm.InvalidSpec as error:
            problem = ("InvalidSpec", str(error))
        except ApiError as error:
            if _passing(error):
                raise
            failure, problem = error, ("ApplyFailed", str(error))
        await self._tell(obj, problem)
        if failure:
            raise failure
        return RESTORE_INTERVAL if put_off else self._config().reconcile_interval

    async def _put_children_right(self, obj: Object) -> bool:
        """Apply each child that is not as it should be; return whether one was put off.

        One that is refused stops no other.
        """
        wishes = algorithm.read(obj)
        refused: ApiError | None = None
        put_off = False
        for kind, body in children.wanted(wishes, self._config()):
            try:
                put_off |= await self._put_right(obj, kind, body, wishes.minimum)
            except ApiError as error:
                if _passing(error):
                    raise
                refused = refused or error
        if refused:
            raise refused
        return put_off

    async def _put_right(self, obj: Object, kind: Kind, body: Object, initial: int) -> bool:
        actual = self._caches[kind.name].get(name_of(body))
        if actual and actual["metadata"].get("deletionTimestamp"):
            return False  # made anew when it is gone, which the watch will tell
        wish, memory = children.said(body), self._memory(name_of(obj))
        seen = children.projection(wish, actual)
        if seen == wish or memory.accepted.get(kind.name) == (wish, seen):
            return False
        reason, message = _what_is_done(kind, body, actual, obj["metadata"]["uid"])
        if reason.endswith("Restored"):  # never quarrel faster than a person can look
            if clock.steady() < memory.restored.get(kind.name, -math.inf) + RESTORE_INTERVAL:
                return True
            memory.restored[kind.name] = clock.steady()
        applied = body if kind is not DEPLOYMENT else children.with_count(body, actual, initial)
        if actual:  # decided on this version: if it changed since, the API server answers 409
            version = {"resourceVersion": actual["metadata"]["resourceVersion"]}
            applied = {**applied, "metadata": {**applied["metadata"], **version}}
        made = await self._api.apply(kind.path(_namespace(obj), name_of(body)), applied)
        self._caches[kind.name].learn(made)
        memory.accepted[kind.name] = (wish, children.projection(wish, made))
        self._recorder.done(obj, reason, message)
        return False

    async def _tell(self, obj: Object, problem: tuple[str, str] | None) -> None:
        """Write the status if it changed, or if nothing was written for long."""
        name, there = name_of(obj), obj.get("status") or {}
        deployment = self._caches[DEPLOYMENT.name].get(DEPLOYMENT.child_of(name))
        view = status.look(deployment, problem)
        if not problem:
            self._recorder.well(name)
        elif not status.says(there, problem):  # it may have been told before our own start
            self._recorder.wrong(obj, *problem)
        memory = self._memory(name)
        changes = {
            key: value
            for key, value in status.patch(obj, view, clock.now()).items()
            if memory.accepted.get(key) != (status.timeless(value), there.get(key))
        }
        if clock.steady() < self._stateless_until or not (changes or memory.beat_is_due()):
            return
        made = await self._write_status(obj, {**changes, "lastReconciled": clock.now()})
        if made is None:
            return
        self._caches[ALGORITHM.name].learn(made)
        memory.written = clock.steady()
        for key, value in changes.items():  # a schema may drop fields: that is no difference then
            memory.accepted[key] = (status.timeless(value), (made.get("status") or {}).get(key))
        if "phase" in changes and not problem:
            tell = self._recorder.wrong if view.phase == "Error" else self._recorder.done
            tell(obj, view.phase, f"{view.phase}: {view.message}")

    async def _write_status(self, obj: Object, fields: Object) -> Object | None:
        path = ALGORITHM.path(_namespace(obj), name_of(obj))
        version = {"resourceVersion": obj["metadata"]["resourceVersion"]}
        body = {"metadata": version, "status": fields}
        made = await or_none(self._api.merge(f"{path}/status", body))
        if made is None and await or_none(self._api.get(path)):
            # The resource is there but its status is not: the definition has no status subresource.
            if self._stateless_until == -math.inf:  # once is enough: it concerns all resources
                text = "the definition has no status subresource: nobody can see the status"
                self._recorder.wrong(obj, "NoStatusSubresource", text)
            self._stateless_until = clock.steady() + STATELESS
        return made

    async def release_finalizer(self, obj: Object) -> None:
        """Take the finalizer off without cleaning up: the namespace takes the children along."""
        fresh = await or_none(self._api.get(ALGORITHM.path(_namespace(obj), name_of(obj))))
        finalizers = fresh["metadata"].get("finalizers") or [] if fresh else []
        if fresh and FINALIZER in finalizers:
            await self._set_finalizers(fresh, [f for f in finalizers if f != FINALIZER])
            self._recorder.done(fresh, "LetGo", "the namespace ends: removed the finalizer")

    async def _clean_up(self, obj: Object) -> float | None:
        """Delete what this resource owns; when it is gone, and that was read, let go."""
        finalizers = obj["metadata"].get("finalizers") or []
        if FINALIZER not in finalizers:
            return None  # others hold it; we are done
        stay = "orphan" in finalizers  # kubectl delete --cascade=orphan
        if not stay and await self._delete_children(obj):
            return UNTIL_GONE
        await self._set_finalizers(obj, [entry for entry in finalizers if entry != FINALIZER])
        self._recorder.done(obj, "CleanedUp", "all children are gone: removed the finalizer")
        return None

    async def _delete_children(self, obj: Object) -> list[str]:
        """Return the names of those that are still there."""
        left = []
        for kind in CHILDREN:
            name = kind.child_of(name_of(obj))
            path = kind.path(_namespace(obj), name)
            child = await or_none(self._api.get(path))
            if child is None or not children.owned_by(child, obj["metadata"]["uid"]):
                continue
            left.append(name)
            if not child["metadata"].get("deletionTimestamp"):
                await or_none(self._api.delete(path, child["metadata"]["uid"]))
                self._recorder.done(obj, f"{kind.name}Deleted", f"deleted {kind.name} {name}")
        return left

    async def _set_finalizers(self, obj: Object, finalizers: list[str]) -> Object:
        """Replace the list, if the resource is still the one that was looked at."""
        path = ALGORITHM.path(_namespace(obj), name_of(obj))
        version = obj["metadata"]["resourceVersion"]
        metadata = {"finalizers": finalizers, "resourceVersion": version}
        return await self._api.merge(path, {"metadata": metadata})

    def _memory(self, name: str) -> _Memory:
        return self._memories.setdefault(name, _Memory())

    def _forget(self, name: str) -> None:
        self._memories.pop(name, None)
        self._recorder.well(name)


def _namespace(obj: Object) -> str:
    return str(obj["metadata"]["namespace"])


def _what_is_done(kind: Kind, body: Object, actual: Object | None, uid: str) -> tuple[str, str]:
    name = f"{kind.name} {name_of(body)}"
    if actual is None:
        return f"{kind.name}Created", f"created {name}"
    if not children.owned_by(actual, uid):
        return f"{kind.name}Adopted", f"adopted {name}, which was there already"
    annotations = actual["metadata"].get("annotations") or {}
    if annotations.get(children.DIGEST) == body["metadata"]["annotations"][children.DIGEST]:
        return f"{kind.name}Restored", f"restored {name}, which somebody had changed"
    return f"{kind.name}Updated", f"updated {name}"


def _passing(error: ApiError) -> bool:
    """Whether an error says nothing about the resource: try again later, and blame nobody."""
    return error.status in (401, 404, 409, 429) or error.status >= 500 or error.namespace_ends
