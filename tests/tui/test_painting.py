"""What is painted, and when: grading says much, and a key must not wait for it."""

import threading

import pytest

from labgrader.grading.events import RunStarted
from labgrader.model.result import Outcome
from labgrader.tui import theme
from labgrader.tui.event_queue import Inbox
from labgrader.tui.painting import later
from labgrader.tui.screens import lab as lab_screen
from labgrader.tui.state import LinkBack
from labgrader.tui.widgets.step_view import StepView
from labgrader.tui.widgets.task_tree import TaskTree

MUCH = 200
LONG = 3600.0


@pytest.fixture
def paintings(monkeypatch):
    """Return a list that grows with each painting of the lab."""
    painted = []
    real = lab_screen.LabScreen._paint

    async def counted(self):
        painted.append(self.state)
        await real(self)

    monkeypatch.setattr(lab_screen.LabScreen, "_paint", counted)
    return painted


async def test_much_that_is_said_is_painted_once(play, paintings):
    async with play() as p:
        paintings.clear()
        p.live.say(*[lambda: p.live.listener(RunStarted(()))] * MUCH)
        await p.settle()
        assert len(paintings) == 1


async def test_what_is_said_between_two_frames_is_painted_with_the_next(
    play, paintings, monkeypatch, result
):
    async with play() as p:
        await p.results(result("namespace_active", Outcome.FAILED))
        monkeypatch.setattr(lab_screen, "FRAME_SECONDS", LONG)
        await p.results(result("namespace_active"))
        assert "passed" not in p.checks()
        monkeypatch.setattr(lab_screen, "FRAME_SECONDS", 0.0)
        await p.app.screen._take()
        assert "✔ passed" in p.checks()


async def test_nothing_is_painted_behind_a_window(play, paintings, result):
    async with play() as p:
        await p.press("?")
        paintings.clear()
        await p.results(result("namespace_active", Outcome.FAILED))
        assert not paintings
        await p.press("escape")
        assert paintings
        assert "✘ failed" in p.checks()


async def test_the_cursor_moves_before_the_step_is_shown(play, monkeypatch, lab):
    first, second = lab.tasks[0].steps[:2]
    async with play((120, 40)) as p:
        monkeypatch.setattr(lab_screen, "PASSING_SECONDS", LONG)
        await p.press("j")
        tree, step = p.app.screen.query_one(TaskTree), p.app.screen.query_one(StepView)
        assert tree.highlighted_option.id == second.id
        assert first.title in str(step.border_title)
        await p.app.screen._show_chosen()
        assert second.title in str(step.border_title)


async def test_what_is_to_come_later_comes_however_busy_the_machine_is(play):
    async with play() as p:
        called = []
        later(p.app.screen, -1, lambda: called.append("late"))  # its time was over at once
        later(p.app.screen, 0, lambda: called.append("at once"))
        later(p.app.screen, 0, lambda: called.append("cancelled")).cancel()
        await p.settle()
        assert called == ["late", "at once"]


def test_an_inbox_wakes_once_and_drops_what_comes_too_late():
    woken = []
    inbox = Inbox(lambda: woken.append(1))
    inbox.put(1, LinkBack())
    inbox.put(2, RunStarted(()))
    assert (len(woken), inbox.take(2)) == (1, [RunStarted(())])
    assert inbox.take(2) == []
    inbox.put(2, LinkBack())
    assert len(woken) == 2


def test_how_a_session_stands_is_known_while_the_disk_is_written(session_recorder, monkeypatch):
    writing, go_on = threading.Event(), threading.Event()

    def slow(entry):
        writing.set()
        assert go_on.wait(10)

    monkeypatch.setattr(session_recorder.all_sessions.store, "append", slow)
    writer = threading.Thread(target=session_recorder.note, args=("alive",))
    writer.start()
    try:
        assert writing.wait(10)
        asked = threading.Thread(target=session_recorder.record, daemon=True)
        asked.start()
        asked.join(10)
        assert not asked.is_alive()
    finally:
        go_on.set()
        writer.join(10)


@pytest.mark.parametrize("theme", theme.ALL, ids=lambda one: one.name)
async def test_prose_has_the_colours_of_the_theme(play, app, theme):
    app.theme = theme.name
    async with play(other=app) as p:
        assert p.app.console.get_style("markdown.code").color.name == theme.primary.lower()
