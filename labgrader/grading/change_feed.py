"""Watches every object that checks have read, and reports changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from labgrader.errors import Forbidden, LabError
from labgrader.grading.snapshot import ReadKey, Snapshot, key_of, version_of
from labgrader.grading.temporary_objects import PREFIX
from labgrader.kube.leases import SKEW_SECONDS
from labgrader.kube.protocols import Cluster
from labgrader.kube.reflector import Pauses, Reflector
from labgrader.kube.resources import LEASE, Object, Resource, dig

RETRY_SECONDS = 0.5
"""How long a watch rests before it is tried again."""

POLL_SECONDS = 5.0
"""How often something is looked at that may be read, but not watched."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was read is different now.

    ``text`` names the object for people. An ``echo`` is no news: the same change, looked at again.
    """

    read_key: ReadKey
    text: str
    echo: bool = False


class Watches:
    """One watch, in a thread of its own, for everything that is followed.

    Args:
        stop: ends all of them soon.
        tell: called with each change, from these threads.
        on_link: told the error when the cluster is lost, and None when it answers again.
        content: whether all who read something are content: then a heartbeat is no news to them.
    """

    def __init__(
        self,
        cluster: Cluster,
        stop: threading.Event,
        tell: Callable[[Change], None],
        *,
        on_link: Callable[[LabError | None], None],
        content: Callable[[ReadKey], bool],
    ) -> None:
        self._cluster = cluster
        self._stop = stop
        self._tell = tell
        self._on_link = on_link
        self._content = content
        self._followed: set[ReadKey] = set()
        self._lost: set[ReadKey] = set()
        self._lock = threading.Lock()

    def follow(self, read_keys: Iterable[ReadKey], snapshot: Snapshot) -> None:
        """Start a watch for everything that is not watched yet; ``snapshot`` is what is known."""
        for read_key in set(read_keys) - self._followed:
            self._followed.add(read_key)
            versions = snapshot.versions(read_key)
            known = {k: v for k, v in versions.items() if not _is_probe(k)}
            resource = read_key.resource
            Reflector(
                self._cluster,
                partial(_itself, resource),
                read_key.namespace,
                read_key.name,
                _Versions(read_key, known, self._tell, self._link, self._content),
                self._stop,
                Pauses(RETRY_SECONDS, RETRY_SECONDS, POLL_SECONDS),
            ).start("watch")

    def _link(self, read_key: ReadKey, error: LabError | None) -> None:
        """Tell when the first watch is lost and when the last is back."""
        with self._lock:
            before = bool(self._lost)
            (self._lost.add if error else self._lost.discard)(read_key)
            after = bool(self._lost)
        if before != after:
            self._on_link(error)


def _itself(resource: Resource) -> Resource:
    """Return the type without asking whether it is served: the watch says so."""
    return resource


@dataclass(slots=True)
class _Versions:
    """The store of one read key: versions of objects by key, from which changes are told."""

    read_key: ReadKey
    known: dict[str, str]
    tell: Callable[[Change], None]
    link: Callable[[ReadKey, LabError | None], None]
    content: Callable[[ReadKey], bool]
    hearts: dict[str, _Heart] = field(default_factory=dict)

    def keep(self, obj: Object) -> tuple[str, str] | None:
        """Return key and version of a listed object."""
        key = key_of(obj)
        if _is_probe(key):
            return None
        self._only_beats(key, obj)
        return key, version_of(obj)

    def replace(self, present: dict[str, str]) -> None:
        """Tell a change where what is there differs from what was known."""
        self.link(self.read_key, None)
        self._compare(present)

    def absent(self) -> None:
        """Tell a change where something was there."""
        self._compare({})

    def change(self, event: str, obj: Object) -> None:
        """Tell a change, unless it is nothing but a heartbeat."""
        key = key_of(obj)
        if _is_probe(key):
            return
        if event != "DELETED" and self._only_beats(key, obj):
            self.known[key] = version_of(obj)
            if not self.content(self.read_key):
                self.tell(Change(self.read_key, "", echo=True))
            return
        if event == "DELETED":
            self.known.pop(key, None)
        else:
            self.known[key] = version_of(obj)
        verb = {"ADDED": "created", "MODIFIED": "changed", "DELETED": "deleted"}.get(event, event)
        self.tell(Change(self.read_key, f"{_label(self.read_key, obj)} {verb}"))

    def forbidden(self, error: Forbidden) -> None:
        """It may perhaps be read, but not watched: then look now and then."""
        del error
        self.tell(Change(self.read_key, "", echo=True))

    def lost(self, error: LabError) -> None:
        """Tell that the cluster is lost."""
        self.link(self.read_key, error)

    def _compare(self, present: dict[str, str]) -> None:
        if present != self.known:
            self.known = present
            self.tell(Change(self.read_key, self.read_key.resource.describe(self.read_key.name)))

    def _only_beats(self, key: str, obj: Object) -> bool:
        """Whether this is a Lease that its holder has renewed, as every few seconds."""
        if self.read_key.resource != LEASE:
            return False
        spec = dig(obj, "spec", {})
        held = (dig(obj, "metadata.uid"), spec.get("holderIdentity"), spec.get("leaseTransitions"))
        heart = self.hearts.setdefault(key, _Heart())
        silent = Change(self.read_key, f"{_label(self.read_key, obj)} is not renewed any more")
        return heart.beats(held, spec.get("leaseDurationSeconds"), lambda: self.tell(silent))


class _Heart:
    """A Lease as one watch sees it: who holds it, and whether it is still renewed."""

    def __init__(self) -> None:
        self._held: tuple[object, ...] = ()
        self._alarm: threading.Timer | None = None

    def beats(self, held: tuple[object, ...], seconds: object, silent: Callable[[], None]) -> bool:
        """Note what a Lease says; return whether that is only another heartbeat.

        Args:
            seconds: how long it holds without another one; ``silent`` is called after that.
        """
        same, self._held = held == self._held, held
        if self._alarm is not None:
            self._alarm.cancel()
        if isinstance(seconds, int) and 0 < seconds < threading.TIMEOUT_MAX:
            self._alarm = threading.Timer(seconds + SKEW_SECONDS, silent)
            self._alarm.daemon = True
            self._alarm.start()
        return same


def _label(read_key: ReadKey, obj: Object) -> str:
    name = str(dig(obj, "metadata.name", ""))
    return read_key.resource.describe(name, dig(obj, "metadata.namespace"))


def _is_probe(key: str) -> bool:
    """Whether it is something that a check made, or that came of it: no news to anybody."""
    return key.rpartition("/")[2].startswith(PREFIX)
