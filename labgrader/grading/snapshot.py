"""A shared, consistent snapshot of the cluster for all checks of a run.

Two checks that ask the same thing cause one request; the second waits for the first's answer. Each
reader leaves a trace (which ``ReadKey`` it read), so that a live session re-judges only the checks
that a change can concern. What was asked by dry-run holds as long as what it rests on (ADR 9).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from labgrader.errors import LabError, Rejected
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import Object, Resource, dig
from labgrader.util import threads

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReadKey:
    """Something that was read: one object, or (``name`` None) a collection."""

    resource: Resource
    namespace: str | None = None
    name: str | None = None

    def __hash__(self) -> int:
        """Hash what tells most apart: a grading looks these up ten thousand times."""
        return hash((self.resource.plural, self.namespace, self.name))


PROPAGATION_SECONDS = 2.0
"""How long the API server may go on answering by what a stored change has already replaced."""

RENEWAL_SECONDS = 5.0
"""How long a renewal waits for one read."""

READERS = 8
"""How many reads a renewal has under way at a time."""


@dataclass(slots=True)
class _Answer:
    """What was read or asked: when (``time.monotonic``), and what it rests on.

    ``since`` says, for a read, when these very versions were first seen. ``computed`` is what was
    worked out from a collection; like the answer itself it holds for these versions, which
    ``shown`` keeps once somebody has asked for them.
    """

    future: Future[Any] = field(default_factory=Future)
    depends_on: frozenset[ReadKey] = frozenset()
    asked_at: float = 0.0
    since: float = 0.0
    shown: dict[str, str] | None = None
    computed: dict[Callable[[Any], Any], Future[Any]] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether it is there and no error."""
        return self.future.done() and self.future.exception() is None


