"""The lab screen, driven like a learner does."""

from dataclasses import replace
from functools import partial

import pytest

from labgrader.errors import Cause, Unreachable
from labgrader.grading.events import CheckFinished
from labgrader.model.result import Item, Outcome
from labgrader.tui.widgets.timer import TaskTimer

HOSTILE = "[bold red]x[/] [@click=app.quit]y[/] \x1b[31mz\x1b]0;t\x07 \u202eabc"
SHOWN = "[bold red]x[/] [@click=app.quit]y[/] <U+001B>[31mz<U+001B>]0;t<U+0007> <U+202E>abc"
ALL = ("namespace_active", "crd_established", "crd_status_subresource", "sample_resource")


def attend(p, clock, seconds):
    """Let the time pass with the program there: its heart beats every five seconds."""
    for _ in range(seconds // 5):
        clock.seconds += 5
        p.app.session_recorder.note("alive")
    clock.seconds += seconds % 5


def tick(p, clock, seconds):
    attend(p, clock, seconds)
    p.app.screen.query_one(TaskTimer).tick()


async def test_the_first_step_can_be_read_before_the_cluster_says_anything(play):
    async with play() as p:
        screen = p.screen()
        assert "FinTech Innovations runs its trading algorithms" in screen
        assert "· 1.1" in screen
        assert "· not judged yet 0/2 The namespace trading-platform is there" in screen
        assert "0/20 points" in screen
        assert "connecting…" in screen
        assert p.text("#news") == "judging…"
        assert not p.live.closed.is_set()


async def test_all_of_the_lab_is_graded(play, workbench, lab):
    async with play():
        assert workbench.criteria == list(lab.criteria())


async def test_outcomes_appear_with_mark_and_word(play, result):
    async with play() as p:
        await p.results(result("namespace_active"), result("crd_established", Outcome.FAILED))
        assert p.checks().startswith("✔ passed 2/2 The namespace")
        assert p.text("#score") == "2/20 points"
        assert "labgrader-default · v1.37.2 · simulated nodes" in p.text("#cluster")
        screen = p.screen()
        assert "✔ 1.1" in screen
        assert "✘ 1.2" in screen
        assert "· 1.3" in screen
        assert "✘ task1 2/20 points" in screen


async def test_a_failure_says_what_is_wrong_and_what_to_do(play, result):
    items = (
        Item("short names", Outcome.FAILED, 4, 0, reason="short names differ"),
        Item("scope", Outcome.PASSED, 2, 2),
        Item("version", Outcome.ERROR, 2, 0, reason="v1 did not answer", cause=Cause.TIMEOUT),
    )
    failed = result(
        "crd_established",
        Outcome.FAILED,
        earned=2.0,
        reason="short names differ (and 1 more)",
        expected="ta, algo",
        actual="ta",
        fix="kubectl edit crd",
        erratum="E9",
        items=items,
    )
    async with play((160, 48)) as p:
        await p.press("j")
        await p.results(failed)
        assert "ta, algo" not in p.checks()
        await p.press("d")
        assert "expected\nta, algo\nactual\nta\n" in p.checks()
        assert "kubectl edit crd" not in p.checks()
        await p.press("d")
        lines = p.checks().splitlines()
        assert (
            lines[0] == "✘ failed 2/8 The API server serves TradingAlgorithm, under the right names"
        )
        told = dict(zip(lines[1::2], lines[2::2], strict=True))
        assert told["reason"] == "short names differ (and 1 more)"
        assert told["expected"] == "ta, algo"
        assert told["actual"] == "ta"
        assert told["fix"] == "kubectl edit crd"
        assert told["erratum"].startswith("E9")
        assert told["item ✘"] == "failed 0/4 short names"
        assert told["item ?"] == "not judged 0/2 version"
        assert told[""] == "v1 did not answer"
        assert "item ✔" not in told


async def test_details_go_when_the_check_passes(play, result):
    async with play() as p:
        await p.results(result("namespace_active", Outcome.FAILED, reason="not there"))
        assert "not there" in p.checks()
        await p.results(result("namespace_active"))
        assert p.checks() == "✔ passed 2/2 The namespace trading-platform is there"


async def test_points_that_could_not_be_judged_are_said(play, result):
    async with play() as p:
        lost = result("namespace_active", Outcome.ERROR, cause=Cause.TIMEOUT, reason="too slow")
        await p.results(lost)
        assert p.text("#score") == "0/20 points (2 not judged)"
        assert "reason (timeout)\ntoo slow" in p.checks()


async def test_text_from_the_cluster_is_only_text(play, result):
    items = tuple(Item(HOSTILE, Outcome.FAILED, 1, 0, reason=f"{n}{HOSTILE}") for n in range(2))
    hostile = result(
        "namespace_active",
        Outcome.FAILED,
        reason=HOSTILE,
        expected=HOSTILE,
        actual=HOSTILE,
        fix=HOSTILE,
        items=items,
    )
    async with play((160, 48)) as p:
        await p.results(hostile)
        await p.press("d", "d")
        await p.change(HOSTILE)
        assert p.checks().count(SHOWN) == 8
        assert p.text("#news") == SHOWN
        await p.link(Unreachable(HOSTILE))
        assert p.text("#news").endswith(SHOWN)
        assert "\x1b" not in p.screen()
        assert "\u202e" not in p.screen()


async def test_a_change_names_its_effect(play, result):
    async with play() as p:
        await p.results(result("namespace_active", Outcome.FAILED))
        await p.change("Namespace trading-platform created")
        assert p.text("#news") == "Namespace trading-platform created"
        await p.results(result("namespace_active"))
        assert p.text("#news") == "namespace_active passed ← Namespace trading-platform created"


async def test_a_lost_connection_is_said_and_its_return_too(play, result):
    async with play() as p:
        await p.results(result("namespace_active"))
        await p.link(Unreachable("refused the connection"))
        assert p.text("#news") == "✘ Connection lost, stale since 12:00:00: refused the connection"
        assert "(stale)" in p.screen()
        await p.link(None)
        assert p.text("#news") == "connected again"
        assert "(stale)" not in p.screen()


async def test_keys_move_between_steps_and_panes(play):
    async with play() as p:
        await p.press("down")
        assert "The CustomResourceDefinition" in p.screen()
        await p.press("j", "j", "k")
        assert p.app.screen.query_one("#step").border_title == "1.3 A status of its own"
        assert "! Erratum E3" in p.text("#errata")
        assert p.app.focused.id == "tasks"
        await p.press("tab")
        assert p.app.focused.id == "step"
        await p.press("tab")
        assert p.app.focused.id == "checks"
        await p.press("k")
        assert p.app.screen.query_one("#step").border_title == "1.2 The CustomResourceDefinition"


async def test_the_mouse_chooses_a_step(play):
    async with play() as p:
        await p.pilot.click("#tasks", offset=(5, 6))
        await p.settle()
        assert p.app.screen.query_one("#step").border_title == "1.4 The first resource"


async def test_the_time_runs_from_a_key_and_says_when_it_is_over(play, clock):
    async with play() as p:
        assert p.text("#timer") == "00:00 / 06:00 s starts the time"
        tick(p, clock, 50)
        assert p.text("#timer") == "00:00 / 06:00 s starts the time"
        await p.press("s")
        tick(p, clock, 72)
        assert p.text("#timer") == "01:12 / 06:00 running"
        await p.press("s")
        tick(p, clock, 1000)
        assert p.text("#timer") == "01:12 / 06:00 paused (s goes on)"
        await p.press("s")
        tick(p, clock, 240)
        assert p.text("#timer") == "05:12 / 06:00 running, 00:48 left"
        nearly = p.app.screen.query_one("#timer").content.spans
        tick(p, clock, 60)
        assert p.text("#timer") == "06:12 / 06:00 running, over budget by 00:12"
        assert p.app.screen.query_one("#timer").content.spans[0].style != nearly[0].style


async def test_a_finished_task_is_celebrated_and_stops_the_time(play, clock, result):
    async with play() as p:
        await p.press("s")
        attend(p, clock, 250)
        await p.results(*(result(each) for each in ALL))
        tick(p, clock, 500)
        assert p.text("#timer") == "04:10 / 06:00"
        assert p.text("#done") == "✔ all done: 20/20 points. Well done!"
        await p.press("s")
        assert p.text("#timer") == "04:10 / 06:00"
        assert p.toasts() == ["Everything is done; f ends the session"]
        await p.results(result("sample_resource", Outcome.FAILED))
        assert p.text("#done") == ""


async def test_after_a_done_task_the_key_of_the_time_goes_on_with_the_next(
    play, clock, result, workbench
):
    (whole,) = workbench.catalog.lab.tasks
    first, second = replace(whole, steps=whole.steps[:1]), replace(whole, steps=whole.steps[1:])
    lab = replace(workbench.catalog.lab, tasks=(first, replace(second, id="task2")))
    workbench.catalog = replace(workbench.catalog, lab=lab)
    async with play() as p:
        await p.press("s")
        await p.results(result("namespace_active"))
        assert p.text("#done") == "✔ task1 done: 2/2 points. s goes on"
        assert p.app.session_recorder.record().state == "paused"
        await p.press("s")
        await p.settle()
        record = p.app.session_recorder.record()
        assert (record.state, record.task) == ("running", "task2")
        assert p.toasts() == ["On to task2: its time runs"]
        tick(p, clock, 5)
        assert p.text("#timer") == "00:05 / 06:00 running"
        assert p.app.screen.query_one("#step").border_title.startswith("1.2 ")
        await p.results(*(result(each) for each in ALL[1:]))
        assert p.text("#done") == "✔ all done: 20/20 points. Well done!"
        await p.results(result("namespace_active", Outcome.FAILED))
        await p.press("s")
        assert p.app.session_recorder.record().task == "task1"


async def test_a_task_that_is_done_while_the_screen_is_away_rests_then(play, clock, result):
    """While a shell has the terminal, Textual's loop stands still; the grading does not."""
    async with play() as p:
        await p.press("s")
        attend(p, clock, 100)
        p.live.say(*(partial(p.live.listener, CheckFinished(result(each))) for each in ALL))
        clock.seconds += 500
        record = p.app.session_recorder.record()
        assert (record.state, record.spent["task1"]) == ("paused", 100.0)


async def test_hints_rise_and_stay_on_the_screen(play, lab):
    hints = lab.tasks[0].steps[0].criteria[0].hints
    async with play() as p:
        await p.press("h")
        assert f"hint 1/{len(hints)}" in p.checks()
        assert "hint 2" not in p.checks()
        await p.press("h")
        assert f"hint 2/{len(hints)}\nkubectl create namespace trading-platform" in p.checks()
        assert p.toasts() == []
        await p.press("h")
        assert p.toasts() == [
            (
                "There is no other hint for “The namespace trading-platform is there”;"
                " e explains the check"
            )
        ]


async def test_no_hint_where_nothing_is_missing(play, result):
    async with play() as p:
        await p.results(result("namespace_active"))
        await p.press("h")
        assert "hint" not in p.checks()
        assert p.toasts() == ["Every check of this step has passed"]


async def test_the_shown_snippet_is_copied(play, lab):
    fast, declared = lab.tasks[0].steps[0].snippets
    async with play() as p:
        await p.press("c")
        assert p.app.clipboard == fast.body.rstrip("\n")
        await p.press("]", "c")
        assert p.app.clipboard == declared.body.rstrip("\n")
        await p.press("]", "c")
        assert p.app.clipboard == fast.body.rstrip("\n")
        await p.press("[", "c")
        assert p.app.clipboard == declared.body.rstrip("\n")
        assert p.toasts()[:2] == [
            "Copied “The fast way” (1 line)",
            "Copied “The declarative way” (4 lines)",
        ]


async def test_the_mouse_turns_and_copies_snippets(play, lab):
    async with play((160, 48)) as p:
        await p.pilot.click("#snippet-next", offset=(1, 0))
        await p.pilot.click("#snippet-copy", offset=(2, 0))
        await p.settle()
        assert p.app.clipboard == lab.tasks[0].steps[0].snippets[1].body.rstrip("\n")


@pytest.mark.parametrize("size", [(80, 24), (120, 30), (200, 60)])
async def test_every_pane_is_on_the_screen(play, size):
    async with play(size) as p:
        panes = [p.app.screen.query_one(f"#{name}").region for name in ("tasks", "step", "checks")]
        for region in panes:
            assert region.width >= 20
            assert region.height >= 8
            assert region.right <= size[0]
            assert region.bottom <= size[1] - 1  # the footer's line
        tasks, step, checks = panes
        assert step.x >= tasks.right
        beside = checks.x >= step.right
        assert beside == (size[0] >= 120)
        assert beside or checks.y >= step.bottom


async def test_panes_follow_when_the_terminal_is_resized(play):
    async with play((160, 48)) as p:
        await p.pilot.resize_terminal(80, 24)
        await p.settle()
        checks, step = (p.app.screen.query_one(name).region for name in ("#checks", "#step"))
        assert checks.y >= step.bottom
        assert "The namespace trading-platform is there" in p.screen()
