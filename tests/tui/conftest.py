"""A workbench in memory: the lab's real content, and a grading that says what a test gives it."""

from __future__ import annotations

import asyncio
import queue
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labgrader.app import exams
from labgrader.app.workbench import Choice
from labgrader.clusters.target import Target
from labgrader.content import catalog
from labgrader.errors import ContentError
from labgrader.grading import scoring
from labgrader.grading.change_feed import Change
from labgrader.grading.events import CheckFinished, CheckStarted, RunFinished, RunStarted
from labgrader.grading.snapshot import ReadKey
from labgrader.kube.resources import NAMESPACE
from labgrader.learning.sessions.clock import Moment
from labgrader.learning.sessions.recorder import SessionRecorder
from labgrader.learning.sessions.sessions import Sessions
from labgrader.learning.sessions.store import Store
from labgrader.model.modes import Mode, Terms
from labgrader.model.result import ClusterInfo, Outcome, Report, TaskResult
from labgrader.tui.app import LabApp
from labgrader.tui.launch import Launch
from labgrader.tui.screens import lab as lab_screen

NOON = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
CLUSTER = ClusterInfo("embedded", "labgrader-default", "v1.37.2", "simulated")
CATALOG = catalog.load(Path(__file__).parent.parent / "data" / "tui_lab")
_END = object()


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> Moment:
        return Moment(NOON + timedelta(seconds=self.seconds), "this start", self.seconds)


class FakeLive:
    """Says what ``say`` is given, from the thread in which ``run`` runs, as the real one does."""

    def __init__(self, listener, on_link, on_change) -> None:
        self.listener, self.on_link, self.on_change = listener, on_link, on_change
        self.closed = threading.Event()
        self.refreshed = 0
        self._told = queue.SimpleQueue()

    def run(self) -> None:
        self.thread = threading.current_thread()
        while (call := self._told.get()) is not _END:
            call()

    def close(self) -> None:
        self.closed.set()
        self._told.put(_END)

    def refresh(self) -> None:
        self.refreshed += 1

    def say(self, *calls) -> None:
        """Make the thread do ``calls``, and wait until it has (an error there ends it)."""
        done = threading.Event()
        for call in calls:
            self._told.put(call)
        self._told.put(done.set)
        assert done.wait(10)

    def fail(self, error: BaseException) -> None:
        """Make ``run`` raise, and wait for its thread's end."""

        def raise_it() -> None:
            raise error

        self._told.put(raise_it)
        self.thread.join(10)
        assert not self.thread.is_alive()


@dataclass(frozen=True)
class FakeConnection:
    host: str = "https://127.0.0.1:6443"
    context: str = CLUSTER.context


class FakeKube:
    """A cluster that answers what the welcome asks; ``error`` makes it answer nothing."""

    error: Exception | None = None
    connection = FakeConnection()

    def version(self):
        if self.error:
            raise self.error
        return CLUSTER.server_version

    def document(self, path, kind):
        return None


@dataclass
class FakeWorkbench:
    """What the TUI uses of ``Workbench``."""

    target: Target = field(
        default_factory=lambda: Target("embedded", Path("/state/clusters/default/kubeconfig"), None)
    )
    catalog: catalog.Catalog = CATALOG
    lives: list[FakeLive] = field(default_factory=list)
    cluster: FakeKube = field(default_factory=FakeKube)
    choice: Choice = Choice()
    answers: list = field(default_factory=list)
    leftovers: list = field(default_factory=list)
    prepared: int = 0
    agreed: bool = False
    place: str = "the cluster of these tests"

    def with_lab(self, lab):
        """Open another lab, of which only the title is another; a broken one is refused."""
        if lab == "broken":
            raise ContentError("The lab broken is broken")
        ids = {"operator-pipeline": CATALOG.lab.title, "other": "Another lab"}
        other = replace(CATALOG, lab=replace(CATALOG.lab, id=lab, title=ids[lab]))
        return replace(self, catalog=other)

    def grade(self, criteria, listener):
        """Judge once, as at the end of an exam."""
        ids = {criterion.id for criterion in criteria}
        return make_report([result for result in self.answers if result.id in ids])

    def make_fresh(self) -> None:
        self.prepared += 1
        self.leftovers = []

    @property
    def connection(self):
        return self.cluster.connection

    def info(self, snapshot):
        return CLUSTER

    def capabilities(self, snapshot):
        return frozenset({"writes"})

    def live(self, criteria, listener, *, on_link, on_change) -> FakeLive:
        self.criteria = criteria
        self.lives.append(FakeLive(listener, on_link, on_change))
        return self.lives[-1]


class StraightIn(LabApp):
    """Opens the lab at once, with the session that a test made."""

    def __init__(self, launch: Launch, session_recorder: SessionRecorder) -> None:
        super().__init__(launch)
        self.session_recorder = session_recorder

    def get_default_screen(self):
        return self.lab_screen(self._launch.workbench, self.session_recorder, self._launch.level)


