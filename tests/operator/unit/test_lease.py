"""Leader election with a made clock and every fault there is."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from typing import Any

import pytest

from trading_operator.config import Election
from trading_operator.leading import Leading
from trading_operator.lease import Elector
from virtual import FakeLeases, run

SETTINGS = Election(duration=15, deadline=10, retry=2)


class Clock:
    """Time that a test moves on."""

    def __init__(self) -> None:
        self.now, self.stamp = 100.0, "2026-01-01T00:00:00.000000Z"

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def elector(leases: FakeLeases, clock: Clock, name: str = "a") -> Elector:
    return Elector(leases, name, SETTINGS, clock, lambda: f"{clock.now:.6f}")


def note(holder: str | None, **more: Any) -> dict[str, Any]:
    return {"holderIdentity": holder, "renewTime": "x", "leaseDurationSeconds": 15, **more}


async def test_makes_a_missing_lease(clock: Clock) -> None:
    leases = FakeLeases()
    a = elector(leases, clock)
    assert await a.step() == 2
    assert a.leads
    assert leases.lease is not None
    assert leases.lease["holderIdentity"] == "a"
    assert leases.lease["leaseTransitions"] == 0
    assert leases.lease["leaseDurationSeconds"] == 15


@pytest.mark.parametrize(
    "spec",
    [
        {},
        note(""),
        note(None, renewTime=None, acquireTime=None, leaseTransitions=None),
        {"holderIdentity": "", "leaseDurationSeconds": 60, "renewTime": None, "acquireTime": None},
        note("", leaseDurationSeconds=-5, renewTime="9999-12-31T23:59:59.999999Z"),
    ],
)
async def test_takes_an_empty_one_at_once(clock: Clock, spec: dict[str, Any]) -> None:
    leases = FakeLeases(spec)
    a = elector(leases, clock)
    await a.step()
    assert a.leads
    assert leases.lease is not None
    assert leases.lease["acquireTime"]


async def test_renews_keeps_what_it_is_and_counts_nothing(clock: Clock) -> None:
    leases = FakeLeases(note("", leaseTransitions=3))
    a = elector(leases, clock)
    await a.step()
    first = dict(leases.lease or {})
    clock.now += 2
    await a.step()
    assert leases.lease is not None
    assert leases.lease["renewTime"] != first["renewTime"]
    assert leases.lease["acquireTime"] == first["acquireTime"]
    assert leases.lease["leaseTransitions"] == first["leaseTransitions"] == 4


@pytest.mark.parametrize("duration", [15, None, 0, -1, 10**9])
@pytest.mark.parametrize("time", ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", None, "gestern"])
async def test_waits_by_its_own_clock_whatever_times_are_named(
    clock: Clock, duration: int | None, time: str | None
) -> None:
    leases = FakeLeases(note("b", leaseDurationSeconds=duration, renewTime=time))
    a = elector(leases, clock)
    await a.step()
    clock.now += 14.9
    await a.step()
    assert not a.leads
    clock.now += 0.2
    await a.step()
    assert a.leads
    assert leases.lease is not None
    assert leases.lease["leaseTransitions"] == 1


async def test_a_sign_of_life_starts_the_wait_anew(clock: Clock) -> None:
    leases = FakeLeases(note("b"))
    a = elector(leases, clock)
    for beat in range(20):
        leases.put(note("b", renewTime=str(beat)))
        await a.step()
        clock.now += 10
    assert not a.leads


async def test_a_longer_duration_of_the_holder_is_respected(clock: Clock) -> None:
    leases = FakeLeases(note("b", leaseDurationSeconds=60))
    a = elector(leases, clock)
    await a.step()
    clock.now += 59
    await a.step()
    assert not a.leads
    clock.now += 2
    await a.step()
    assert a.leads


async def test_looks_again_in_the_moment_in_which_the_lease_ends(clock: Clock) -> None:
    a = elector(FakeLeases(note("b")), clock)
    assert await a.step() == 1
    clock.now += 14.7
    assert await a.step() == pytest.approx(0.3)


async def test_stops_by_itself_when_the_api_is_away(clock: Clock) -> None:
    leases = FakeLeases(note(""))
    a = elector(leases, clock)
    await a.step()
    leases.down = True
    clock.now += 9.9
    await a.step()
    assert a.leads
    assert a.time_left() == pytest.approx(5.1)
    clock.now += 0.2
    assert not a.leads
    assert a.time_left() == 0
    leases.down = False
    await a.step()  # nobody took it meanwhile
    assert a.leads


async def test_a_renewal_counts_from_before_it_was_sent(clock: Clock) -> None:
    class Slow(FakeLeases):
        async def write(self, lease: dict[str, Any]) -> dict[str, Any]:
            clock.now += 8
            return await super().write(lease)

    a = elector(Slow(note("")), clock)
    await a.step()
    assert a.until_deadline() == pytest.approx(2)


async def test_an_answer_that_is_lost_is_no_renewal(clock: Clock) -> None:
    leases = FakeLeases(note(""))
    a = elector(leases, clock)
    leases.lost_answers = 1
    await a.step()
    assert leases.lease is not None
    assert leases.lease["holderIdentity"] == "a"  # it arrived, but who knows
    assert not a.leads
    leases.lost_answers = 0
    await a.step()
    assert a.leads


async def test_another_holder_ends_it_at_once(clock: Clock) -> None:
    leases = FakeLeases(note(""))
    a = elector(leases, clock)
    await a.step()
    leases.put(note("b"))
    await a.step()
    assert not a.leads
    assert leases.lease == note("b")


async def test_of_two_one_gets_a_conflict(clock: Clock) -> None:
    class Racing(FakeLeases):
        async def write(self, lease: dict[str, Any]) -> dict[str, Any]:
            self.put(note("b"))
            return await super().write(lease)

    a = elector(Racing(note("")), clock)
    await a.step()
    assert not a.leads


async def test_a_deleted_lease_frees_nothing_while_its_holder_may_live(clock: Clock) -> None:
    leases = FakeLeases(note(""))
    a, b = elector(leases, clock, "a"), elector(leases, clock, "b")
    await a.step()
    await b.step()
    leases.put(None)
    await b.step()
    assert not b.leads
    await a.step()  # makes it again
    assert a.leads
    leases.put(None)
    clock.now += 15.1
    await b.step()
    assert b.leads
    assert not a.leads


async def test_release_empties_it_and_the_next_one_leads_at_once(clock: Clock) -> None:
    leases = FakeLeases(note(""))
    a, b = elector(leases, clock, "a"), elector(leases, clock, "b")
    await a.step()
    await b.step()
    await a.release()
    assert leases.lease is not None
    assert leases.lease["holderIdentity"] == ""
    assert not a.leads
    await b.step()
    assert b.leads
    assert leases.lease["leaseTransitions"] == 2


async def test_release_leaves_what_is_anothers(clock: Clock) -> None:
    leases = FakeLeases(note("b"))
    await elector(leases, clock).release()
    assert leases.lease == note("b")


async def test_the_wall_clock_may_jump(clock: Clock) -> None:
    leases = FakeLeases(note(""))
    stamps = iter(["2030-01-01T00:00:00Z", "1999-01-01T00:00:00Z", "2026-01-01T00:00:00Z"])
    a = Elector(leases, "a", SETTINGS, clock, lambda: next(stamps))
    b = elector(leases, clock, "b")
    for _ in range(3):
        await a.step()
        await b.step()
        clock.now += 9
    assert a.leads
    assert not b.leads


@pytest.mark.parametrize("seed", range(40))
def test_never_two_at_once(seed: int) -> None:
    """Three copies, slow lines that break, restarts: no two write at once, and work goes on."""
    writes = run(_turbulence(seed))
    writes.sort()
    for (_, end, one), (begin, _, other) in itertools.pairwise(writes):
        assert one == other or end <= begin, f"{one} wrote until {end}, {other} from {begin}"
    assert len({name for *_, name in writes}) > 1  # leadership moved: the test is worth something


@dataclass(slots=True)
class Contender:
    """One copy of the program: its own line to the API, its own clock."""

    name: str
    line: FakeLeases
    stop: asyncio.Event
    task: asyncio.Task[None]


async def _turbulence(seed: int) -> list[tuple[float, float, str]]:
    loop = asyncio.get_running_loop()
    leases = FakeLeases(None, seed)
    leases.slowest, leases.lost_answers = 3.0, 0.1
    chance, writes = leases.random, list[tuple[float, float, str]]()

    def contender(name: str) -> Contender:
        skew, line, stop = chance.uniform(-1e6, 1e6), leases.line(), asyncio.Event()
        one = Elector(line, name, SETTINGS, lambda: loop.time() + skew, lambda: str(loop.time()))

        async def work() -> None:
            while True:  # one write after the other; each takes as long as it may, at worst
                begin, left = loop.time(), one.time_left()
                if left > 0:
                    lasts = min(chance.uniform(0, 12), left)
                    writes.append((begin, begin + lasts, name))
                    await asyncio.sleep(lasts)
                await asyncio.sleep(0.1)

        return Contender(name, line, stop, asyncio.create_task(Leading(one, work).run(stop)))

    running = [contender(f"{n}") for n in range(3)]
    for restart in range(30):
        await asyncio.sleep(chance.uniform(1, 40))
        for one in running:
            one.line.down = chance.random() < 0.3  # each is cut off by itself
        if chance.random() < 0.3:
            one = running.pop(0)
            if chance.random() < 0.5:
                one.stop.set()  # a clean stop
            else:
                one.line.down = True  # a kill: nothing is released
                one.task.cancel()
            await asyncio.wait([one.task])
            over = loop.time()  # with the process its writes ended as well
            writes[:] = [
                (b, min(e, over) if name == one.name else e, name) for b, e, name in writes
            ]
            running.append(contender(f"{restart} again"))
    for one in running:
        one.task.cancel()
        await asyncio.wait([one.task])
    return writes
