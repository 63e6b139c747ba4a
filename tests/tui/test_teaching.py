"""Levels, predictions, failures that open, the timeline, files, and time."""

from labgrader.errors import Unreachable
from labgrader.model.result import Evidence, Outcome
from labgrader.tui.screens.confirm import ConfirmScreen
from labgrader.tui.screens.lab import LabScreen
from labgrader.tui.screens.predict import PredictScreen
from labgrader.tui.screens.report import ReportScreen
from labgrader.tui.screens.timeline import TimelineScreen
from labgrader.tui.widgets.findings import difference
from tests.tui.conftest import StraightIn


async def test_v_shows_less_and_less(play, lab):
    async with play((160, 48)) as p:
        assert "kubectl create namespace trading-platform" in p.screen()
        await p.press("v")
        assert "Fill the gaps: 10-namespace.yaml" in p.screen()
        assert "name: _____" in p.screen()
        assert "kubectl create namespace" not in p.screen()
        await p.press("v")
        assert "requirements only" in p.screen()
        assert "_____" not in p.screen()
        await p.press("v")
        assert "kubectl create namespace trading-platform" in p.screen()


async def test_a_failure_opens_step_by_step_and_folds_again(play, result):
    failed = result(
        "namespace_active",
        Outcome.FAILED,
        reason="It is on its way out",
        expected="phase Active",
        actual="phase Terminating",
        fix="wait, then create it again",
        evidence=(Evidence("Namespace trading-platform", "status.phase", "Terminating"),),
    )
    async with play((160, 48)) as p:
        await p.results(failed)
        shown = [p.checks()]
        for _ in range(3):
            await p.press("d")
            shown.append(p.checks())
        parts = ("It is on its way out", "phase Terminating", "wait, then", "status.phase")
        assert [[part in text for part in parts] for text in shown] == [
            [True, False, False, False],
            [True, True, False, False],
            [True, True, True, True],
            [True, False, False, False],
        ]


def test_words_that_differ_are_underlined():
    marked = difference("short names ta, algo", "short names ta")
    (span,) = [span for span in marked.spans if "underline" in str(span.style)]
    assert marked.plain[span.start : span.end] == ", algo"
    assert not difference("same", "same").spans
    assert not difference("altogether", "different").spans


async def test_a_prediction_comes_before_the_lesson(play, lab):
    erratum = next(e for e in lab.tasks[0].steps[2].errata)
    async with play((160, 48)) as p:
        await p.press("j", "j")
        assert erratum.id in p.text("#errata")
        assert "Lesson" not in p.text("#errata")
        await p.press("p")
        if isinstance(p.app.screen, PredictScreen):
            await p.press("escape")
        assert "Lesson" in p.text("#errata")
        await p.press("p")
        assert p.toasts() == ["There is nothing to predict in this step (any more)"]


async def test_the_timeline_tells_what_changed_and_what_came_of_it(play, result):
    async with play() as p:
        await p.press("l")
        assert "Nothing has changed" in p.text("#changes")
        await p.press("escape")
        await p.results(result("namespace_active", Outcome.FAILED))
        await p.change("Namespace trading-platform created")
        await p.results(result("namespace_active"))
        await p.change("ConfigMap x [b]changed[/b]")
        await p.press("l")
        assert isinstance(p.app.screen, TimelineScreen)
        newest, first = p.text("#changes").splitlines()
        assert newest == "12:00:00 ConfigMap x [b]changed[/b]"
        assert first == "12:00:00 Namespace trading-platform created → namespace_active passed"


async def test_a_snippet_is_written_and_never_over_somebodys_work(play, lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with play() as p:
        await p.press("w", "w")
        (path,) = tmp_path.rglob("*.sh")
        assert path.parent.name == lab.id
        path.write_text("my own\n")
        await p.press("w")
    assert {f.name for f in tmp_path.rglob("*.sh")} == {path.name, f"{path.stem}-2.sh"}
    assert path.read_text() == "my own\n"


async def test_a_folder_that_cannot_be_written_is_said(play, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "operator-pipeline").write_text("a file, not a folder")
    async with play() as p:
        await p.press("w")
        assert "cannot be written" in p.toasts()[0]


async def test_the_report_is_shown_and_saved(play, result, lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with play((120, 40)) as p:
        await p.press("s")
        await p.results(*(result(criterion.id) for criterion in lab.criteria()))
        await p.press("g")
        assert isinstance(p.app.screen, ReportScreen)
        assert "20 of 20 points" in p.app.screen.query_one("#page").source
        assert "task1" in p.text("#times")
        await p.press("s")
        assert {path.name for path in tmp_path.glob("report-*")} == {
            "report-test.html",
            "report-test.md",
        }
    assert "20 of 20 points" in (tmp_path / "report-test.html").read_text()


async def test_ending_a_session_asks_first(play, all_sessions):
    async with play() as p:
        await p.press("f")
        assert isinstance(p.app.screen, ConfirmScreen)
        await p.press("n")
        assert isinstance(p.app.screen, LabScreen)
        assert all_sessions.record("test").state == "paused"
        await p.press("f", "y")
        assert isinstance(p.app.screen, ReportScreen)
    assert all_sessions.record("test").state == "ended"


async def test_what_is_shown_as_passed_is_on_the_disk(play, result, all_sessions):
    async with play() as p:
        await p.press("s")
        await p.results(result("namespace_active"))
        assert "✔ passed" in p.checks()
        assert "namespace_active" in all_sessions.record("test").first_passed


async def test_time_that_is_over_is_said_kept_and_takes_nothing_away(
    play, launch, timed, result, clock, all_sessions
):
    async with play((120, 40), other=StraightIn(launch, timed)) as p:
        clock.seconds += 361
        p.app.screen.query_one("TaskTimer").tick()
        p.app.screen.query_one("LabTimer").tick()
        await p.settle()
        assert "The time for task1 is over; no points are lost by it" in p.toasts()
        assert "time over by 00:01" in p.text("#whole")
        await p.results(result("namespace_active"))
        assert "✔ passed" in p.checks()
    assert set(all_sessions.record("timed").over) == {"task1", "lab"}
    assert all_sessions.record("timed").state == "running"


async def test_an_outage_is_credited(play, clock, all_sessions):
    async with play() as p:
        await p.press("s")
        clock.seconds += 10
        await p.link(Unreachable("refused"))
        clock.seconds += 14
        p.app.screen.query_one("TaskTimer").tick()
        assert "credited: no cluster" in p.text("#timer")
        await p.link(None)
        clock.seconds += 3
        record = all_sessions.record("test")
    assert (record.seconds, record.credited) == (13, 14)
