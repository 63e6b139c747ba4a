"""The welcome: the cluster comes and the learner chooses, in either order."""

import threading

import pytest

from labgrader.errors import LabError, Unreachable
from labgrader.learning.sessions.cluster_lock import ClusterLock
from labgrader.model.modes import Mode
from labgrader.tui.app import LabApp
from labgrader.tui.launch import Launch
from labgrader.tui.screens.lab import LabScreen
from labgrader.tui.screens.tour import TourScreen
from labgrader.tui.screens.welcome import WelcomeScreen


@pytest.fixture(autouse=True)
def _state(tmp_path, monkeypatch):
    monkeypatch.setenv("LABGRADER_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def welcome(launch) -> LabApp:
    return LabApp(launch)


async def until(p, holds):
    """Wait for something that another thread brings about."""
    for _ in range(500):
        await p.settle()
        if holds():
            return
    pytest.fail(f"It never came:\n{p.screen()}")


async def ready(p):
    await until(p, lambda: "ready" in p.text("#welcome-cluster"))


async def in_the_lab(p):
    await until(p, lambda: any(isinstance(s, LabScreen) for s in p.app.screen_stack))
    await p.settle()


async def test_what_there_is_to_work_on(play, welcome):
    async with play(other=welcome) as p:
        await ready(p)
        told = p.text("#welcome-cluster")
        assert "labgrader-default, Kubernetes v1.37.2, simulated nodes" in told
        assert "20 of 20 points can be judged here" in told


async def test_one_lab_is_nothing_to_choose(play, welcome):
    async with play(other=welcome) as p:
        await ready(p)
        assert p.app.screen.check_action("lab", ()) is False
        assert "labs (l)" not in p.text("#welcome-note")


async def test_another_installed_lab_is_a_key_away(play, welcome, monkeypatch):
    ids = ["operator-pipeline", "other"]
    monkeypatch.setattr("labgrader.tui.screens.welcome.installed_ids", lambda: ids)
    async with play(other=welcome) as p:
        await ready(p)
        assert "2 labs (l)" in p.text("#welcome-note")
        title = p.text("#welcome-title")
        await p.press("l")
        await until(p, lambda: p.text("#welcome-title") != title)
        assert p.text("#welcome-title") == "Another lab"
        await p.press("l")
        await until(p, lambda: p.text("#welcome-title") == title)
        await p.press("enter")
        await in_the_lab(p)


async def test_a_lab_that_cannot_be_opened_is_said(play, welcome, monkeypatch):
    ids = ["operator-pipeline", "broken"]
    monkeypatch.setattr("labgrader.tui.screens.welcome.installed_ids", lambda: ids)
    async with play(other=welcome) as p:
        await ready(p)
        title = p.text("#welcome-title")
        await p.press("l")
        await until(p, lambda: "The lab broken is broken" in p.screen())
        assert p.text("#welcome-title") == title


async def test_practice_waits_for_the_learner_and_begins_with_a_tour(play, welcome, all_sessions):
    async with play(other=welcome) as p:
        await ready(p)
        await p.press("enter")
        await in_the_lab(p)
        assert isinstance(p.app.screen, TourScreen)
        await p.press("escape")
        assert p.text("#timer") == "00:00 / 06:00 s starts the time"
        assert all_sessions.open_one().state == "paused"
    assert all_sessions.open_one().state == "paused"


async def test_the_tour_has_five_steps_and_comes_once(play, welcome, all_sessions, launch):
    async with play(other=welcome) as p:
        await ready(p)
        await p.press("enter")
        await in_the_lab(p)
        for number in range(1, 6):
            assert f"{number} of 5" in p.screen()
            await p.press("enter")
        assert isinstance(p.app.screen, LabScreen)
    async with play(other=LabApp(launch)) as p:
        await ready(p)
        await p.press("enter")
        await in_the_lab(p)
        assert isinstance(p.app.screen, LabScreen)


async def test_an_exam_says_what_will_happen_and_starts_when_that_is_agreed_to(
    play, welcome, all_sessions, clock, workbench
):
    workbench.leftovers = ["Namespace trading-platform"]
    async with play((120, 40), other=welcome) as p:
        await ready(p)
        await p.press("down", "down", "down", "enter")
        await until(p, lambda: "fresh" in p.text("#ground"))
        for fact in (
            "You have 6 minutes",
            "Allowed: kubectl",
            "Refused: snippets",
            "relies on you",
        ):
            assert fact in p.text("#terms")
        assert "y also removes 1 object of the lab" in p.text("#ground")
        clock.seconds += 60
        assert all_sessions.store.sessions() == []
        await p.press("y")
        await in_the_lab(p)
        assert workbench.prepared == 1
        clock.seconds += 10
        assert all_sessions.exam().seconds == 10
        await until(p, lambda: "exam 05:50 left" in p.text("#whole"))


async def test_an_exam_that_is_not_agreed_to_does_not_start(play, welcome, all_sessions, workbench):
    async with play((120, 40), other=welcome) as p:
        await ready(p)
        await p.press("down", "down", "down", "enter")
        await until(p, lambda: "fresh" in p.text("#ground"))
        await p.press("n")
        assert isinstance(p.app.screen, WelcomeScreen)
    assert (all_sessions.store.sessions(), workbench.prepared) == ([], 0)


async def test_a_timed_session_begins_at_once_and_is_no_exam(play, welcome, all_sessions):
    async with play((120, 40), other=welcome) as p:
        await ready(p)
        await p.press("down", "down", "enter")
        await in_the_lab(p)
        assert all_sessions.open_one().mode is Mode.TIMED
        assert "exam" not in p.screen().lower()


async def test_a_running_exam_is_all_that_can_be_chosen(play, welcome, all_sessions, lab):
    all_sessions.start("final", lab.id, "labgrader-default", Mode.EXAM)
    async with play(other=welcome) as p:
        await ready(p)
        assert "Go on: final, exam, 0:00" in p.screen()
        assert "points," not in p.text("#welcome-note")
        assert "Practise" not in p.screen()
        await p.press("enter")
        await in_the_lab(p)
    assert all_sessions.store.sessions() == ["final"]


@pytest.mark.parametrize("elsewhere", [True, False])
async def test_an_exam_elsewhere_or_in_another_program_refuses_all(
    play, welcome, workbench, all_sessions, lab, elsewhere
):
    all_sessions.start("final", lab.id, "another" if elsewhere else "labgrader-default", Mode.EXAM)
    other = ClusterLock(workbench.cluster.connection.host)
    if not elsewhere:
        other.take()
    async with play((120, 30), other=welcome) as p:
        await ready(p)
        assert "An exam is running (final" in p.text("#welcome-note")
        assert "Practise" not in p.screen()
        await p.press("enter")
        assert isinstance(p.app.screen, WelcomeScreen)
    other.leave()


async def test_a_new_session_asks_before_it_ends_the_open_one(
    play, welcome, all_sessions, lab, clock
):
    all_sessions.start("morning", lab.id, "labgrader-default")
    async with play(other=welcome) as p:
        await ready(p)
        await p.press("down", "enter")
        assert "End the open session morning?" in p.screen()
        await p.press("n")
        assert isinstance(p.app.screen, WelcomeScreen)
        assert all_sessions.record("morning").state == "running"
        clock.seconds += 1
        await p.press("enter", "y")
        await in_the_lab(p)
    assert all_sessions.record("morning").state == "ended"


async def test_budgets_are_stretched_and_levels_chosen(play, welcome, all_sessions):
    async with play(other=welcome) as p:
        await ready(p)
        await p.press("f", "v")
        assert "Budgets × 1.5 (f)   Level: gaps (v)" in p.text("#welcome-note")
        await p.press("enter")
        await in_the_lab(p)
        await p.press("escape")
        assert p.text("#timer").startswith("00:00 / 09:00")
        assert " fill the gaps " in p.screen()


async def test_without_a_clock(play, welcome, all_sessions):
    async with play(other=welcome) as p:
        await ready(p)
        await p.press("down", "enter")
        await in_the_lab(p)
        await p.press("escape")
        assert p.text("#whole") == "lab 00:00, no time limit"


async def test_a_session_is_gone_on_with(play, welcome, all_sessions, launch, clock, lab):
    all_sessions.start("morning", lab.id, "labgrader-default")
    clock.seconds += 120
    all_sessions.pause()
    async with play(other=welcome) as p:
        await ready(p)
        assert "Go on: morning, practice, 2:00, 0 points" in p.screen()
        await p.press("enter")
        await in_the_lab(p)
        assert p.text("#whole") == "lab 02:00 / 06:00"
    assert all_sessions.store.sessions() == ["morning"]


async def test_a_session_of_another_cluster_is_not_offered(play, welcome, all_sessions, lab):
    all_sessions.start("elsewhere", lab.id, "another")
    async with play(other=welcome) as p:
        await ready(p)
        assert "Go on" not in p.screen()


async def test_the_choice_may_come_before_the_cluster(play, launch, workbench):
    come = threading.Event()

    def up(tell):
        tell("etcd", "starting \x1b[31m")
        assert come.wait(20)
        return workbench

    slow = LabApp(Launch(workbench, launch.all_sessions, up, now=launch.now))
    async with play(other=slow) as p:
        await until(p, lambda: "etcd: starting <U+001B>[31m" in p.screen())
        await p.press("enter")
        assert "It begins as soon as the cluster is ready." in p.text("#welcome-note")
        come.set()
        await in_the_lab(p)


async def test_a_cluster_that_does_not_come_is_said_in_one_line(play, launch, workbench):
    def up(tell):
        raise LabError("The port is [b]taken[/b]", "Free it")

    async with play(other=LabApp(Launch(workbench, launch.all_sessions, up))) as p:
        await until(p, lambda: "no cluster" in p.text("#welcome-cluster"))
        assert "The port is [b]taken[/b]. Free it" in p.text("#welcome-cluster")
        await p.press("enter")
        assert isinstance(p.app.screen, WelcomeScreen)


async def test_a_cluster_that_does_not_answer(play, welcome, workbench):
    workbench.cluster.error = Unreachable("refused")
    async with play(other=welcome) as p:
        await until(p, lambda: "refused" in p.text("#welcome-cluster"))


async def test_the_second_one_on_a_cluster_is_told_and_not_kept(
    play, welcome, workbench, all_sessions
):
    first = ClusterLock(workbench.cluster.connection.host)
    assert first.take() == ""
    async with play((120, 30), other=welcome) as p:
        await ready(p)
        assert "The lab is open here already (process" in p.text("#welcome-note")
        await p.press("enter")
        await in_the_lab(p)
        await p.press("escape")
        assert "Your time is not kept: The lab is open here already" in p.text("#trouble")
    assert all_sessions.store.sessions() == []
    first.leave()


async def test_the_place_is_given_up_at_the_end(play, welcome, workbench):
    async with play(other=welcome) as p:
        await ready(p)
        await p.press("enter")
        await in_the_lab(p)
        other = ClusterLock(workbench.cluster.connection.host)
        assert other.take()
    assert other.take() == ""
    other.leave()


@pytest.mark.parametrize("answers", [True, False])
async def test_the_doctor_says_what_can_be_graded_here(play, welcome, workbench, answers):
    if not answers:
        workbench.cluster.error = Unreachable("[b]no[/b] answer")
    async with play((120, 40), welcome) as p:
        await until(p, lambda: "looked at" not in p.text("#welcome-cluster"))
        await p.press("d")
        await until(p, lambda: "gradable:" in p.text("#facts"))
        facts = p.text("#facts").splitlines()
        assert facts[0].startswith("machine: ")
        if answers:
            assert any(line.startswith("gradable: ") and " of 20 " in line for line in facts)
        else:
            assert facts[-2:] == [
                "cluster: none that answers: [b]no[/b] answer",
                "gradable: 0 points until there is a cluster",
            ]
        await p.press("escape")
        assert isinstance(p.app.screen, WelcomeScreen)
