"""Fixes that are pasted: which are commands, and when one has helped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labgrader.author import pasting
from labgrader.model.result import CheckResult, Item, Outcome


@pytest.mark.parametrize(
    ("fix", "command"),
    [
        ("kubectl create namespace x", "kubectl create namespace x"),
        ("roleRef is immutable: `kubectl delete role x && kubectl create role y`",
         "kubectl delete role x && kubectl create role y"),
        ("Remove a from spec.required: kubectl patch crd x -p '[{\"op\": \"remove\"}]'",
         "kubectl patch crd x -p '[{\"op\": \"remove\"}]'"),
        ("kubectl patch x -p '{\"A_B_C\": 1}'", "kubectl patch x -p '{\"A_B_C\": 1}'"),
        ("kubectl apply -f - <<EOF", ""),
        ("kubectl create configmap x --from-file=config.yaml", ""),
        ("kubectl delete pod THE-LEADER", ""),
        ("kubectl delete pod <name>", ""),
        ("kubectl patch x -p '…'", ""),
        ("kubectl edit role x", ""),
        ("kubectl create role x; then kubectl edit role x", ""),
        ("kubectl get pods shows them", ""),
        ("Set spec.replicas to 2", ""),
    ],
)  # fmt: skip
def test_the_command_of_a_fix(fix: str, command: str) -> None:
    assert pasting.command_in(fix) == command


@pytest.mark.parametrize(
    ("fix", "names"),
    [
        ("Set spec.replicas to 2", True),
        ("Remove minReplicas", True),
        ("In Role ns/trading-operator: take secrets out", True),
        ("Set it to 3", False),
        ("See its log", False),
    ],
)
def test_an_instruction_names_something(fix: str, names: bool) -> None:
    assert pasting.names_something(fix) is names


def result(outcome: Outcome, *names: str, reason: str = "why") -> CheckResult:
    """A result of which the conditions with these names fail."""
    parts = tuple(Item(name, Outcome.FAILED, 0, 0, reason=name) for name in names)
    item = Item("group", Outcome.FAILED, 1, 0, conditions=parts)
    return CheckResult("c", "1.1", "T", outcome, 1, reason=reason, items=(item,) if parts else ())


def test_a_fix_helps_where_its_condition_does_not_fail_any_more() -> None:
    before = result(Outcome.FAILED, "a", "b")
    assert pasting.helped(before, result(Outcome.PASSED))
    assert pasting.helped(before, result(Outcome.FAILED, "b"))
    assert not pasting.helped(before, before)
    assert not pasting.helped(before, result(Outcome.FAILED, "b", "a"))
    assert not pasting.helped(before, result(Outcome.ERROR))
    assert not pasting.helped(before, result(Outcome.FAILED, reason="does not exist"))


def test_where_the_whole_check_failed_it_has_to_come_further() -> None:
    before = result(Outcome.FAILED, reason="does not exist")
    assert pasting.helped(before, result(Outcome.FAILED, "a"))
    assert not pasting.helped(before, before)
    assert not pasting.helped(before, result(Outcome.BLOCKED, reason="waits"))


def test_a_fix_harms_what_passed_and_does_no_longer() -> None:
    passed, failed = result(Outcome.PASSED), result(Outcome.FAILED)
    before = {"a": passed, "b": failed, "c": passed}
    after = {"a": passed, "b": failed, "c": replace(failed, outcome=Outcome.BLOCKED)}
    assert pasting.harmed(before, after) == ["c"]
