"""The drills window: what can begin here, consent, hints, and the live way back to a whole lab."""

import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from labgrader.content import catalog
from labgrader.errors import Cause, LabError, Unreachable
from labgrader.grading import scoring
from labgrader.learning import drill_runs
from labgrader.learning.drills import load_drills
from labgrader.model.result import ClusterInfo, Outcome
from labgrader.paths import content_root
from labgrader.tui.drill_progress import DrillBook, Stage
from labgrader.tui.screens.drills import DrillsScreen
from labgrader.tui.screens.help import HelpScreen
from labgrader.tui.screens.lab import LabScreen
from labgrader.tui.state import LabState, LinkLost
from tests.support.snapshot_matrix import LOOKS

CATALOG = catalog.load(content_root())
DRILLS = load_drills(content_root())
DRILL = DRILLS[0]
SIMULATED = ClusterInfo("embedded", "labgrader-default", "v1.37.2", "simulated")
HOSTILE = "[bold red]x[/] \x1b[31mz \u202eabc"


def judged(outcome=Outcome.PASSED, **changes):
    """Return results of every check that any drill is caught by."""
    names = {name for drill in DRILLS for name in drill.caught_by}
    return {
        name: replace(scoring.pending(CATALOG.criterion(name), outcome), **changes)
        for name in names
    }


@dataclass
class Lab:
    """A workbench whose checks say what a test gives them, and the live state beside it."""

    catalog: object = CATALOG
    agreed: bool = True
    state: LabState = field(
        default_factory=lambda: LabState(CATALOG.lab, results=judged(), cluster=SIMULATED)
    )
    now: dict = field(default_factory=judged)
    broken: list = field(default_factory=list)
    cluster: object = field(
        default_factory=lambda: SimpleNamespace(connection=SimpleNamespace(context="[b]work[/b]"))
    )

    def results(self, names):
        assert threading.current_thread() is not threading.main_thread()
        return tuple(self.now[name] for name in names)

    def live(self, **changes):
        """The live grading says something new."""
        self.state = replace(self.state, **changes)


@pytest.fixture
def lab(monkeypatch):
    made = Lab()

    def apply(cluster, changes, place):
        made.broken.append(place)
        made.now = {**made.now, **{name: failed(name) for name in DRILL.caught_by}}

    monkeypatch.setattr(drill_runs.mutations, "apply", apply)
    return made


def failed(name, reason="the port is wrong"):
    pending = scoring.pending(CATALOG.criterion(name), Outcome.FAILED)
    return replace(pending, reason=reason)


async def until(p, holds):
    """Wait until something holds on the screen."""
    for _ in range(500):
        await p.settle()
        await p.app.screen._look()
        if holds(p.text("#drill-news")):
            return p.screen()
    pytest.fail(f"It never came:\n{p.screen()}")


def says(part):
    return lambda news: part in news


async def opened(p, lab, all_sessions=None):
    await p.app.push_screen(DrillsScreen(lab, lambda: lab.state, all_sessions))
    await p.settle()


async def test_the_whole_way_from_a_whole_lab_through_hints_to_the_lesson(play, lab):
    async with play((140, 50)) as p:
        await opened(p, lab)
        assert f"· {DRILL.title}" in p.screen()
        await until(p, says("· can begin"))
        await p.press("s")
        await until(p, says("✘ not healthy yet"))
        assert lab.broken == [f"drill {DRILL.name}"]
        assert "Lesson" not in p.screen(), "what the live grading says is from before"
        lab.live(results=lab.now)
        await until(p, says(DRILL.caught_by[0]))
        assert "the port is wrong" not in p.text("#drill-news")
        await p.press("h")
        await until(p, says("the port is wrong"))
        page = p.app.screen.query_one("#drill-page").source
        assert DRILL.hints[0] in page
        assert DRILL.hints[1] not in page
        lab.live(results=judged())
        await until(p, says("✔ healthy again"))
        page = p.app.screen.query_one("#drill-page").source
        assert DRILL.lesson.strip() in page
        await p.press("l")
        assert p.app.clipboard == DRILL.docs[0]
        await p.press("escape")
        assert isinstance(p.app.screen, LabScreen)


async def test_old_good_news_is_no_healing(play, lab):
    async with play((140, 50)) as p:
        all_sessions = DrillBook()
        await opened(p, lab, all_sessions)
        await p.press("s")
        await until(p, says("✘ not healthy yet"))
        for _ in range(500):
            await p.settle()
            if all_sessions._page(DRILL).seen:
                break
        assert all_sessions._page(DRILL).seen
        await until(p, says("✘ not healthy yet"))
        lab.live(results=judged())
        await until(p, says("✔ healthy again"))


async def test_a_window_that_is_opened_again_remembers(play, lab):
    all_sessions = DrillBook()
    async with play((140, 50)) as p:
        await opened(p, lab, all_sessions)
        await p.press("s")
        await until(p, says("✘ not healthy yet"))
        await p.press("h", "escape")
        lab.live(results=lab.now)
        await opened(p, lab, all_sessions)
        await until(p, says("the port is wrong"))
        assert DRILL.hints[0] in p.app.screen.query_one("#drill-page").source


