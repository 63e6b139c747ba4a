"""What it looks like. After a wanted change: ``pytest tests/tui --snapshot-update``, and look."""

import pytest

from labgrader.model.result import Item, Outcome
from labgrader.tui.app import LabApp
from looks import LOOKS


@pytest.fixture(autouse=True)
def _state(tmp_path, monkeypatch):
    monkeypatch.setenv("LABGRADER_STATE_DIR", str(tmp_path / "state"))


@LOOKS
def test_welcome(snap_compare, launch, playing, size, theme):
    app = LabApp(launch)
    app.theme = theme

    async def act(pilot):
        p = playing(pilot)
        for _ in range(500):
            await p.settle()
            if "ready" in p.text("#welcome-cluster"):
                return
        pytest.fail("The cluster never came")

    assert snap_compare(app, terminal_size=size, run_before=act)


@pytest.fixture
def looks(snap_compare, app, playing, size, theme):
    """Return what compares the screen after some keys with its picture."""

    def compare(*keys, before=None):
        app.theme = theme

        async def act(pilot):
            p = playing(pilot)
            await p.painted()
            if before is not None:
                await before(p)
            await p.press(*keys)

        return snap_compare(app, terminal_size=size, run_before=act)

    return compare


@LOOKS
def test_first_paint(looks):
    assert looks()


@LOOKS
def test_failed_with_hint(looks, result):
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

    async def judge(p):
        await p.press("j", "s")
        await p.results(result("namespace_active"), failed, blocked)

    assert looks("d", "d", "h", before=judge)


@LOOKS
def test_done_and_over_budget(looks, result, clock, journal, lab):
    async def judge(p):
        await p.press("s", "j", "j", "tab")
        for _ in range(80):
            clock.seconds += 5
            journal.note("alive")
        await p.results(*(result(c.id) for c in lab.criteria()))

    assert looks(before=judge)


@LOOKS
def test_gaps(looks):
    assert looks("v")


@LOOKS
def test_explain(looks):
    assert looks("j", "h", "e")


@LOOKS
def test_help(looks):
    assert looks("?")


@LOOKS
def test_tour(looks):
    assert looks("t")


@LOOKS
def test_timeline(looks, result):
    async def change(p):
        await p.results(result("namespace_active", Outcome.FAILED))
        await p.change("Namespace trading-platform created")
        await p.results(result("namespace_active"))

    assert looks("l", before=change)


@LOOKS
def test_sure(looks):
    assert looks("f")


@LOOKS
def test_report(looks, result, lab):
    async def judge(p):
        await p.press("s")
        await p.results(*(result(c.id) for c in lab.criteria()))

    assert looks("g", before=judge)
