"""What it looks like. After a wanted change: ``pytest tests/tui --snapshot-update``, and look."""

from dataclasses import replace

import pytest

from labgrader.model.modes import Mode
from labgrader.model.result import Item, Outcome
from labgrader.tui.app import LabApp
from tests.support.snapshot_matrix import LOOKS
from tests.tui.conftest import StraightIn


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
def test_done_and_over_budget(looks, result, clock, session_recorder, lab):
    async def judge(p):
        await p.press("s", "j", "j", "tab")
        for _ in range(80):
            clock.seconds += 5
            session_recorder.note("alive")
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


@pytest.fixture
def exam_looks(snap_compare, launch, exam, playing, size, theme):
    """Return what compares the screen of an exam after some keys with its picture."""

    def compare(*keys, until=lambda p: True):
        app = StraightIn(launch, exam)
        app.theme = theme

        async def act(pilot):
            p = playing(pilot)
            await p.painted()
            await p.press(*keys)
            for _ in range(500):
                if until(p):
                    return
                await p.settle()
            pytest.fail("It never came")

        return snap_compare(app, terminal_size=size, run_before=act)

    return compare


@LOOKS
def test_exam(exam_looks):
    assert exam_looks()


@LOOKS
def test_exam_help(exam_looks):
    assert exam_looks("?")


@LOOKS
def test_exam_ended(exam_looks, workbench, result):
    workbench.answers = [result("namespace_active"), result("crd_established", Outcome.FAILED)]

    def ended(p):
        done = "exam ended" in p.text("#done") and p.workbench.lives
        return done and p.app.screen.query("FooterKey")  # the last that is painted

    assert exam_looks("f", "y", until=ended)


@LOOKS
def test_terms(snap_compare, launch, workbench, playing, size, theme):
    workbench.leftovers = ["Namespace trading-platform"]
    app = LabApp(replace(launch, mode=Mode.EXAM))
    app.theme = theme

    async def act(pilot):
        p = playing(pilot)
        for _ in range(500):
            await p.settle()
            if "ready" in p.text("#welcome-cluster"):
                break
        await p.press("enter")
        for _ in range(500):
            await p.settle()
            if p.app.screen.query("#ground") and "fresh" in p.text("#ground"):
                return
        pytest.fail("The terms never came")

    assert snap_compare(app, terminal_size=size, run_before=act)
