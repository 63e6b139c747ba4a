"""The quiz as a window: every kind of question by keys and mouse, kept at once, explained."""

import threading

import pytest

from labgrader.content import catalog
from labgrader.errors import LabError, Rejected
from labgrader.learning.quiz import draw, load_quiz, right_letters
from labgrader.learning.sessions.store import Given, Store
from labgrader.model.quiz import Kind
from labgrader.paths import content_root
from labgrader.tui.screens.help import HelpScreen
from labgrader.tui.screens.lab import LabScreen
from labgrader.tui.screens.quiz import QuizScreen
from labgrader.tui.widgets.quiz_parts import QuestionView
from tests.support.fake_cluster import FakeCluster
from tests.support.lab_on_fake import LabOnFake
from tests.support.snapshot_matrix import LOOKS

LAB = "operator-pipeline"
CATALOG = catalog.load(content_root())
CONCEPTS = load_quiz(content_root())
QUESTIONS = [question for concept in CONCEPTS for question in concept.questions]


@pytest.fixture(autouse=True)
def _nothing_known():
    Store().delete_answers(LAB)


@pytest.fixture
def workbench(workbench):
    workbench.catalog = CATALOG
    workbench.cluster = LabOnFake()
    return workbench


async def until(p, holds):
    """Wait until something holds on the screen."""
    for _ in range(500):
        await p.settle()
        if holds(p.screen()):
            return p.screen()
    pytest.fail(f"It never came:\n{p.screen()}")


def says(part):
    return lambda screen: part in screen


async def opened(p, workbench, seed=7):
    await p.app.push_screen(QuizScreen(workbench, seed))
    await until(p, says("All concepts"))


def beginning_with(kind):
    """Return a seed of which a question of this kind comes first: the fewer are passed over."""
    return next(n for n in range(500) if draw(CONCEPTS, (), None, n)[0].kind is kind)


async def at_a(p, workbench, kind, seed=None):
    """Open the quiz and pass over questions until one of this kind is asked."""
    await opened(p, workbench, beginning_with(kind) if seed is None else seed)
    await p.press("enter")
    await until(p, says("Quiz 1 of "))
    for _ in QUESTIONS:
        question = p.app.screen._question
        if question.kind is kind:
            return question
        await p.press("ctrl+n")
    pytest.fail(f"There is no question of kind {kind}")


def kept():
    return [(given.question, given.mark) for given in Store().answers(LAB)]


async def test_a_letter_and_enter_answer_and_the_answer_is_kept_before_the_next(play, workbench):
    async with play((110, 50)) as p:
        question = await at_a(p, workbench, Kind.CHOICE)
        (right,) = right_letters(question)
        await p.press(right, "enter")
        screen = await until(p, says("✔ Right."))
        assert "✔ right  (x)" in screen
        assert kept() == [(question.id, "right")]
        assert question.explanation.split()[0] in screen
        number = p.app.screen._at
        await p.press("l")
        assert p.app.clipboard == question.docs[0]
        await p.press("enter")
        assert p.app.screen._at == number + 1
        await p.press("escape")
        assert isinstance(p.app.screen, LabScreen)


async def test_a_wrong_answer_is_told_with_what_is_right(play, workbench):
    async with play((110, 50)) as p:
        question = await at_a(p, workbench, Kind.ANSWER)
        (right,) = right_letters(question)
        wrong = next(letter for letter in "abc" if letter != right)
        await p.press(wrong, "enter")
        screen = await until(p, says(f"✘ Wrong. Right is {right}."))
        assert "✘ wrong  (x)" in screen
        assert "✔ right  ( )" in screen
        assert kept() == [(question.id, "wrong")]
        await p.press(right)
        assert "✘ wrong  (x)" in p.screen(), "an answer that was given stays"


async def test_several_options_are_ticked_by_space_and_by_mouse(play, workbench):
    async with play((110, 50)) as p:
        question = await at_a(p, workbench, Kind.MULTIPLE)
        view = p.app.screen.query_one(QuestionView)
        await p.press("enter")
        assert "Choose one or more first" in p.text("#quiz-news")
        assert kept() == []
        await p.press("space")
        assert view.letters == {"a"}
        await p.pilot.click("#options", offset=(8, 0))
        await p.settle()
        assert view.letters == set()
        await p.press(*right_letters(question), "enter")
        await until(p, says("✔ Right."))
        assert kept() == [(question.id, "right")]


async def test_a_manifest_is_mended_in_the_editor_and_judged_in_a_thread(
    play, workbench, monkeypatch
):
    judging = []

    def create(resource, body, namespace=None, *, dry_run=False, timeout=5):
        judging.append((threading.current_thread(), dry_run))
        raise Rejected("spec: [b]hostile[/b] \x1b[31m", status=422)

    monkeypatch.setattr(workbench.cluster, "create", create)
    async with play((110, 60)) as p:
        question = await at_a(p, workbench, Kind.MANIFEST)
        editor = p.app.screen.query_one("#manifest")
        assert editor.text == question.manifest
        editor.load_text(question.solution)
        await p.press("enter", "q")
        assert editor.text == f"\nq{question.solution}", "letters and enter are the editor's"
        editor.load_text(question.solution)
        await p.press("ctrl+s")
        screen = await until(p, says("The API server refuses it: spec: [b]hostile[/b]"))
        assert "\x1b" not in screen
        assert "One that is right" in screen
        assert judging == [(judging[0][0], True)]
        assert judging[0][0] is not threading.main_thread()
        assert kept() == [(question.id, "wrong")]