class Snapshot:
    """Reads through ``cluster``, each thing once. Safe to use from many threads.

    Args:
        lasting: whether answers are to outlive this snapshot: then checks also read what their
            dry-runs and access reviews rest on.
    """

    def __init__(self, cluster: Cluster, *, lasting: bool = False) -> None:
        self.cluster = cluster
        self.lasting = lasting
        self._answers: dict[Hashable, _Answer] = {}
        self._earlier: dict[Hashable, _Answer] = {}
        self._lock = threading.Lock()

    def get(self, read_key: ReadKey, timeout: float) -> Object | None:
        """Read the object that ``read_key`` names."""
        assert read_key.name is not None
        name = read_key.name
        return self.once(
            read_key,
            lambda: self.cluster.get(read_key.resource, name, read_key.namespace, timeout=timeout),
        )

    def list(self, read_key: ReadKey, timeout: float) -> list[Object] | None:
        """Read the collection that ``read_key`` names."""
        found: list[Object] | None = self._collection(read_key, timeout).future.result()
        return found

    def computed(
        self, read_key: ReadKey, make: Callable[[Sequence[Object]], T], timeout: float
    ) -> T:
        """Return what ``make`` works out from a collection: once, however many checks ask for it.

        Args:
            make: a function of the module level, pure; it must keep nothing of what it is given,
                and nobody may change what it returns.
        """
        answer = self._collection(read_key, timeout)
        shown = answer.future.result() or []
        with self._lock:
            future = answer.computed.get(make)
            mine = future is None
            if future is None:
                future = answer.computed[make] = Future()
        if mine:
            try:
                future.set_result(make(shown))
            except BaseException as error:  # noqa: BLE001 - handed on to every reader
                future.set_exception(error)
        result: T = future.result()
        return result

    def once(
        self, key: Hashable, ask: Callable[[], T], depends_on: frozenset[ReadKey] = frozenset()
    ) -> T:
        """Return the answer kept under ``key``; ask for it when nobody has yet.

        An error is an answer as well: every reader of this run gets the same one.

        Args:
            depends_on: reads that decide the answer; it is kept on as long as they stay the same.
                Empty where that cannot be told.
        """
        result: T = self._answered(key, ask, depends_on).future.result()
        return result

    def _collection(self, read_key: ReadKey, timeout: float) -> _Answer:
        return self._answered(
            read_key,
            lambda: self.cluster.list(read_key.resource, read_key.namespace, timeout=timeout),
        )

    def _answered(
        self,
        key: Hashable,
        ask: Callable[[], object],
        depends_on: frozenset[ReadKey] = frozenset(),
    ) -> _Answer:
        """Return the answer, settled or on its way to somebody else who asked."""
        with self._lock:
            answer = self._answers.get(key)
            mine = answer is None
            if answer is None:
                now = time.monotonic()
                answer = self._answers[key] = _Answer(
                    depends_on=depends_on, asked_at=now, since=now
                )
        if mine:
            try:
                answer.future.set_result(ask())
            except BaseException as error:  # noqa: BLE001 - handed on to every reader
                answer.future.set_exception(error)
            self._date(key, answer)
        return answer

    def _date(self, key: Hashable, answer: _Answer) -> None:
        """Note since when a read shows what it shows; what was derived from it still holds."""
        earlier = self._earlier.get(key)
        if earlier and answer.good and _versions(earlier) == _versions(answer):
            with self._lock:
                answer.since, answer.computed = earlier.since, earlier.computed

    def forget(self, keys: Iterable[Hashable]) -> None:
        """Ask anew when one of ``keys`` (an ``ReadKey``, a dry-run, a review) is wanted next."""
        with self._lock:
            for key in keys:
                self._answers.pop(key, None)

    def invalidated(self, changed: set[ReadKey]) -> Snapshot:
        """Return a new snapshot that keeps every good read but ``changed``, and what rests on them.

        What was asked within ``PROPAGATION_SECONDS`` of such a change is asked again.
        """
        fresh = Snapshot(self.cluster, lasting=self.lasting)
        with self._lock:
            answers = dict(self._answers)
        fresh._earlier = {k: a for k, a in answers.items() if isinstance(k, ReadKey) and a.good}
        fresh._answers = {k: a for k, a in fresh._earlier.items() if k not in changed}
        fresh.carry_over(answers)
        return fresh

    def refreshed(self) -> Snapshot:
        """Return a new snapshot in which every read was done again, and what still holds is kept.

        A read that fails now is left to whoever wants it.
        """
        with self._lock:
            answers = dict(self._answers)
        reads = [key for key in answers if isinstance(key, ReadKey)]
        fresh = self.invalidated(set(reads))

        def read_again(read_key: ReadKey) -> None:
            read = fresh.list if read_key.name is None else fresh.get
            try:
                read(read_key, RENEWAL_SECONDS)
            except LabError:
                fresh.forget([read_key])

        lists = [one for one in reads if one.name is None]
        threads.parallel_for(read_again, lists, READERS)
        alone = [one for one in reads if one.name is not None and not fresh.found_in(one, lists)]
        threads.parallel_for(read_again, alone, READERS)
        fresh.carry_over(answers)
        return fresh

    def found_in(self, read_key: ReadKey, lists: Iterable[ReadKey]) -> bool:
        """Answer the read of one object by a collection that was just read; False without one.

        Only where all is read again: else the collection may be older than the object's change.
        """
        resource, namespace = read_key.resource, read_key.namespace
        for one in lists:
            answer = self._answers.get(one)
            covers = one.resource == resource and one.namespace in (None, namespace)
            if answer is not None and covers and answer.good:
                shown = answer.future.result() or ()
                found = next((obj for obj in shown if _is(obj, read_key)), None)
                typed = {"kind": resource.kind, "apiVersion": resource.api_version}
                self.once(read_key, lambda: found and {**typed, **found})  # noqa: B023 - at once
                return True
        return False

    def carry_over(self, answers: Mapping[Hashable, _Answer]) -> None:
        """Keep those of an earlier snapshot's answers which rest on what is still the same."""
        since: dict[frozenset[ReadKey], float] = {}  # many answers rest on the same few reads
        for key, answer in answers.items():
            depends_on = answer.depends_on
            if depends_on and depends_on not in since:
                since[depends_on] = self._same_since(depends_on)
            if depends_on and _holds(answer, since[depends_on]):
                self._answers[key] = answer

    def _same_since(self, reads: frozenset[ReadKey]) -> float:
        """Return since when all of ``reads`` show what they show; infinity where one is missing."""
        found = [self._answers.get(read) for read in reads]
        return max((answer.since if answer else math.inf) for answer in found)

    def versions(self, read_key: ReadKey) -> dict[str, str]:
        """Return ``namespace/name`` → resourceVersion of what a read of ``read_key`` showed."""
        answer = self._answers.get(read_key)
        return _versions(answer) if answer is not None and answer.good else {}


def _is(obj: Object, read_key: ReadKey) -> bool:
    where = read_key.namespace if read_key.resource.namespaced else None
    return (dig(obj, "metadata.name"), dig(obj, "metadata.namespace")) == (read_key.name, where)


def _versions(answer: _Answer) -> dict[str, str]:
    if answer.shown is None:
        read = answer.future.result()
        objects = read if isinstance(read, list) else [read] if read else []
        answer.shown = {key_of(obj): version_of(obj) for obj in objects}
    return answer.shown


def _holds(answer: _Answer, same_since: float) -> bool:
    """Whether all that ``answer`` rests on was as it is, long before ``answer`` was asked."""
    if answer.asked_at - same_since < PROPAGATION_SECONDS:
        return False
    return answer.future.done() and isinstance(answer.future.exception(), Rejected | None)


def key_of(obj: Object) -> str:
    """Return ``namespace/name``, which names an object within its type."""
    return f"{dig(obj, 'metadata.namespace', '')}/{dig(obj, 'metadata.name', '')}"


def version_of(obj: Object) -> str:
    """Return the resourceVersion: it differs whenever the object does."""
    return str(dig(obj, "metadata.resourceVersion", ""))
