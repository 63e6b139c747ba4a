"""Watches everything that checks have read, and tells what is different now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from labgrader.errors import Forbidden, LabError
from labgrader.grading.snapshot import ReadKey, Snapshot, key_of, version_of
from labgrader.grading.temporary_objects import PREFIX
from labgrader.kube.leases import SKEW_SECONDS
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import LEASE, Object, dig

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
        self._known: dict[ReadKey, dict[str, str]] = {}
        self._hearts: dict[tuple[ReadKey, str], _Heart] = {}
        self._lost: set[ReadKey] = set()
        self._lock = threading.Lock()

    def follow(self, read_keys: Iterable[ReadKey], snapshot: Snapshot) -> None:
        """Start a watch for everything that is not watched yet; ``snapshot`` is what is known."""
        for read_key in read_keys:
            if read_key not in self._known:
                versions = snapshot.versions(read_key)
                self._known[read_key] = {k: v for k, v in versions.items() if not _is_probe(k)}
                threading.Thread(
                    target=self._watch, args=(read_key,), name="watch", daemon=True
                ).start()

    def _watch(self, read_key: ReadKey) -> None:
        """Watch one read key until the end, through lost connections and missing types."""
        while not self._stop.is_set():
            pause = RETRY_SECONDS
            try:
                self._follow(read_key)
            except Forbidden:  # may perhaps be read, but not watched: then look now and then
                pause = POLL_SECONDS
                self._tell(Change(read_key, "", echo=True))
            except LabError as error:
                self._link(read_key, error)
            self._stop.wait(pause)

    def _follow(self, read_key: ReadKey) -> None:
        seen: dict[str, str] | None = {}
        known = self._known[read_key]
        events = self._cluster.watch(read_key.resource, read_key.namespace, name=read_key.name)
        for event in events:
            if self._stop.is_set():
                return
            if _is_probe(key_of(event.object)):
                continue
            if event.type == "SYNCED":
                self._link(read_key, None)
                self._compare(read_key, seen or {})
                seen = None
            elif seen is not None:
                seen[key_of(event.object)] = version_of(event.object)
                self._only_beats(read_key, key_of(event.object), event.object)
            elif event.type != "BOOKMARK":
                self._note(read_key, known, event.type, event.object)
        if seen is not None:  # the type is not there (any more)
            self._compare(read_key, {})

    def _compare(self, read_key: ReadKey, present: dict[str, str]) -> None:
        """Tell a change where what is there differs from what was known."""
        known = self._known[read_key]
        if present != known:
            known.clear()
            known.update(present)
            self._tell(Change(read_key, read_key.resource.describe(read_key.name)))

    def _note(self, read_key: ReadKey, known: dict[str, str], kind: str, obj: Object) -> None:
        key = key_of(obj)
        if kind != "DELETED" and self._only_beats(read_key, key, obj):
            known[key] = version_of(obj)
            if not self._content(read_key):
                self._tell(Change(read_key, "", echo=True))
            return
        if kind == "DELETED":
            known.pop(key, None)
        else:
            known[key] = version_of(obj)
        verb = {"ADDED": "created", "MODIFIED": "changed", "DELETED": "deleted"}.get(kind, kind)
        self._tell(Change(read_key, f"{_label(read_key, obj)} {verb}"))

    def _only_beats(self, read_key: ReadKey, key: str, obj: Object) -> bool:
        """Whether this is a Lease that its holder has renewed, as every few seconds."""
        if read_key.resource != LEASE:
            return False
        spec = dig(obj, "spec", {})
        held = (dig(obj, "metadata.uid"), spec.get("holderIdentity"), spec.get("leaseTransitions"))
        heart = self._hearts.setdefault((read_key, key), _Heart())
        silent = Change(read_key, f"{_label(read_key, obj)} is not renewed any more")
        return heart.beats(held, spec.get("leaseDurationSeconds"), lambda: self._tell(silent))

    def _link(self, read_key: ReadKey, error: LabError | None) -> None:
        """Tell when the first watch is lost and when the last is back."""
        with self._lock:
            before = bool(self._lost)
            (self._lost.add if error else self._lost.discard)(read_key)
            after = bool(self._lost)
        if before != after:
            self._on_link(error)


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
