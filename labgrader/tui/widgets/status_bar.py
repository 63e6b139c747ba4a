"""Three lines at the top: what is graded and how it stands, the time, and what happened last."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from labgrader.app import exams
from labgrader.learning.sessions import policy
from labgrader.learning.sessions.recorder import SessionRecorder
from labgrader.learning.sessions.state import SessionState
from labgrader.model.modes import Mode
from labgrader.model.task import Lab, Task
from labgrader.report.as_json import number
from labgrader.report.clean import one_line
from labgrader.report.pace import clock
from labgrader.tui import formatting
from labgrader.tui.painting import update_if_changed
from labgrader.tui.state import LabState, Mark, News
from labgrader.tui.widgets.timer import LabTimer, TaskTimer


class StatusBar(Vertical):
    """The head of the lab screen."""

    def __init__(self, state: LabState, session_recorder: SessionRecorder) -> None:
        super().__init__(id="status")
        self._lab = state.lab
        self._session_recorder = session_recorder

    def compose(self) -> ComposeResult:
        """Yield the lines from top to bottom."""
        with Horizontal():
            yield Static(self._lab.title, id="lab-title", markup=False)
            yield Static(id="cluster", markup=False)
            yield Static(id="score", markup=False)
        with Horizontal(id="time"):
            yield TaskTimer(self._session_recorder, self._lab)
            yield Static(id="done", markup=False)
            yield LabTimer(self._session_recorder, self._lab)
        yield Static(id="news", markup=False)
        yield Static(id="trouble", markup=False)

    def show(self, state: LabState, task: Task) -> None:
        """Show the lab's state and ``task``'s time."""
        record = self._session_recorder.record()
        done = not state.veiled and state.task_mark(task) is Mark.PASSED
        self.query_one(TaskTimer).show(task, done=done)
        self.query_one("#time").set_class(done, "-done")
        told = self._done(state, task) if done else Content("")
        if record.state == "ended":
            told = _ended(record, self._lab)
        update_if_changed(self.query_one("#done", Static), told)
        where = Content(one_line(record.context)) if state.veiled else _cluster(state)
        update_if_changed(self.query_one("#cluster", Static), where)
        now = Content("now " if record.state == "ended" else "")
        update_if_changed(self.query_one("#score", Static), now + _score(state))
        update_if_changed(self.query_one("#news", Static), _news(state))
        trouble = self.query_one("#trouble", Static)
        trouble.display = bool(self._session_recorder.trouble)
        update_if_changed(trouble, _trouble(self._session_recorder.trouble))

    def _done(self, state: LabState, task: Task) -> Content:
        """Say that a task is done, and what then."""
        whole = state.next_task(task) is None
        what = "all done" if whole else f"{task.id} done"
        score = formatting.points(state.score((state.lab if whole else task).criteria()))
        last = whole or self._session_recorder.record().runs_on
        return Content(f"✔ {what}: {score} points. {'Well done!' if last else 's goes on'}")


def _ended(record: SessionState, lab: Lab) -> Content:
    """Say how the session ended, and what can be done now."""
    if record.mode is Mode.EXAM:
        line = exams.result_line(record, lab)
        return Content(one_line(f"{line}. Now: g report, o solution, e explain"))
    return Content(f"session ended {clock(record.seconds)}. Now: g report, q quit")


def _cluster(state: LabState) -> Content:
    if state.cluster is None:
        return Content.styled("connecting…", formatting.MUTED)
    cluster = state.cluster
    version = cluster.server_version or "no answer yet"
    return Content(one_line(f"{cluster.context} · {version} · {cluster.nodes} nodes"))


def _score(state: LabState) -> Content:
    score = state.score(state.lab.criteria())
    if state.veiled:
        return Content.styled(formatting.reachable(score), "bold")
    bonus = f" +{number(score.bonus)} bonus" if score.bonus else ""
    withheld = f" ({number(score.withheld)} not judged)" if score.withheld else ""
    return Content.assemble((f"{formatting.points(score)} points", "bold"), bonus, withheld)


def _trouble(why: str) -> Content:
    told = ("✘ Your time is not kept: ", "bold $text-warning")
    return Content.assemble(told, formatting.foreign(why))


def _news(state: LabState) -> Content:
    if state.broken:
        return Content.assemble(
            ("✘ Grading stopped (r starts it again): ", "bold $text-error"),
            formatting.foreign(state.broken),
        )
    if state.lost is not None:
        since = f"✘ Connection lost, stale since {state.lost.since:%H:%M:%S}: "
        return Content.assemble((since, "bold $text-error"), formatting.foreign(state.lost.reason))
    if state.veiled:
        return Content.styled(policy.RESULTS, formatting.MUTED)
    if state.news.texts:
        return _change(state.news)
    return Content.styled("judging…" if state.grading else "watching the cluster", formatting.MUTED)


def _change(news: News) -> Content:
    """Say the effect first: on a narrow screen the end of the line is lost."""
    more = f" (and {len(news.texts) - 1} more)" if len(news.texts) > 1 else ""
    effects = f"{one_line(', '.join(news.effects))} ← " if news.effects else ""
    return Content.assemble((effects, "bold"), formatting.foreign(news.texts[0] + more))
