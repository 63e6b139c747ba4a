"""The windows over the lab, and the palette."""

import threading

import pytest

from labgrader.model.result import Outcome
from labgrader.tui.bindings import bindings_of
from labgrader.tui.screens import doctor
from labgrader.tui.screens.help import ExplainScreen, HelpScreen, explanation
from labgrader.tui.screens.lab import LabScreen


def page(p):
    return p.app.screen.query_one("#page").source


async def test_explain_says_why_and_where_to_read_on(play, lab, workbench):
    criterion = lab.tasks[0].steps[0].criteria[0]
    async with play() as p:
        await p.press("h", "e")
        assert isinstance(p.app.screen, ExplainScreen)
        assert workbench.catalog.checks[criterion.check].why in page(p)
        assert criterion.docs[0] in page(p)
        assert criterion.hints[0] in page(p)
        assert criterion.hints[1] not in page(p)
        await p.press("escape")
        assert isinstance(p.app.screen, LabScreen)


async def test_a_click_on_a_check_explains_it(play):
    async with play() as p:
        await p.pilot.click("CheckCard")
        await p.settle()
        assert isinstance(p.app.screen, ExplainScreen)


async def test_left_and_right_turn_to_the_steps_other_checks(play, lab, workbench):
    step = lab.tasks[0].steps[0]
    other = lab.tasks[0].steps[1].criteria[0]
    async with play() as p:
        both = type(step)(step.id, step.title, "", criteria=(*step.criteria, other))
        checks = workbench.catalog.checks
        state = p.app.screen.state
        await p.app.push_screen(ExplainScreen(both, both.criteria[0], state, checks))
        await p.press("right")
        assert checks[other.check].why in page(p)
        await p.press("right")
        assert checks[step.criteria[0].check].why in page(p)
        await p.press("left")
        assert checks[other.check].why in page(p)


async def test_grading_goes_on_under_a_window(play, result):
    async with play() as p:
        await p.press("?")
        await p.results(result("namespace_active", Outcome.FAILED))
        await p.press("escape")
        assert "✘ failed" in p.checks()


def test_needs_are_explained(lab):
    criterion = next(c for c in lab.criteria() if c.needs)
    assert f"`{criterion.needs[0]}`" in explanation(criterion, "why", ())


async def test_a_link_is_copied(play, lab):
    async with play() as p:
        await p.press("e")
        markdown = p.app.screen.query_one("#page")
        markdown.post_message(markdown.LinkClicked(markdown, "https://kubernetes.io/x"))
        await p.settle()
        assert p.app.clipboard == "https://kubernetes.io/x"


async def test_help_lists_every_key(play):
    async with play((120, 60)) as p:
        await p.press("f1")
        assert isinstance(p.app.screen, HelpScreen)
        shown = p.screen()
        for binding in bindings_of(p.app.screen_stack[0]):
            if binding.action == "rest":
                continue  # of exams
            for key in binding.key.split(","):
                assert f" {key} " in shown
            assert binding.tooltip or binding.description in shown


async def test_the_footer_shows_the_keys_at_80_columns(play):
    async with play() as p:
        footer = p.screen().splitlines()[-1]
        for word in (
            "Time",
            "Copy",
            "Explain",
            "Hint",
            "Details",
            "Shell",
            "Help",
            "Quit",
            "palette",
        ):
            assert word in footer


async def test_the_palette_offers_the_labs_commands_and_themes(play):
    async with play() as p:
        titles = {command.title for command in p.app.get_system_commands(p.app.screen)}
        assert {"Theme", "Judge", "Hint", "Explain", "Shell", "Copy", "Time"} <= titles
        for theme in ("labgrader-light", "nord", "ansi-dark", "labgrader-dark"):
            p.app.theme = theme
            await p.settle()
            assert "A namespace for the platform" in p.screen()


@pytest.mark.parametrize("key", ["e", "g", "l", "t", "o"])
async def test_every_window_tells_its_own_keys(play, key):
    async with play((120, 50)) as p:
        await p.press(key)
        window = p.app.screen
        await p.press("?")
        assert isinstance(p.app.screen, HelpScreen)
        for binding in bindings_of(window):
            assert (binding.tooltip or binding.description) in p.screen()
        await p.press("?")
        assert p.app.screen is window


async def test_a_window_that_is_closed_waits_for_nothing_any_more(play, workbench, monkeypatch):
    asked = threading.Event()
    monkeypatch.setattr(doctor, "examine", lambda bench: asked.wait(30))
    async with play() as p:
        window = doctor.DoctorScreen(workbench)
        await p.app.push_screen(window)
        (waiting,) = [worker for worker in p.app.workers if worker.node is window]
        p.app.pop_screen()
        assert waiting.is_cancelled  # at once: its widgets go before it would
        asked.set()
        await p.settle()
        assert p.app.is_running
