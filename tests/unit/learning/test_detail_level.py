"""What a step shows at each level, and the solution beside what the learner has."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from labgrader.content.catalog import load
from labgrader.learning.detail_level import BLANK, shown, solution_of, with_gaps
from labgrader.learning.solution_diff import APPLIED, side_by_side, written
from labgrader.model.modes import Level
from labgrader.paths import content_root

LAB = load(content_root()).lab
STEPS = [(task, step) for task in LAB.tasks for step in task.steps]


@pytest.mark.parametrize(("task", "step"), STEPS, ids=lambda one: one.id)
def test_each_level_of_each_step(task: Any, step: Any) -> None:
    assert shown(LAB, task, step, Level.GUIDED) == step.snippets
    assert shown(LAB, task, step, Level.EXAM) == ()
    gapped = shown(LAB, task, step, Level.GAPS)
    for snippet in gapped:
        if snippet not in step.snippets:
            assert BLANK in snippet.body
            assert list(
                yaml.safe_load_all(snippet.body)
            )  # still YAML: it can be applied and mended
    assert bool(step.gaps) == any(BLANK in snippet.body for snippet in gapped)


def test_most_steps_have_a_solution_to_look_at() -> None:
    without = [step.id for task, step in STEPS if not solution_of(LAB, task, step)]
    assert without == ["1.6", "2.5", "3.5", "4.4"]  # a bonus, questions, looking, a deletion


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("minimum: 5\n", f"minimum: {BLANK}\n"),
        ("{minimum: 5, maximum: 6}\n", f"{{minimum: {BLANK}, maximum: 6}}\n"),
        ("minimum: [a, b]  # why\n", f"minimum: {BLANK}  # why\n"),
        ("minimum:\n  deep: 1\n", "minimum:\n  deep: 1\n"),
        ("exclusive-minimum: 5\n", "exclusive-minimum: 5\n"),
        ('minimum: "a, b"\n', f"minimum: {BLANK}\n"),
        ("# minimum: 5\nx: 1\n", "x: 1\n"),
    ],
)
def test_gaps(text: str, left: str) -> None:
    assert with_gaps(text, ["minimum"]) == left


SOLUTION = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "x", "labels": {"a": "1"}},
    "data": {"k": "v"},
}


def found(**changes: Any) -> dict[str, Any]:
    """Return the object as an API server gives it."""
    server = {"uid": "1", "resourceVersion": "7", "managedFields": [{"manager": "kubectl"}]}
    base: dict[str, Any] = json.loads(json.dumps(SOLUTION))
    base["metadata"] |= server
    base["immutable"] = False
    return {**base, **changes}


def test_what_the_server_filled_in_is_left_out() -> None:
    assert written(found(), SOLUTION) == SOLUTION


def test_what_the_learner_added_is_shown() -> None:
    applied = json.dumps({"data": {"k": "v", "mine": "too"}})
    theirs = found(data={"k": "other", "mine": "too", "somebody": "else's"})
    theirs["metadata"]["annotations"] = {APPLIED: applied}
    kept = written(theirs, SOLUTION)
    assert kept["data"] == {"k": "other", "mine": "too"}
    assert "annotations" not in kept["metadata"]


@pytest.mark.parametrize("noted", ["{", "[]", "7", '"x"'])
def test_a_note_that_is_garbage_hides_nothing(noted: str) -> None:
    theirs = found()
    theirs["metadata"]["annotations"] = {APPLIED: noted}
    assert written(theirs, SOLUTION) == SOLUTION


def test_items_of_lists_are_compared_with_their_namesakes() -> None:
    solution = {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]}
    theirs = {
        "containers": [
            {"name": "b", "image": "z", "imagePullPolicy": "Always"},
            {"name": "a", "image": "x", "terminationMessagePath": "/dev"},
        ]
    }
    assert written(theirs, solution)["containers"] == [
        {"name": "b", "image": "z"},
        {"name": "a", "image": "x"},
    ]


def test_lines_stand_on_the_same_height() -> None:
    rows = side_by_side("a\nb\nc\n", "a\nB\nB2\nc\n")
    assert [(left.text, right.text) for left, right in rows] == [
        ("a", "a"),
        ("b", "B"),
        ("", "B2"),
        ("c", "c"),
    ]
    assert [left.differs for left, _ in rows] == [False, True, True, False]
