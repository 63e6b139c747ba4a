"""The queue, the cache and the gate, without a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from trading_operator.client import Api, ApiError, NotLeading, Unreachable
from trading_operator.credentials import Server
from trading_operator.kinds import DEPLOYMENT
from trading_operator.watch import COUNT_SET_BY, Cache
from trading_operator.work import LONGEST_DELAY, WorkQueue
from virtual import run


def test_each_name_once_and_by_one_hand() -> None:
    async def story() -> None:
        queue = WorkQueue(asyncio.get_running_loop().call_later)
        for name in ("a", "b", "a"):
            queue.add(name)
        assert (await queue.take(), await queue.take(), len(queue)) == ("a", "b", 0)
        queue.add("a")  # while it is worked on
        assert len(queue) == 0
        queue.done("a", None)
        assert await queue.take() == "a"

    run(story())


def test_failures_wait_longer_each_time_and_hold_up_nobody() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        queue = WorkQueue(loop.call_later)
        queue.add("bad")
        pauses = []
        for _ in range(12):
            begin = loop.time()
            assert await queue.take() == "bad"
            pauses.append(loop.time() - begin)
            queue.failed("bad")
            queue.add_unless_backing_off("bad")  # something happened to a child: no reason to hurry
            queue.add("good")
            assert await queue.take() == "good"
            queue.done("good", None)
        assert pauses[1] == pytest.approx(0.5)
        assert pauses == sorted(pauses)
        assert pauses[-1] == pytest.approx(LONGEST_DELAY)
        queue.add("bad")  # its wishes changed: that is a reason
        assert await queue.take() == "bad"
        queue.done("bad", 30)
        assert queue.failed("bad") == 0.5

    run(story())


def test_later_is_called_off_by_now() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        queue, begin = WorkQueue(loop.call_later), loop.time()
        queue.add_later("a", 100)
        queue.add_later("a", 50)
        assert await queue.take() == "a"
        assert loop.time() - begin == pytest.approx(50)
        queue.done("a", 30)
        queue.forget("a")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(queue.take(), 100)

    run(story())


def obj(name: str, version: int, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": str(version), **more}}


class FakeApi:
    """Answers lists and watches from a script; an exception in it is raised."""

    def __init__(self, lists: list[Any], watches: list[list[Any]]) -> None:
        self.lists, self.watches, self.asked = lists, watches, list[dict[str, str]]()

    async def get(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        found = self.lists.pop(0)
        if isinstance(found, Exception):
            raise found
        version, *items = found
        return {"metadata": {"resourceVersion": str(version)}, "items": items}

    async def watch(self, path: str, query: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
        self.asked.append(query)
        if not self.watches:
            await asyncio.sleep(10**9)
        for event in self.watches.pop(0):
            if isinstance(event, Exception):
                raise event
            kind, found = event
            yield {"type": kind, "object": found}


def followed(api: FakeApi) -> tuple[dict[str, int], list[str], Cache]:
    """Return the names and versions in the cache when the script is over, and what was told."""
    told: list[str] = []

    async def story() -> Cache:
        cache = Cache(api, DEPLOYMENT, "n", told.append)  # type: ignore[arg-type]
        task = asyncio.create_task(cache.run())
        await asyncio.sleep(1000)
        task.cancel()
        return cache

    cache = run(story())
    found = {o["metadata"]["name"]: int(o["metadata"]["resourceVersion"]) for o in cache.all()}
    return found, told, cache


def test_lists_then_follows() -> None:
    events = [
        ("MODIFIED", obj("a", 12)),
        ("ADDED", obj("b", 13)),
        ("DELETED", obj("a", 14)),
        ("BOOKMARK", obj("", 20)),
        ("MODIFIED", obj("b", 11)),  # older than what is known
    ]
    api = FakeApi([[10, obj("a", 5)]], [events])
    assert followed(api)[:2] == ({"b": 13}, ["a", "a", "b", "a", "b"])


def test_after_a_broken_watch_it_goes_on_where_it_was() -> None:
    first = [("ADDED", obj("b", 13)), Unreachable("cut")]
    api = FakeApi([[10, obj("a", 5)]], [first])
    assert followed(api)[0] == {"a": 5, "b": 13}
    assert [query["resourceVersion"] for query in api.asked] == ["10", "13"]


@pytest.mark.parametrize("status", [410, 403, 500])
def test_when_its_place_is_lost_it_lists_again_and_tells_what_went(status: int) -> None:
    lists = [[10, obj("a", 5), obj("b", 6)], Unreachable("down"), [30, obj("b", 25)]]
    found, told, _ = followed(FakeApi(lists, [[ApiError(status, "too old")]]))
    assert found == {"b": 25}
    assert told == ["a", "b", "a", "b"]


def test_an_error_event_is_an_error() -> None:
    gone = {"code": 410, "message": "too old resource version"}
    api = FakeApi([[10, obj("a", 5)], [20]], [[("ERROR", gone)]])
    assert followed(api)[0] == {}


def test_it_waits_for_a_definition_and_notices_when_it_goes() -> None:
    missing = ApiError(404, "not found")
    api = FakeApi([missing, missing, [10, obj("a", 5)], missing, [40]], [[missing]])
    found, told, cache = followed(api)
    assert (found, told, cache.synced.is_set()) == ({}, ["a", "a"], True)


def test_learns_from_writes_but_not_the_past() -> None:
    _, _, cache = followed(FakeApi([[10, obj("a", 5)]], []))
    cache.learn(obj("a", 12))
    cache.learn(obj("a", 11))
    cache.learn(obj("c", 9))  # deleted since, or the watch would know it
    cache.learn(obj("d", 13))
    versions = {o["metadata"]["name"]: o["metadata"]["resourceVersion"] for o in cache.all()}
    assert versions == {"a": "12", "d": "13"}


def test_keeps_of_the_managed_fields_who_set_the_count() -> None:
    fields = [
        {"manager": "us", "fieldsV1": {"f:spec": {"f:template": {}}}},
        {"manager": "hpa", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        {"manager": "odd"},
    ]
    _, _, cache = followed(FakeApi([[10, obj("a", 5, managedFields=fields)]], []))
    (found,) = cache.all()
    assert found["metadata"][COUNT_SET_BY] == ["hpa"]
    assert "managedFields" not in found["metadata"]


async def test_who_does_not_lead_reads_but_does_not_write() -> None:
    async with aiohttp.ClientSession() as session:
        api = Api(session, Server("http://127.0.0.1:9", None, dict)).leader_only(lambda: 0)
        for write in (
            api.create("/x", {}),
            api.replace("/x", {}),
            api.merge("/x", {}),
            api.apply("/x", {}),
            api.delete("/x", "uid"),
        ):
            with pytest.raises(NotLeading):
                await write
        with pytest.raises(Unreachable):
            await api.get("/x")