async def test_a_manifest_without_a_cluster_is_not_judged_and_nothing_breaks(play, workbench):
    workbench.cluster = FakeCluster()
    async with play((110, 60)) as p:
        question = await at_a(p, workbench, Kind.MANIFEST)
        p.app.screen.query_one("#manifest").load_text(question.solution)
        await p.press("ctrl+s")
        await until(p, says("? Not judged."))
        assert kept() == [(question.id, "unjudged")]


async def test_what_was_not_right_comes_first(play, workbench):
    from datetime import UTC, datetime

    open_one = CONCEPTS[0].questions[3]
    for question in CONCEPTS[0].questions:
        mark = "wrong" if question is open_one else "right"
        Store().append_answer(Given(datetime.now(UTC), LAB, question.id, question.concept, mark))
    async with play((110, 50)) as p:
        await opened(p, workbench)
        assert "strength" in p.screen()
        await p.press("down", "space", "enter")
        screen = await until(p, says(f"Quiz 1 of {len(CONCEPTS[0].questions)}"))
        assert "seed 7" in screen
        assert p.app.screen._question.id == open_one.id


async def test_the_end_shows_how_it_went_and_strengths_and_gaps(play, workbench):
    async with play((110, 50)) as p:
        await opened(p, workbench)
        await p.press("down", "space", "enter")
        await until(p, says("Quiz 1 of "))
        (*_, letter) = right_letters(p.app.screen._question) or "a"
        first = p.app.screen._question
        if first.kind is not Kind.MANIFEST:
            await p.press(letter, "enter")
            await until(p, lambda screen: "✔ Right." in screen or "✘ Wrong." in screen)
            await p.press("enter")
        for _ in CONCEPTS[0].questions[1:]:
            await p.press("ctrl+n")
        screen = await until(p, says("Strengths and gaps"))
        assert f"of {len(CONCEPTS[0].questions)} right (seed 7)" in screen
        assert "not answered: " in screen
        assert CONCEPTS[0].title in screen
        await p.press("enter")
        await until(p, says("All concepts"))


async def test_an_answer_that_cannot_be_kept_is_said_and_stays_open(play, workbench):
    def full(self, given):
        raise LabError("The disk is full", "Free some space")

    async with play((110, 50)) as p:
        await at_a(p, workbench, Kind.CHOICE)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Store, "append_answer", full)
            await p.press("a", "enter")
            await until(p, says("✘ The disk is full. Free some space"))
        await p.press("enter")
        await until(p, lambda screen: "✔ Right." in screen or "✘ Wrong." in screen)
        assert len(kept()) == 1


async def test_a_lab_without_questions_says_so(play, workbench, tmp_path):
    from dataclasses import replace

    lab = replace(workbench.catalog.lab, root=tmp_path)
    workbench.catalog = replace(workbench.catalog, lab=lab)
    async with play() as p:
        await p.app.push_screen(QuizScreen(workbench))
        await until(p, says("This lab has no questions"))
        await p.press("enter", "space", "a", "escape")
        assert isinstance(p.app.screen, LabScreen)


async def test_the_keys_are_explained(play, workbench):
    async with play((120, 50)) as p:
        await opened(p, workbench)
        await p.press("?")
        assert isinstance(p.app.screen, HelpScreen)
        assert "Have the mended manifest judged" in p.screen()


@LOOKS
def test_the_choice_looks_like_this(snap_compare, app, playing, workbench, size, theme):
    app.theme = theme

    async def act(pilot):
        p = playing(pilot)
        await p.painted()
        await opened(p, workbench)
        await p.press("down", "space")

    assert snap_compare(app, terminal_size=size, run_before=act)


@LOOKS
def test_a_wrong_answer_looks_like_this(snap_compare, app, playing, workbench, size, theme):
    app.theme = theme

    async def act(pilot):
        p = playing(pilot)
        await p.painted()
        question = await at_a(p, workbench, Kind.ANSWER, seed=7)
        wrong = next(letter for letter in "abc" if letter not in right_letters(question))
        await p.press(wrong, "enter")
        await until(p, says("✘ Wrong."))

    assert snap_compare(app, terminal_size=size, run_before=act)


@LOOKS
def test_a_manifest_looks_like_this(snap_compare, app, playing, workbench, size, theme):
    app.theme = theme

    async def act(pilot):
        p = playing(pilot)
        await p.painted()
        await at_a(p, workbench, Kind.MANIFEST, seed=7)
        p.app.screen.query_one("#manifest").cursor_blink = False
        await p.settle()

    assert snap_compare(app, terminal_size=size, run_before=act)


async def at_the_last(p, workbench):
    await opened(p, workbench)
    await p.press("down", "space", "enter")
    for _ in CONCEPTS[0].questions[1:]:
        await p.press("ctrl+n")
    await p.press("a")
    return p.app.screen


async def test_answer_and_pass_over_in_one_breath(play, workbench):
    async with play((110, 50)) as p:
        quiz = await at_the_last(p, workbench)
        quiz.action_answer()
        await quiz.action_skip()
        await p.settle()
        assert p.app.is_running
        assert len(kept()) == 1


async def test_pass_over_and_answer_in_one_breath(play, workbench):
    async with play((110, 50)) as p:
        quiz = await at_the_last(p, workbench)
        await quiz.action_skip()
        quiz.action_answer()
        await until(p, says("Strengths and gaps"))
        assert not kept()