class Play:
    """Runs an app with Pilot and lets its grading say things."""

    def __init__(self, pilot, workbench: FakeWorkbench) -> None:
        self.pilot, self.workbench = pilot, workbench

    @property
    def app(self) -> LabApp:
        return self.pilot.app

    @property
    def live(self) -> FakeLive:
        return self.workbench.lives[-1]

    async def settle(self) -> None:
        """Wait until what was said and pressed so far is on the screen.

        What another thread posts is put into the queues in the loop's next round only.
        """
        await asyncio.sleep(0)
        await self.pilot.pause()
        await self.pilot.pause()

    async def painted(self) -> None:
        """Wait until the footer has its keys: Textual paints them last, after the first refresh."""
        for _ in range(500):
            await self.settle()
            if self.app.screen.query("FooterKey"):
                return
        pytest.fail("The footer never came")

    async def results(self, *results) -> None:
        """Judge: the given results, one run."""
        live = self.live
        calls = [lambda: live.listener(RunStarted(tuple(r.id for r in results)))]
        for result in results:
            calls.append(lambda r=result: live.listener(CheckStarted(r.id)))
            calls.append(lambda r=result: live.listener(CheckFinished(r)))
        calls.append(lambda: live.listener(RunFinished(make_report(results))))
        live.say(*calls)
        await self.settle()

    async def change(self, text: str) -> None:
        live = self.live
        live.say(lambda: live.on_change(Change(ReadKey(NAMESPACE), text)))
        await self.settle()

    async def link(self, error) -> None:
        live = self.live
        live.say(lambda: live.on_link(error))
        await self.settle()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    def text(self, selector: str) -> str:
        """Return what a Static shows, as plain text."""
        return str(self.app.screen.query_one(selector).content)

    def checks(self) -> str:
        """Return everything that the check panel shows."""
        return "\n".join(card.plain for card in self.app.screen.query("CheckCard"))

    def screen(self) -> str:
        """Return the painted screen as text: what a learner sees."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text for strip in strips)

    def toasts(self) -> list[str]:
        return [note.message for note in self.app._notifications]


def make_result(criterion_id: str, outcome: Outcome = Outcome.PASSED, **changes):
    """Return a result for one of the lab's real criteria."""
    criterion = CATALOG.criterion(criterion_id)
    earned = float(criterion.points) if outcome is Outcome.PASSED else 0.0
    return replace(scoring.pending(criterion, outcome), **{"earned": earned, **changes})


def make_report(results) -> Report:
    tasks = []
    for task in CATALOG.lab.tasks:
        ids = {criterion.id for criterion in task.criteria()}
        mine = tuple(r for r in results if r.id in ids)
        if mine:
            tasks.append(TaskResult(task.id, task.title, task.budget_seconds, mine))
    return Report(CATALOG.lab.id, CLUSTER, NOON, 12, 9, tuple(tasks))


@pytest.fixture(autouse=True)
def at_once(monkeypatch) -> None:
    """Paint without the rests that spare a person's eyes and machine."""
    monkeypatch.setattr(lab_screen, "FRAME_SECONDS", 0.0)
    monkeypatch.setattr(lab_screen, "PASSING_SECONDS", 0.0)
    monkeypatch.setattr(LabApp, "NOTIFICATION_TIMEOUT", 600.0)  # a busy machine is not to end them
    monkeypatch.setattr(exams, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr("labgrader.tui.screens.welcome.installed_ids", list)
    monkeypatch.setattr(exams, "leftovers", lambda workbench: workbench.leftovers)
    monkeypatch.setattr(exams, "prepare", lambda workbench, terms, say: workbench.make_fresh())


@pytest.fixture
def workbench() -> FakeWorkbench:
    return FakeWorkbench()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def result():
    """Return the maker of results for the lab's real criteria."""
    return make_result


@pytest.fixture
def report():
    """Return the maker of reports from results."""
    return make_report


@pytest.fixture
def lab():
    return CATALOG.lab


@pytest.fixture
def playing(workbench):
    """Return what makes a ``Play`` of a pilot (for snapshot tests)."""
    return lambda pilot: Play(pilot, workbench)


@pytest.fixture
def all_sessions(tmp_path, clock) -> Sessions:
    return Sessions(Store(tmp_path / "sessions"), clock)


@pytest.fixture
def session_recorder(all_sessions) -> SessionRecorder:
    """A practice that waits for the learner to start its clock."""
    all_sessions.start("test", CATALOG.lab.id, CLUSTER.context)
    session_recorder = SessionRecorder(all_sessions, "test")
    session_recorder.pause()
    return session_recorder


@pytest.fixture
def exam(all_sessions) -> SessionRecorder:
    """An exam whose clock runs; it has two minutes of breaks."""
    all_sessions.start("exam", CATALOG.lab.id, CLUSTER.context, Mode.EXAM, 1.0, Terms(breaks=2))
    session_recorder = SessionRecorder(all_sessions, "exam")
    session_recorder.work_on("task1")
    return session_recorder


@pytest.fixture
def timed(all_sessions) -> SessionRecorder:
    """A timed session whose clock runs."""
    all_sessions.start("timed", CATALOG.lab.id, CLUSTER.context, Mode.TIMED)
    session_recorder = SessionRecorder(all_sessions, "timed")
    session_recorder.work_on("task1")
    return session_recorder


@pytest.fixture
def launch(workbench, all_sessions) -> Launch:
    return Launch(workbench, lambda: all_sessions, now=lambda: NOON)


@pytest.fixture
def app(launch, session_recorder) -> LabApp:
    return StraightIn(launch, session_recorder)


@pytest.fixture
def play(request, workbench):
    """Return a context manager: ``async with play(size) as p``; ``other`` plays another app."""

    @asynccontextmanager
    async def start(size=(80, 24), other=None):
        app = other or request.getfixturevalue("app")
        async with app.run_test(size=size) as pilot:
            player = Play(pilot, workbench)
            await player.painted()
            yield player

    return start
