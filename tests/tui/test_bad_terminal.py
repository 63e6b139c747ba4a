"""Terminals, homes and clusters that are odd: the lab goes on, or says in a line what is wrong."""

from __future__ import annotations

import os
import sys

import pytest

from labgrader.learning.sessions.sessions import Sessions
from labgrader.learning.sessions.store import Store
from labgrader.model.result import Evidence, Item, Outcome
from tests.support.serving import kubeconfig_of_nothing
from tests.support.terminals import Terminal

MEGABYTE = "🦆[b]x[/b]\x1b[31m\u202e " * 60_000
CHANGES = 5_000


def start(tmp_path, *options):
    """Return the command that opens the lab, whose cluster does not answer."""
    nothing = kubeconfig_of_nothing(tmp_path)
    command = [sys.executable, "-m", "labgrader", "start", "--kubeconfig", str(nothing)]
    return [*command, "--at-once", *options]


@pytest.fixture
def env(tmp_path):
    return {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "LABGRADER_STATE_DIR": str(tmp_path / "state"),
    }


@pytest.mark.parametrize("term", ["xterm", "vt100", "dumb"])
def test_a_terminal_without_colour(tmp_path, env, term):
    with Terminal(start(tmp_path), {**env, "TERM": term, "NO_COLOR": "1"}) as terminal:
        terminal.until("Tasks")
        terminal.type("q", end="")
        assert terminal.ended() == 0


def test_a_terminal_that_closes_in_the_middle_ends_the_lab_and_keeps_the_session(tmp_path, env):
    terminal = Terminal(start(tmp_path), env)
    with terminal:
        terminal.until("Tasks")
        terminal.type("s", end="")
        terminal.until("running|credited")
    assert terminal.process.poll() is not None
    (record,) = Sessions(Store(tmp_path / "state" / "sessions.sqlite3")).records()
    assert record.state in ("running", "paused")


@pytest.mark.parametrize("place", ["/proc/nowhere", "/dev/null/state"])
def test_a_state_folder_that_cannot_be(tmp_path, env, place):
    with Terminal(start(tmp_path), {**env, "LABGRADER_STATE_DIR": place}) as terminal:
        terminal.until("Your time is not kept: The state folder")
        terminal.type("s", end="")
        terminal.until("running|credited")
        terminal.type("q", end="")
        assert terminal.ended() == 0


def test_without_a_home(tmp_path, env):
    without = {name: value for name, value in env.items() if name != "HOME"}
    with Terminal(start(tmp_path), without) as terminal:
        terminal.until("Tasks")
        terminal.type("q", end="")
        assert terminal.ended() == 0


@pytest.mark.parametrize("size", [(40, 12), (20, 6), (10, 3)])
async def test_a_tiny_terminal_shows_what_fits(play, result, size):
    async with play(size) as p:
        await p.results(result("namespace_active", Outcome.FAILED, reason="not there"))
        for key in "?", "e", "g", "l", "t", "m", "u", "x", "o", "f":
            await p.press(key, "escape")
        assert p.app.is_running


async def test_a_megabyte_from_the_cluster_is_cut(play, result):
    hostile = result(
        "namespace_active",
        Outcome.FAILED,
        reason=MEGABYTE,
        expected=MEGABYTE,
        actual=MEGABYTE[:-5],
        fix=MEGABYTE,
        items=tuple(Item(MEGABYTE, Outcome.FAILED, 1, 0, reason=MEGABYTE) for _ in range(3)),
        evidence=(Evidence(MEGABYTE, MEGABYTE, MEGABYTE),),
    )
    async with play((120, 40)) as p:
        await p.results(hostile)
        await p.press("d", "d")
        await p.change(MEGABYTE)
        await p.press("l")
        assert len(p.text("#changes")) < 1_000
        await p.press("escape")
        assert len(p.checks()) < 20_000
        assert "\x1b" not in p.screen()


async def test_thousands_of_changes_at_once(play):
    async with play() as p:
        live = p.live
        live.say(*[lambda n=n: p.live.on_change(made(n)) for n in range(CHANGES)])
        await p.settle()
        assert f"and {CHANGES - 1} more" in p.text("#news")
        await p.press("l")
        assert p.app.is_running


def made(number):
    """Return a change of one of many objects."""
    from labgrader.grading.change_feed import Change
    from labgrader.grading.snapshot import ReadKey
    from labgrader.kube.resources import NAMESPACE

    return Change(ReadKey(NAMESPACE), f"ConfigMap filler-{number} created")
