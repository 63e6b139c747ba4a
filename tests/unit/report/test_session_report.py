"""A session's report: the same facts as text, Markdown and one HTML page, whatever was typed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from labgrader.content.catalog import load
from labgrader.content.checklists import load_goals
from labgrader.learning.drills import load_drills
from labgrader.learning.quiz import load_quiz
from labgrader.learning.sessions.state import Grading, SessionState
from labgrader.learning.sessions.store import Given
from labgrader.learning.sessions.summary import Background, summarize
from labgrader.model.modes import Mode
from labgrader.model.summary import Summary
from labgrader.paths import content_root
from labgrader.report import session_text
from labgrader.report.session_html import as_html

ROOT = content_root()
LAB = load(ROOT).lab
CONTENT = Background(LAB, load_goals(ROOT), load_quiz(ROOT), load_drills(ROOT))
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def record(**changes: object) -> SessionState:
    """Return a session in which the first task is done, slowly, and one check of task 2 failed."""
    first = [c for c in LAB.tasks[0].criteria() if not c.optional]
    kept = SessionState("morning", LAB.id, "c", started_at=NOON, seconds=900)
    kept.gradings = [
        Grading(60, {"task1": (1.0, 20.0)}, ()),
        Grading(600, {"task1": (20.0, 20.0), "task2": (3.0, 20.0)}, ()),
    ]
    kept.checks = {c.id: ("passed", float(c.points)) for c in first} | {
        "rbac_required": ("failed", 0.0)
    }
    kept.first_passed = {c.id: 600.0 for c in first}
    kept.first_failed = {"rbac_required": 610.0}
    kept.spent = {"task1": 600.0, "task2": 300.0}
    kept.hints = ["crd_columns", "crd_columns"]
    for name, value in changes.items():
        setattr(kept, name, value)
    return kept


def summary(**changes: object) -> Summary:
    one = record(**changes)
    answers = [Given(NOON, LAB.id, "below-minimum", "crd", "right")]
    return summarize(one, [record(name="before"), one], answers, CONTENT)


def test_points_time_and_budgets() -> None:
    text = "\n".join(session_text.as_text(summary()))
    assert "23 of 100 points" in text
    assert "task1: 20 of 20 points, 10:00, budget 6:00, 4:00 over" in text
    assert "task2: 3 of 20 points, 5:00, budget 7:00" in text
    assert "hints: crd_columns" in text
    assert "solutions looked at: none" in text
    assert "before: practice, running, 23 of 100 points in 15:00" in text


def test_what_to_practise_begins_with_what_failed() -> None:
    advice = summary().advice
    assert advice[0].command == "labgrader hint task2.5"
    assert any(one.command == "labgrader reset --to task1" for one in advice)
    assert any(one.command.startswith("labgrader drill start") for one in advice)


def test_strengths_are_points_and_answers() -> None:
    first = summary().strengths[0]
    assert (first.earned, first.possible, first.quiz) == (20, 20, "1 of 1 right, not known yet")


def test_what_an_exam_had_at_the_bell() -> None:
    late = record(mode=Mode.EXAM, seconds=3000.0)
    late.gradings.append(Grading(2900, {"task2": (20.0, 20.0)}, ()))
    found = summarize(late, [late], [], CONTENT)
    assert found.run.earned == 40
    assert found.at_the_bell == 23
    assert "23 points when the time was over" in "\n".join(session_text.as_text(found))
    assert summary(mode=Mode.EXAM).at_the_bell is None


def test_the_score_of_an_exam_is_that_of_its_end() -> None:
    final = Grading(1800, {"task1": (15.0, 20.0)}, ())
    ended = record(
        mode=Mode.EXAM,
        state="ended",
        seconds=1000.0,
        how="finish",
        chosen=("task1",),
        final=final,
        later=Grading(1800, {"task1": (20.0, 20.0)}, ()),
        pass_mark=16.0,
        absent=200.0,
        rested=60.0,
        factor=1.25,
    )
    found = summarize(ended, [ended], [], CONTENT)
    text = "\n".join(session_text.as_text(found))
    for fact in (
        "15 of 20 points",
        "ended by the learner",
        "not passed: 16 points are needed",
        "graded 9:10 after the end",
        "the clock stood still for 3:20: labgrader was not running",
        "breaks: 1:00",
        "after the end: 20 points (not part of the score)",
    ):
        assert fact in text
    assert "task2: " not in text
    for whole in (session_text.as_markdown(found), as_html(found)):
        title = (
            whole.split("</h1>")[0].splitlines()[-1] if "<h1>" in whole else whole.split("\n")[0]
        )
        assert "1.25" not in title


def test_a_void_exam() -> None:
    void = record(mode=Mode.EXAM, state="ended", how="void", because="fire alarm")
    assert "void: fire alarm" in "\n".join(session_text.as_text(summarize(void, [], [], CONTENT)))


def test_what_solve_did_is_said_and_is_no_strength() -> None:
    text = "\n".join(session_text.as_text(summary(solved=["task1", "task1"])))
    assert "solved by the reference solution: task1\n" in text
    assert "not rated, task1 solved by the reference solution" in text


def test_a_stretched_and_an_untimed_session() -> None:
    assert [row.budget for row in summary(factor=2.0).tasks][:2] == [720, 840]
    assert "no time limit" in "\n".join(session_text.as_text(summary(factor=None)))


def test_a_session_in_which_nothing_happened() -> None:
    empty = SessionState("empty", LAB.id, "c", started_at=NOON)
    found = summarize(empty, [empty], [], CONTENT)
    for text in (session_text.as_markdown(found), as_html(found)):
        assert "0 of 100 points" in text


class Page(HTMLParser):
    """Collects what a browser would have to fetch, and sees that tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href")]
        if tag not in ("meta", "rect", "polyline"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect", "polyline"):
            assert self.open.pop() == tag


@pytest.mark.parametrize("name", ["morning", "<script>alert(1)</script>", "\x1b[31m\u202e`x"])
def test_the_page_is_whole_loads_nothing_and_shows_names_as_they_are(name: str) -> None:
    page = Page()
    text = as_html(summary(name=name))
    page.feed(text)
    page.close()
    assert (page.fetched, page.open) == ([], [])
    assert "<script" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert 'name="viewport"' in text


def test_markdown_keeps_signs_as_they_are() -> None:
    text = session_text.as_markdown(summary(name="a_b*c<d>"))
    assert r"a\_b\*c\<d>" in text
    assert re.search(r"`labgrader hint task2\.5`", text)
