"""The reflector: keeps what is known of some objects up to date by listing and watching them.

As client-go's: list, then watch; when the watch ends or breaks, both again after a pause.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from labgrader.errors import Forbidden, LabError
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import Object, Resource

T = TypeVar("T")


class Store(Protocol[T]):
    """What a reflector keeps up to date. All methods are called from its thread."""

    def keep(self, obj: Object) -> tuple[str, T] | None:
        """Return key and value of a listed object; None where it is to be left out."""

    def replace(self, present: dict[str, T]) -> None:
        """All objects were listed: these are there, and no others."""

    def change(self, event: str, obj: Object) -> None:
        """One object was ``ADDED``, ``MODIFIED`` or ``DELETED``."""

    def absent(self) -> None:
        """The API server does not serve the type."""

    def forbidden(self, error: Forbidden) -> None:
        """These credentials may not list or watch them."""

    def lost(self, error: LabError) -> None:
        """The cluster does not answer; what was known may be out of date."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds until the next try: after a watch that ended or broke, and after the other ends."""

    retry: float
    absent: float
    forbidden: float


@dataclass(frozen=True, slots=True)
class Reflector(Generic[T]):
    """Lists and watches one type, in one namespace or as one object (``name``), until ``stop``.

    Args:
        find: returns the type, or None where it is not served; called before each list.
    """

    cluster: Cluster
    find: Callable[[], Resource | None]
    namespace: str | None
    name: str | None
    store: Store[T]
    stop: threading.Event
    pauses: Pauses

    def start(self, name: str) -> None:
        """Run in a daemon thread of this name."""
        threading.Thread(target=self.run, name=name, daemon=True).start()

    def run(self) -> None:
        """List and watch again and again; errors are told to the store."""
        while not self.stop.is_set():
            pause = self.pauses.retry
            try:
                if not self._list_and_watch():
                    self.store.absent()
                    pause = self.pauses.absent
            except Forbidden as error:
                self.store.forbidden(error)
                pause = self.pauses.forbidden
            except LabError as error:
                self.store.lost(error)
            except Exception as error:  # noqa: BLE001 - a thread's end would go unseen
                self.store.lost(LabError(f"{type(error).__name__}: {error}"))
            self.stop.wait(pause)

    def _list_and_watch(self) -> bool:
        """Follow until the watch ends; return whether there was anything to watch."""
        resource = self.find()
        if resource is None:
            return False
        listed: dict[str, T] | None = {}
        for event in self.cluster.watch(resource, self.namespace, name=self.name):
            if self.stop.is_set():
                return True
            if event.type == "SYNCED":
                self.store.replace(listed or {})
                listed = None
            elif event.type == "BOOKMARK":
                continue
            elif listed is None:
                self.store.change(event.type, event.object)
            elif (kept := self.store.keep(event.object)) is not None:
                listed[kept[0]] = kept[1]
        return listed is None
