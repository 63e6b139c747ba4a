"""What it looks like. After a wanted change: ``pytest tests/tui --snapshot-update``, and look."""

import pytest

from labgrader.model.result import Item, Outcome

SIZES = pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=["80x24", "160x48"])


@SIZES
def test_first_paint(snap_compare, app, playing, size):
    async def act(pilot):
        await playing(pilot).painted()

    assert snap_compare(app, terminal_size=size, run_before=act)


@SIZES
def test_failed_with_hint(snap_compare, app, playing, result, size):
    items = (
        Item("short names", Outcome.FAILED, 4, 0, reason="ta is missing"),
        Item("scope", Outcome.FAILED, 2, 0, reason="the scope is Cluster"),
    )
    failed = result(
        "crd_established",
        Outcome.FAILED,
        reason="ta is missing (and 1 more of 3 facts)",
        expected="ta, algo",
        actual="algo",
        fix="kubectl edit crd tradingalgorithms.fintech.io",
        earned=2.0,
        items=items,
    )
    blocked = result(
        "sample_resource", Outcome.BLOCKED, reason="Waits for crd_established, which did not pass"
    )

    async def act(pilot):
        p = playing(pilot)
        await p.painted()
        await p.press("j", "s")
        await p.results(result("namespace_active"), failed, blocked)
        await p.press("h")

    assert snap_compare(app, terminal_size=size, run_before=act)


@SIZES
def test_done_and_over_budget(snap_compare, app, playing, result, clock, lab, size):
    async def act(pilot):
        p = playing(pilot)
        await p.painted()
        await p.press("s", "j", "j", "tab")
        clock.seconds += 400
        await p.results(*(result(c.id) for c in lab.criteria()))

    assert snap_compare(app, terminal_size=size, run_before=act)


@SIZES
def test_explain(snap_compare, app, playing, size):
    async def act(pilot):
        p = playing(pilot)
        await p.painted()
        await p.press("j", "h", "e")

    assert snap_compare(app, terminal_size=size, run_before=act)


@SIZES
def test_help(snap_compare, app, playing, size):
    async def act(pilot):
        p = playing(pilot)
        await p.painted()
        await p.press("?")

    assert snap_compare(app, terminal_size=size, run_before=act)


def test_light_theme(snap_compare, app, playing):
    async def act(pilot):
        await playing(pilot).painted()
        app.theme = "labgrader-light"
        await playing(pilot).settle()

    assert snap_compare(app, terminal_size=(80, 24), run_before=act)
