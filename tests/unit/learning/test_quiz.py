"""The knowledge check and the checklists: drawing, judging, knowing, ticking; and their rules."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from labgrader.author.lint import lint
from labgrader.content.catalog import load
from labgrader.content.checklists import load_goals, shares, tick
from labgrader.errors import Cause, ContentError, UsageError
from labgrader.learning.quiz import draw, judge, load_quiz, right_letters
from labgrader.learning.sessions.knowledge import knowledge
from labgrader.learning.sessions.store import Given, Store
from labgrader.model.checklist import State
from labgrader.model.quiz import Kind, Mark
from labgrader.model.result import CheckResult, ClusterInfo, Outcome, Report, TaskResult
from labgrader.paths import content_root

ROOT = content_root()
CONCEPTS = load_quiz(ROOT)
ALL = [question for concept in CONCEPTS for question in concept.questions]


def test_there_are_enough_questions_of_several_kinds() -> None:
    assert [concept.id for concept in CONCEPTS] == ["crd", "operator", "production", "rbac"]
    assert len(ALL) >= 36
    assert min(len(concept.questions) for concept in CONCEPTS) >= 8
    kinds = Counter(question.kind for question in ALL)
    assert set(kinds) == set(Kind)
    assert kinds[Kind.MANIFEST] >= 4


@pytest.mark.parametrize("question", ALL, ids=lambda question: question.id)
def test_each_question_can_be_answered_and_explains_itself(question) -> None:  # type: ignore[no-untyped-def]
    assert question.explanation.strip()
    assert all(link.startswith("https://") for link in question.docs)
    if question.kind is Kind.MANIFEST:
        assert question.manifest.strip()
        assert question.solution.strip()
        return
    right = right_letters(question)
    assert right
    assert len(right) < len(question.options)
    assert judge(question, ",".join(right).upper()).mark is Mark.RIGHT
    wrong = next(letter for letter in "abcdefgh" if letter not in right)
    assert judge(question, wrong).mark is Mark.WRONG


def test_the_same_seed_asks_the_same() -> None:
    assert draw(CONCEPTS, [], None, 7) == draw(CONCEPTS, [], None, 7)
    assert draw(CONCEPTS, [], None, 7) != draw(CONCEPTS, [], None, 8)
    assert sorted(q.id for q in draw(CONCEPTS, [], None, 7)) == sorted(q.id for q in ALL)


def test_a_few_questions_come_from_all_concepts() -> None:
    assert {question.concept for question in draw(CONCEPTS, [], 4, 1)} == {c.id for c in CONCEPTS}
    assert {question.concept for question in draw(CONCEPTS, ["rbac"], None, 1)} == {"rbac"}


def test_unknown_names_and_letters_are_refused() -> None:
    with pytest.raises(UsageError, match="nonsense"):
        draw(CONCEPTS, ["nonsense"], None, 1)
    choice = next(question for question in ALL if question.kind is Kind.CHOICE)
    for letters in ("", "z", "ab", "1"):
        with pytest.raises(UsageError):
            judge(choice, letters)


def given(question: str, mark: Mark) -> Given:
    concept = next(one.concept for one in ALL if one.id == question)
    return Given(datetime.now(UTC), "lab", question, concept, mark.value)


def test_the_last_answer_counts_and_what_was_not_judged_does_not() -> None:
    first, second = (question.id for question in CONCEPTS[0].questions[:2])
    answers = [given(first, Mark.WRONG), given(first, Mark.RIGHT), given(second, Mark.UNJUDGED)]
    known = knowledge(CONCEPTS, answers)[0]
    assert (known.answered, known.right, known.again) == (1, 1, ())


def test_answers_are_kept_and_can_be_forgotten() -> None:
    store = Store()
    store.append_answer(given(ALL[0].id, Mark.RIGHT))
    assert [one.question for one in store.answers("lab")] == [ALL[0].id]
    assert store.delete_answers("lab") == 1
    assert store.answers("lab") == []


GOALS = load_goals(ROOT)
LAB = load(ROOT).lab


def report(**outcomes: Outcome) -> Report:
    tasks = []
    for task in LAB.tasks:
        checks = tuple(
            CheckResult(
                id=c.id,
                title=c.title,
                step=c.step,
                outcome=outcomes.get(c.id, Outcome.PASSED),
                points=c.points,
                earned=c.points if outcomes.get(c.id, Outcome.PASSED) is Outcome.PASSED else 0,
                optional=c.optional,
                cause=Cause.CAPABILITY if outcomes.get(c.id) is Outcome.ERROR else None,
            )
            for c in task.criteria()
        )
        tasks.append(TaskResult(task.id, task.title, task.budget_seconds, checks))
    info = ClusterInfo("embedded", "x", "v1", "real")
    return Report("lab", info, datetime.now(UTC), 1, 1, tuple(tasks))


def test_a_lab_that_is_done_ticks_everything() -> None:
    ticked = tick(GOALS, report().checks)
    assert [len(one.items) for one in ticked] == [5, 5, 4]
    assert {item.state for one in ticked for item in one.items} == {State.DONE}
    assert all(share.earned == share.possible for share in shares(GOALS, report().checks))


def test_what_failed_and_what_was_not_judged_are_two_things() -> None:
    results = report(alerts_fire=Outcome.FAILED, backup_restores=Outcome.ERROR)
    items = [item for one in tick(GOALS, results.checks) for item in one.items]
    states = Counter(item.state for item in items)
    assert states[State.NOT_YET] >= 2
    assert states[State.UNJUDGED] >= 1
    assert any("alerts_fire" in item.because for item in items if item.state is State.NOT_YET)


def test_every_point_of_the_lab_is_in_one_domain_of_the_exam() -> None:
    assert sum(share.possible for share in shares(GOALS, report().checks)) == 100
    assert sum(domain.weight for domain in GOALS.domains) == 100


@pytest.fixture
def content(tmp_path: Path) -> Path:
    for folder in ("checks", "tasks", "solutions"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "before", "after", "rule"),
    [
        ("quiz/rbac.yaml", "id: only-additive", "id: wrong-group", "ids"),
        ("quiz/crd.yaml", "right: true", "right: false", "quiz"),
        ("checklists.yaml", "[backup_job]", "[backup_jobs]", "checklists"),
        ("checklists.yaml", "weight: 30", "weight: 40", "exam"),
        ("checklists.yaml", "[backup_restores]", "[backup_restores, backup_job]", "exam"),
    ],
)
def test_lint_finds_it(content: Path, file: str, before: str, after: str, rule: str) -> None:
    path = content / "tasks" / file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    findings, _ = lint(content)
    assert rule in {finding.rule for finding in findings}, findings


def test_a_file_that_is_no_quiz_is_said_so(content: Path) -> None:
    (content / "tasks" / "quiz" / "rbac.yaml").write_text("questions: 7\n")
    with pytest.raises(ContentError, match=r"rbac\.yaml"):
        load_quiz(content)
