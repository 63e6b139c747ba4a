"""Which cases share a batch: a partition of made-up cases, and of the lab's own. No cluster."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labgrader.author.batches import (
    MOST,
    Reach,
    Target,
    is_alone,
    joinable,
    of_read_keys,
    partition,
    reaches,
)
from labgrader.author.cases import Case, load_cases
from labgrader.content import catalog
from labgrader.grading.snapshot import ReadKey
from labgrader.kube.resources import CONFIG_MAP, POD, Object
from labgrader.model.result import Outcome
from labgrader.model.task import Criterion
from labgrader.paths import content_root

PASSED, FAILED = Outcome.PASSED, Outcome.FAILED

CRITERIA = [
    Criterion("one", "one", "One", "1.1", 2),
    Criterion("two", "two", "Two", "1.1", 2),
    Criterion("on_one", "on_one", "On one", "1.1", 2, needs=("one",)),
    Criterion("on_that", "on_that", "On that", "1.1", 2, needs=("on_one",)),
]
READS = {
    "one": [Target("", "ConfigMap", "a")],
    "two": [Target("", "ConfigMap", "b")],
    "on_that": [Target("", "ConfigMap", "c"), Target("", "Pod")],
    "things": [Target("example.io", "Thing", "t")],
}


def change(verb: str, kind: str, name: str, api: str = "v1") -> Object:
    """One change, in the form in which cases write it."""
    if verb in ("create", "replace", "refused"):
        return {verb: {"apiVersion": api, "kind": kind, "metadata": {"name": name}}}
    return {verb: {"apiVersion": api, "kind": kind, "name": name, "merge": {}}}


def case(criterion: str, *changes: Object, expect: Outcome = FAILED, **more: Any) -> Case:
    """An answer; its file is called after what it changes."""
    file = "-".join(next(iter(one)) + str(next(iter(one.values()))) for one in changes)
    path = Path(criterion) / f"{expect}-{file}.yaml"
    also = more.pop("also", ())
    return Case(criterion, "an answer", expect, changes, "why", also, path, **more)


def reach(one: Case) -> Reach:
    """How far it reaches in the lab above."""
    return next(reaches([one], CRITERIA, READS))


def patch(name: str, kind: str = "ConfigMap", api: str = "v1") -> Object:
    """A patch of a ConfigMap, or of another object."""
    return change("patch", kind, name, api)


CRD_API = "apiextensions.k8s.io/v1"
WEBHOOK = ("ValidatingWebhookConfiguration", "w", "admissionregistration.k8s.io/v1")
THING = ("Thing", "t", "example.io/v1")
DEFINED = ("CustomResourceDefinition", "things.example.io", CRD_API)

PAIRS = [
    (case("one", patch("a")), case("two", patch("b")), True),
    (case("one", patch("a")), case("one", patch("x")), False),  # the same criterion
    (case("one", patch("a")), case("two", patch("a")), False),  # the same object
    (case("one", patch("a")), case("two", patch("b"), also=("one",)), False),
    (case("one", patch("a")), case("on_one", patch("x")), False),  # blocked by the first
    (case("one", patch("a")), case("on_that", patch("c")), False),  # blocked through another
    (case("one", patch("a"), expect=PASSED), case("on_one", patch("x")), True),  # blocks nothing
    (case("one", patch("x")), case("two", patch("a")), False),  # hits what the first hides
    (case("one", patch("x")), case("two", patch("c")), False),  # hits what the first blocks
    (case("one", patch("x"), expect=PASSED), case("two", patch("a")), False),  # could mend it
    (case("on_that", patch("c")), case("two", patch("d", "Deployment", "apps/v1")), False),
    (case("two", patch("b")), case("one", change("delete", "Namespace", "n")), False),
    (case("two", patch("b")), case("one", patch("n", "Namespace")), False),
    (case("two", patch("b")), case("one", change("create", *WEBHOOK)), False),
    (case("two", patch("b")), case("one", patch("a"), lasting=True), False),
    (case("two", patch("b")), case("one", patch("a"), alone=True), False),
    (case("two", patch("b")), case("one", change("anew", "Namespace", "n")), False),
    (case("two", patch("b")), case("one", patch(DEFINED[1], DEFINED[0], CRD_API)), True),
    (case("two", patch("b")), case("one", change("delete", *DEFINED)), False),
    (case("things", change("patch", *THING)), case("two", patch("b")), True),
    (case("things", change("patch", *THING)), case("two", change("patch", *DEFINED)), False),
    (case("things", change("delete", *THING)), case("two", patch("b")), False),
]  # fmt: skip


@pytest.mark.parametrize(("one", "two", "together"), PAIRS)
def test_two_cases_share_a_batch_only_if_neither_can_hide_the_other(
    one: Case, two: Case, together: bool
) -> None:
    first, second = reach(one), reach(two)
    assert first.can_join(second) is together
    assert second.can_join(first) is together
    assert joinable((first, second)) is together
    assert len(partition([first, second])) == (1 if together else 2)


def test_what_a_wrong_answer_blocks_counts_as_hit() -> None:
    wrong, right = reach(case("one", patch("a"))), reach(case("one", patch("a"), expect=PASSED))
    assert wrong.hits == {"one", "on_one", "on_that"}
    assert right.hits == {"one"}
    assert wrong.affects == {"one"}


def test_interests_of_a_grading_become_targets() -> None:
    seen = {ReadKey(CONFIG_MAP, "x", "a"), ReadKey(POD, "x")}
    found = of_read_keys({"one": seen})
    assert found == {"one": {Target("", "ConfigMap", "a"), Target("", "Pod")}}


def test_a_batch_has_its_bounds_and_the_order_of_the_cases() -> None:
    many = [reach(case(f"c{i}", patch(f"m{i}"))) for i in range(20)]
    found = partition(many, 4)
    assert [len(batch) for batch in found] == [4] * 5
    assert [one for batch in found for one in batch] == many


def test_the_labs_cases_are_partitioned_alike_each_time() -> None:
    """Whatever order they come in; with what they change themselves as what is read."""
    cases = list(load_cases(content_root() / "tests" / "checks"))
    criteria = list(catalog.load(content_root()).lab.criteria())
    reads: dict[str, set[Target]] = {}
    for one in reaches(cases, criteria, {}):
        reads.setdefault(one.case.criterion, set()).update(one.touches)
    found = list(reaches(cases, criteria, reads))
    batches = partition(found)
    assert batches == partition(found)
    assert sorted(one.case.name for batch in batches for one in batch) == sorted(
        one.name for one in cases
    )
    assert len(batches) < len(cases) / 2
    for batch in batches:
        assert joinable(batch)
        assert len(batch) <= MOST
        assert len(batch) == 1 or not any(is_alone(one.case) for one in batch)
    random.Random(1).shuffle(found)
    assert all(joinable(batch) for batch in partition(found))


def test_a_case_can_say_that_it_is_alone() -> None:
    one = case("one", patch("a"))
    assert not is_alone(one)
    assert is_alone(replace(one, alone=True))
