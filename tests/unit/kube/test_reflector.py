"""The reflector: what it tells its store, whatever a watch does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from labgrader.errors import Forbidden, LabError, Unreachable
from labgrader.kube.protocols import WatchEvent
from labgrader.kube.reflector import Pauses, Reflector
from labgrader.kube.resources import CONFIG_MAP, Object, Resource, name_of

SYNCED = WatchEvent("SYNCED", {})


def event(kind: str, name: str) -> WatchEvent:
    return WatchEvent(kind, {"metadata": {"name": name}})


class Scripted:
    """A cluster whose watches do one thing after the other; a store that takes all of it down."""

    def __init__(self, *turns: Any) -> None:
        self.turns = list(turns)
        self.told: list[Any] = []
        self.stop = threading.Event()

    def watch(
        self, resource: Resource, namespace: str | None, *, name: str | None
    ) -> Iterator[Any]:
        assert (resource, namespace, name) == (CONFIG_MAP, "lab", None)
        turn = self.turns.pop(0)
        if not self.turns:
            self.stop.set()
        for one in turn if isinstance(turn, list) else [turn]:
            if isinstance(one, Exception):
                raise one
            yield one

    def find(self) -> Resource | None:
        if self.turns[0] is not None:
            return CONFIG_MAP
        self.turns.pop(0)
        return None

    def run(self) -> list[Any]:
        pauses = Pauses(0.0, 0.0, 0.0)
        Reflector(self, self.find, "lab", None, self, self.stop, pauses).run()  # type: ignore[arg-type]
        return self.told

    def keep(self, obj: Object) -> tuple[str, int] | None:
        name = name_of(obj)
        return None if name == "left-out" else (name, len(name))

    def replace(self, present: dict[str, int]) -> None:
        self.told.append(dict(present))

    def change(self, kind: str, obj: Object) -> None:
        self.told.append((kind, name_of(obj)))

    def absent(self) -> None:
        self.told.append("absent")

    def forbidden(self, error: Forbidden) -> None:
        self.told.append(error)

    def lost(self, error: LabError) -> None:
        self.told.append(error.message)


END: list[Any] = [event("ADDED", "never"), SYNCED]
"""The last turn: the reflector is told to stop while it lists, and tells nothing more."""


def test_what_was_listed_is_told_at_once_then_each_change() -> None:
    first = [event("ADDED", "a"), event("ADDED", "left-out"), event("ADDED", "bb"), SYNCED]
    changes = [event("BOOKMARK", "x"), event("MODIFIED", "a"), event("DELETED", "bb")]
    told = Scripted([*first, *changes], [SYNCED], END).run()
    assert told == [{"a": 1, "bb": 2}, ("MODIFIED", "a"), ("DELETED", "bb"), {}]


@pytest.mark.parametrize("error", [Unreachable("gone"), LabError("gone"), ValueError("gone")])
def test_a_watch_that_breaks_is_told_and_all_is_listed_again(error: Exception) -> None:
    told = Scripted([event("ADDED", "a"), SYNCED, error], [SYNCED], END).run()
    assert told[0] == {"a": 1}
    assert told[1] in ("gone", "ValueError: gone")
    assert told[2:] == [{}]


def test_what_broke_before_all_was_listed_replaces_nothing() -> None:
    told = Scripted([event("ADDED", "a"), Unreachable("gone")], END).run()
    assert told == ["gone"]


def test_a_type_that_is_not_served_is_absent() -> None:
    assert Scripted(None, [], END).run() == ["absent", "absent"]


def test_who_may_not_watch_is_told_so() -> None:
    error = Forbidden("no")
    assert Scripted(error, END).run() == [error]
