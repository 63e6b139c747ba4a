"""Conditions of objects, also of those that no API server would write so."""

from __future__ import annotations

import pytest

from labgrader.kube.conditions import condition, is_true

READY = {"type": "Ready", "status": "True", "reason": "Fine"}
OBJECT = {"status": {"conditions": [{"type": "Scheduled", "status": "False"}, READY]}}


def test_a_condition_is_found_by_its_type() -> None:
    assert condition(OBJECT, "Ready") == READY
    assert condition(OBJECT, "Ready", "Scheduled")["type"] == "Scheduled", "the first in the list"
    assert condition(OBJECT, "Available") == {}


def test_only_true_is_true() -> None:
    assert is_true(OBJECT, "Ready")
    assert not is_true(OBJECT, "Scheduled")
    assert not is_true(OBJECT, "Available")


@pytest.mark.parametrize(
    "odd",
    [
        None,
        {},
        {"status": None},
        {"status": {"conditions": None}},
        {"status": {"conditions": "Ready"}},
        {"status": {"conditions": ["Ready", {"status": "True"}]}},
    ],
)
def test_what_is_no_list_of_conditions_has_none(odd: object) -> None:
    assert condition(odd, "Ready") == {}  # type: ignore[arg-type]
    assert not is_true(odd, "Ready")  # type: ignore[arg-type]
