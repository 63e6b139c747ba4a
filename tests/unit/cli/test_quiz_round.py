"""A round of the quiz: kept answer by answer, open questions first; and the command on a pipe."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest

from labgrader.cli import root
from labgrader.errors import ExitCode, LabError, UsageError
from labgrader.learning.quiz import draw, load_quiz, right_letters
from labgrader.learning.sessions.quizzing import Round, open_first
from labgrader.learning.sessions.store import Given, Store
from labgrader.model.quiz import Kind, Mark, Question
from labgrader.paths import content_root

CONCEPTS = load_quiz(content_root())
LAB = "operator-pipeline"
ASKED = draw(CONCEPTS, [], None, 5)
CHOICE = next(one for one in ASKED if one.kind is Kind.CHOICE)
MANIFEST = next(one for one in ASKED if one.kind is Kind.MANIFEST)


@pytest.fixture(autouse=True)
def _nothing_known() -> None:
    Store().delete_answers(LAB)


def no_cluster() -> None:
    raise UsageError("No cluster is chosen", "Choose one")


def played(*questions: Question) -> Round:
    return Round(LAB, questions, no_cluster)  # type: ignore[arg-type]


def given(question: Question, mark: Mark) -> Given:
    return Given(datetime.now(UTC), LAB, question.id, question.concept, mark.value)


def test_an_answer_is_kept_when_it_is_judged() -> None:
    going = played(CHOICE)
    marked = going.answer(CHOICE, "".join(right_letters(CHOICE)))
    assert marked.mark is Mark.RIGHT
    assert going.done == [(CHOICE, marked)]
    assert [one.question for one in Store().answers(LAB)] == [CHOICE.id]


def test_what_is_no_answer_is_refused_and_not_kept() -> None:
    going = played(CHOICE)
    with pytest.raises(UsageError):
        going.answer(CHOICE, "")
    assert going.done == []
    assert Store().answers(LAB) == []


def test_without_a_cluster_a_manifest_is_not_judged() -> None:
    marked = played(MANIFEST).answer(MANIFEST, MANIFEST.solution)
    assert (marked.mark, marked.reason) == (Mark.UNJUDGED, "No cluster is chosen. Choose one")


def test_an_answer_that_cannot_be_kept_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Store, one: Given) -> None:
        raise LabError("The disk is full")

    monkeypatch.setattr(Store, "append_answer", full)
    going = played(CHOICE)
    with pytest.raises(LabError, match="full"):
        going.answer(CHOICE, "a")
    assert going.done == []


def test_what_was_right_the_last_time_comes_last() -> None:
    first, second, third = ASKED[:3]
    answers = [
        given(first, Mark.WRONG),
        given(first, Mark.RIGHT),
        given(second, Mark.RIGHT),
        given(second, Mark.WRONG),
        given(third, Mark.UNJUDGED),
    ]
    assert open_first(ASKED, answers) == [*ASKED[1:], first]


def test_the_command_asks_in_a_pipe_and_gaps_come_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [one.id for one in CONCEPTS[0].questions if one.kind is not Kind.MANIFEST][:2]
    seen = []
    for said in ("a\nq\n", "q\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(said))
        code = root.run(["quiz", *names, "--seed", "1", "--gaps", "--format", "json"])
        out, err = capsys.readouterr()
        seen.append((code, json.loads(out), err))
    (first_code, first, told), (_, second, again) = seen
    assert first["asked"] == 2
    (answer,) = first["answers"]
    assert first_code == (ExitCode.FAILED if answer["mark"] == "wrong" else ExitCode.UNJUDGED)
    assert f"1 of 2: {answer['question']}" in told
    assert second["answers"] == []
    other = next(name for name in names if name != answer["question"])
    expected = answer["question"] if answer["mark"] == "wrong" else other
    assert f"1 of 2: {expected}" in again
