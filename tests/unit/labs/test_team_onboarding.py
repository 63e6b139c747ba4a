"""The second lab's content as it is written, and what its checks compute without a cluster."""

from __future__ import annotations

import importlib
import re
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import pytest

from labgrader.author.cases import load_cases
from labgrader.content.catalog import load
from labgrader.learning.drills import load_drills
from labgrader.learning.quiz import load_quiz
from labgrader.model.result import Outcome
from labgrader.util.bounded_yaml import read_documents

ROOT = Path(__file__).parents[3] / "labs" / "team-onboarding" / "labgrader_team_onboarding"
CATALOG = load(ROOT)
PACKAGE = "labgrader_labs.team_onboarding.checks"


def shared(name: str) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}._shared.{name}")


def test_three_tasks_make_thirty_points_in_twenty_minutes() -> None:
    tasks = CATALOG.lab.tasks
    assert [sum(c.points for c in task.criteria()) for task in tasks] == [8, 12, 10]
    assert [task.budget_seconds // 60 for task in tasks] == [6, 8, 6]
    assert not CATALOG.faults


def test_the_quiz_the_drills_and_the_cases_are_enough() -> None:
    questions = [one.id for concept in load_quiz(ROOT) for one in concept.questions]
    assert len(questions) == 12
    assert len(load_drills(ROOT)) == 4
    predicted = {e.predict for t in CATALOG.lab.tasks for s in t.steps for e in s.errata}
    assert predicted <= set(questions)
    cases = list(load_cases(ROOT / "tests" / "checks"))
    assert sum(one.expect is Outcome.FAILED for one in cases) >= 30
    assert sum(one.expect is Outcome.PASSED for one in cases) >= 20


def test_checks_know_no_name_and_no_number_of_the_task() -> None:
    for path in sorted((ROOT / "checks").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"team-red|red-|registry\.internal|8080|4317|4711", text), path


def test_what_policies_mention_is_asked_about() -> None:
    module = shared("mentioned")
    peer = {"namespaceSelector": {"matchLabels": {"team": "blue"}}, "podSelector": {}}
    block = {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/24"]}}
    rule = {"from": [peer, block], "ports": [{"port": 8000, "endPort": 8010}, {"port": "http"}]}
    policy = {"spec": {"podSelector": {"matchLabels": {"app": "x"}}, "ingress": [rule]}}
    told = module.mentioned([policy], "ingress")
    assert told.namespaces == ({"team": "blue"},)
    assert told.pods == ()
    assert told.ports == ((8000, "TCP"), (8010, "TCP"))
    assert told.addresses == ("10.128.0.0",)
    assert module.selected([policy]) == ({"app": "x"},)


@pytest.mark.parametrize(
    ("spec", "directions"),
    [
        ({"ingress": []}, ["ingress"]),
        ({"egress": [{}]}, ["ingress", "egress"]),
        ({"policyTypes": ["Egress"]}, ["egress"]),
        ({"policyTypes": ["Ingress", "Egress"]}, ["ingress", "egress"]),
    ],
)
def test_a_policy_counts_in_its_directions(spec: dict[str, object], directions: list[str]) -> None:
    found = [
        one for one in ("ingress", "egress") if shared("mentioned").only([{"spec": spec}], one)
    ]
    assert found == directions


def test_a_probe_fits_between_the_limits() -> None:
    pods = shared("pods")
    limits = {"type": "Container", "min": {"cpu": "50m"}, "max": {"memory": "8Mi"}}
    sizes = pods.within([{"spec": {"limits": [limits]}}])
    assert sizes == {"cpu": Fraction(1, 20), "memory": Fraction(8 * 1024**2)}
    assert pods.written("cpu", Fraction(1, 20)) == "50m"


def test_what_the_solution_makes_is_reset() -> None:
    entries = [
        one for document in read_documents(ROOT / "solutions/reset.yaml") for one in document
    ]
    kinds = [one["kind"] for one in entries]
    assert kinds[-2:] == ["Namespace", "Namespace"]
    assert all("name" in one for one in entries), "an entry without a name removes what others made"
