"""An exam on the screen: nothing is judged before the end, and what its end shows (ADR 23)."""

import importlib
import inspect
import pkgutil

import pytest
from textual.binding import Binding
from textual.screen import Screen

import labgrader.tui
from labgrader.errors import Unreachable
from labgrader.learning.sessions import policy
from labgrader.model.modes import Mode
from labgrader.model.result import Outcome
from labgrader.tui.bindings import bindings_of
from labgrader.tui.screens.base import LabBase
from labgrader.tui.screens.breaks import BreakScreen
from labgrader.tui.screens.confirm import ConfirmScreen
from labgrader.tui.screens.lab import LabScreen
from tests.tui.conftest import StraightIn
from tests.tui.test_welcome import until

JUDGED = ("✔", "✘", "◌", "passed", "failed", "not judged", "0/20")


@pytest.fixture(autouse=True)
def _state(tmp_path, monkeypatch):
    monkeypatch.setenv("LABGRADER_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def exam_app(launch, exam):
    return StraightIn(launch, exam)


def pass_time(clock, session_recorder, seconds: int) -> None:
    """Let the time pass with the heart beating."""
    for _ in range(seconds // 5):
        clock.seconds += 5
        session_recorder.note("alive")


def screens(above: type = Screen):
    for one in above.__subclasses__():
        yield one
        yield from screens(one)


def own_screens():
    for module in pkgutil.walk_packages(labgrader.tui.__path__, "labgrader.tui."):
        importlib.import_module(module.name)
    return {one for one in screens() if one.__module__.startswith("labgrader.")}


def test_every_screen_and_every_key_of_the_lab_has_a_decision():
    abstract = {"LabBase", "SessionActions", "StepActions", "Window", "Frame"}
    assert {one.__name__ for one in own_screens()} - abstract <= set(policy.SCREENS)
    lab = [one for one in own_screens() if issubclass(one, LabBase)]
    entries = [entry for one in lab for entry in one.__dict__.get("BINDINGS", ())]
    actions = {e.action.split("(")[0] for e in entries if isinstance(e, Binding)}
    methods = {
        name.removeprefix("action_")
        for one in lab
        for name, _ in inspect.getmembers(one, inspect.isfunction)
        if name.startswith("action_") and name not in dir(Screen)
    }
    assert actions | methods <= set(policy.ACTIONS)
    assert policy.of_action("of a later version", Mode.EXAM)


async def test_an_exam_shows_requirements_and_points_that_can_be_reached(play, exam_app, workbench):
    async with play((160, 48), other=exam_app) as p:
        shown = p.screen()
        assert not [word for word in JUDGED if word in shown]
        assert "20 points" in p.text("#score")
        assert p.text("#news") == "Results are shown when the exam ends"
        assert "kubectl create" not in shown
        await p.press("j", "j")
        assert "Erratum" not in p.screen()
        assert workbench.lives == []  # nothing is judged, not even behind the screen


async def test_every_key_that_an_exam_refuses_says_why_and_does_nothing(
    play, exam_app, all_sessions
):
    async with play((160, 48), other=exam_app) as p:
        lab = p.app.screen
        for binding in bindings_of(lab):
            why = policy.of_action(binding.action.split("(")[0], Mode.EXAM)
            if not why:
                continue
            for key in binding.key.split(","):
                p.app.clear_notifications()
                await p.press(key)
                assert p.toasts() == [why], key
                assert p.app.screen is lab, key
    assert {entry.kind for entry in all_sessions.store.entries("exam")} <= {
        "started",
        "task",
        "alive",
        "left",
    }


async def test_the_footer_and_the_help_have_the_keys_of_an_exam(play, exam_app):
    async with play((160, 48), other=exam_app) as p:
        footer = {key.description for key in p.app.screen.query("FooterKey")}
        assert {"Finish", "Break", "Shell", "Help", "Quit"} <= footer
        assert not {"Hint", "Details", "Explain", "Time", "Copy"} & footer
        await p.press("?")
        assert "End the session" in p.screen() or "f" in p.screen()
        assert "hints cost nothing" not in p.screen()
        assert "relies on you" in p.screen()
        assert not [word for word in JUDGED[:3] if word in p.screen()]


async def test_the_palette_has_no_command_that_the_exam_refuses(play, exam_app):
    async with play((160, 48), other=exam_app) as p:
        titles = {command.title for command in p.app.get_system_commands(p.app.screen)}
        assert "Hint" not in titles
        assert "Finish" in titles


async def test_f_ends_the_exam_and_its_score_is_that_of_the_end(
    play, exam_app, workbench, result, all_sessions, clock
):
    workbench.answers = [result("namespace_active"), result("crd_established", Outcome.FAILED)]
    async with play((160, 48), other=exam_app) as p:
        pass_time(clock, p.app.screen.session_recorder, 135)
        await p.press("f")
        assert isinstance(p.app.screen, ConfirmScreen)
        await p.press("n")
        assert all_sessions.exam()
        await p.press("f", "y")
        await until(p, lambda: all_sessions.record("exam").state == "ended")
        await until(p, lambda: "exam ended 2:15" in p.text("#done"))
        earned = all_sessions.record("exam").earned
        assert f"{earned:g} of 20 points. Now: g report" in p.text("#done")
        assert p.text("#score").startswith("now ")
        await until(p, lambda: workbench.lives)
        await p.results(result("namespace_active"), result("crd_established"))
        assert "✔ passed" in p.checks()  # the cluster as it is now
        await p.press("s")
        assert "This session has ended" in p.toasts()[-1]
        await p.press("g")
        report = p.app.screen.query_one("#page").source
        assert "ended by the learner" in report
        assert "not part of the score" in report
    assert all_sessions.record("exam").earned == earned


async def test_the_time_ends_the_exam(play, exam_app, workbench, result, all_sessions, clock):
    workbench.answers = [result("namespace_active")]
    async with play((160, 48), other=exam_app) as p:
        pass_time(clock, p.app.screen.session_recorder, 360)
        await until(p, lambda: all_sessions.record("exam").state == "ended")
        assert all_sessions.record("exam").how == "time"


async def test_a_break_hides_the_task_and_stops_the_clock(play, exam_app, clock, exam):
    async with play((160, 48), other=exam_app) as p:
        before = exam.record().seconds
        await p.press("b")
        assert isinstance(p.app.screen, BreakScreen)
        assert p.text("#left") == "The clock stands still. Breaks left: 02:00"
        assert "Namespace" not in p.screen()
        clock.seconds += 30
        await p.press("b")
        assert isinstance(p.app.screen, LabScreen)
        assert exam.record().seconds == before
        assert exam.record().break_left == 90


async def test_a_break_that_another_program_begins_hides_the_task_as_well(
    play, exam_app, all_sessions, exam
):
    async with play((160, 48), other=exam_app) as p:
        all_sessions.pause()
        exam.catch_up()
        await until(p, lambda: isinstance(p.app.screen, BreakScreen))
        await p.press("b")
        assert all_sessions.exam().state == "running"


async def test_an_exam_that_another_program_ends_says_so(play, exam_app, all_sessions, exam):
    async with play((160, 48), other=exam_app) as p:
        all_sessions.end("void", "fire alarm")
        exam.catch_up()
        p.app.screen.query_one("TaskTimer").tick()
        await until(p, lambda: "exam void at 0:00: fire alarm" in p.text("#done"))


async def test_a_session_that_another_program_ends_says_so(play, session_recorder, all_sessions):
    async with play((160, 48)) as p:
        all_sessions.end()
        session_recorder.catch_up()
        p.app.screen.query_one("TaskTimer").tick()
        await until(p, lambda: "session ended 0:00" in p.text("#done"))
        await p.press("s")
        assert "This session has ended" in p.toasts()[-1]


async def test_the_clock_stops_while_there_is_no_cluster(play, exam_app, workbench, exam):
    async with play((160, 48), other=exam_app) as p:
        workbench.cluster.error = Unreachable("refused")
        await until(p, lambda: exam.record().lost)
        p.app.screen.query_one("LabTimer").tick()
        assert p.text("#whole") == "exam stopped: no cluster"
        await until(p, lambda: "Connection lost" in p.text("#news"))


async def test_a_timed_session_shows_verdicts_without_reasons(play, launch, timed, result):
    failed = result("namespace_active", Outcome.FAILED, reason="the reason", fix="the fix")
    async with play((160, 48), other=StraightIn(launch, timed)) as p:
        await p.results(failed)
        assert "✘ failed" in p.checks()
        assert "the reason" not in p.checks()
        await p.press("h")
        assert p.toasts() == ["A timed session has no hints"]
        assert "requirements only" in p.screen()
        await p.press("j", "j")
        assert "Erratum" not in p.screen()