async def test_a_lab_that_is_not_solved_is_not_broken_further(play, lab):
    name = DRILL.caught_by[0]
    lab.now[name] = failed(name, reason=HOSTILE)
    async with play((140, 50)) as p:
        await opened(p, lab)
        await p.press("s")
        screen = await until(p, says("The lab is not ready for this drill"))
        assert "[bold red]x[/]" in screen
        assert "\x1b" not in screen
        assert lab.broken == []
        lab.live(results=lab.now)
        await until(p, says("– not before its checks pass"))


async def test_somebody_else_s_cluster_is_broken_after_a_yes_only(play, lab):
    lab.agreed = False
    async with play((140, 50)) as p:
        await opened(p, lab)
        await p.press("y")
        await p.settle()
        assert lab.broken == []
        await p.press("s")
        await until(p, says("did not start the cluster of context [b]work[/b]"))
        assert lab.broken == []
        await p.press("y")
        await until(p, says("✘ not healthy yet"))
        assert lab.broken == [f"drill {DRILL.name}"]


async def test_what_the_cluster_refuses_is_a_line(play, lab, monkeypatch):
    def refuse(cluster, changes, place):
        raise LabError(f"the API server says {HOSTILE}")

    monkeypatch.setattr(drill_runs.mutations, "apply", refuse)
    async with play((140, 50)) as p:
        await opened(p, lab)
        await p.press("s")
        await until(p, says("This drill does not fit what you have made"))
        await until(p, says("· can begin"))
        await p.press("j")
        await until(p, lambda news: "does not fit" not in news)


async def test_a_cluster_that_goes_away_is_a_line_and_what_is_shown_is_stale(play, lab):
    def gone(names):
        raise Unreachable("the cable is out")

    async with play((140, 50)) as p:
        await opened(p, lab)
        lab.results = gone
        await p.press("s")
        await until(p, says("✘ the cable is out"))
        lab.live(lost=LinkLost("no answer", datetime(2026, 1, 1, tzinfo=UTC)))
        await until(p, says("Connection lost, stale: no answer"))
        lab.live(broken="it stopped")
        await until(p, says("Grading stopped, stale: it stopped"))


async def test_a_lab_without_drills_says_so(play, lab, tmp_path):
    lab.catalog = replace(CATALOG, lab=replace(CATALOG.lab, root=tmp_path))
    async with play() as p:
        await opened(p, lab)
        await until(p, says("This lab has no drills"))
        await p.press("s", "h", "l", "y", "j", "escape")
        assert isinstance(p.app.screen, LabScreen)


async def test_hints_end(play, lab):
    async with play((140, 50)) as p:
        await opened(p, lab)
        await p.press(*"h" * (len(DRILL.hints) + 1))
        assert "There is no other hint" in p.toasts()


async def test_the_keys_are_explained(play, lab):
    async with play((120, 50)) as p:
        await opened(p, lab)
        await p.press("?")
        assert isinstance(p.app.screen, HelpScreen)
        for binding in DrillsScreen.BINDINGS:
            assert binding.tooltip in p.screen()


def test_what_only_real_nodes_show_is_said():
    drill = replace(DRILL, containers=True)
    criteria = CATALOG.select(drill.caught_by)
    state = LabState(CATALOG.lab, results=judged(), cluster=SIMULATED)
    all_sessions = DrillBook()
    assert all_sessions.stage(drill, state, criteria, CATALOG.checks)[0] is Stage.NOT_HERE
    real = replace(state, cluster=replace(SIMULATED, nodes="real"))
    assert all_sessions.stage(drill, real, criteria, CATALOG.checks)[0] is Stage.READY
    nothing = replace(real, results={})
    assert all_sessions.stage(drill, nothing, criteria, CATALOG.checks)[0] is Stage.UNKNOWN


def test_what_cannot_be_judged_is_not_healthy():
    all_sessions = DrillBook()
    all_sessions.begin(DRILL, begun=True)
    criteria = CATALOG.select(DRILL.caught_by)
    results = judged(Outcome.ERROR, cause=Cause.UNREACHABLE)
    state = LabState(CATALOG.lab, results=results, cluster=SIMULATED)
    stage, health = all_sessions.stage(DRILL, state, criteria, CATALOG.checks)
    assert stage is Stage.BROKEN
    assert health.unsure


@LOOKS
def test_the_list_looks_like_this(snap_compare, app, playing, lab, size, theme):
    app.theme = theme

    async def act(pilot):
        p = playing(pilot)
        await p.painted()
        await opened(p, lab)
        await until(p, says("· can begin"))

    assert snap_compare(app, terminal_size=size, run_before=act)


@LOOKS
def test_a_drill_under_way_looks_like_this(snap_compare, app, playing, lab, size, theme):
    app.theme = theme

    async def act(pilot):
        p = playing(pilot)
        await p.painted()
        await opened(p, lab)
        await p.press("s")
        await until(p, says("✘ not healthy yet"))
        lab.live(results=lab.now)
        await p.press("h")
        await until(p, says("the port is wrong"))

    assert snap_compare(app, terminal_size=size, run_before=act)


@LOOKS
def test_a_drill_that_is_over_looks_like_this(snap_compare, app, playing, lab, size, theme):
    app.theme = theme

    async def act(pilot):
        p = playing(pilot)
        await p.painted()
        await opened(p, lab)
        await p.press("s")
        await until(p, says("✘ not healthy yet"))
        lab.live(results=lab.now)
        await until(p, says(DRILL.caught_by[0]))
        lab.live(results=judged())
        await until(p, says("✔ healthy again"))

    assert snap_compare(app, terminal_size=size, run_before=act)
