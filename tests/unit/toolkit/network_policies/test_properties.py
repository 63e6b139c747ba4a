"""What holds for all policies, tried on random ones. The seed is part of each test's name."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from labgrader.toolkit.network_policies.answers import Verdict
from labgrader.toolkit.network_policies.evaluator import NetworkPolicies
from labgrader.toolkit.network_policies.peers import Pod, Question
from tests.unit.toolkit.network_policies.generated import (
    ENDS,
    PODS,
    PORTS,
    QUESTIONS,
    reachable,
    some_policies,
    some_policy,
)

SEEDS = range(40)
GARBAGE: tuple[Any, ...] = (None, {"unknown": 1}, 7, "text")


def verdicts(policies: list[dict[str, Any]], questions: list[Question]) -> list[Verdict]:
    return [answer.verdict for answer in NetworkPolicies(policies).answers(questions)]


def sample(dice: random.Random, count: int = 150) -> list[Question]:
    return dice.sample(QUESTIONS, count)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_oracle_says_the_same(seed: int) -> None:
    dice = random.Random(seed)
    policies = some_policies(dice, blocks=False)
    expected = reachable(policies)
    places = {id(end): index for index, end in enumerate(ENDS)}
    for answer in NetworkPolicies(policies).answers(QUESTIONS):
        asked = answer.question
        ends = places[id(asked.source)], places[id(asked.destination)]
        triple = (*ends, (asked.port, asked.protocol))
        assert answer.allowed is (triple in expected), f"{answer}\n{policies}"


@pytest.mark.parametrize("seed", SEEDS)
def test_the_oracle_says_the_same_of_blocks(seed: int) -> None:
    """Where one end is an address, all is known; of two Pods, blocks may leave it open."""
    dice = random.Random(1000 + seed)
    policies = some_policies(dice, blocks=True)
    expected = reachable(policies)
    places = {id(end): index for index, end in enumerate(ENDS)}
    for answer in NetworkPolicies(policies).answers(QUESTIONS):
        asked = answer.question
        ends = places[id(asked.source)], places[id(asked.destination)]
        triple = (*ends, (asked.port, asked.protocol))
        between_pods = max(ends) < len(PODS)
        if not between_pods or answer.verdict is not Verdict.UNKNOWN:
            assert answer.allowed is (triple in expected), f"{answer}\n{policies}"


def test_the_oracle_sees_policies_that_matter() -> None:
    """Random policies that allow all or nothing would compare nothing."""
    shares = []
    for seed in SEEDS:
        found = reachable(some_policies(random.Random(seed), blocks=False))
        shares.append(len(found) / (len(ENDS) ** 2 * len(PORTS)))
    assert sum(0.05 < share < 0.95 for share in shares) > len(SEEDS) / 2


@pytest.mark.parametrize("seed", SEEDS)
def test_another_policy_takes_nothing_from_pods_that_are_isolated_already(seed: int) -> None:
    dice = random.Random(2000 + seed)
    deny = [
        {"metadata": {"name": "deny", "namespace": namespace},
         "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}
        for namespace in ("red", "blue", "bare")
    ]  # fmt: skip
    before = [*deny, *some_policies(dice, blocks=True)]
    after = [*before, some_policy(dice, "more", True)]
    questions = sample(dice)
    for one, more in zip(verdicts(before, questions), verdicts(after, questions), strict=True):
        order = (Verdict.DENIED, Verdict.UNKNOWN, Verdict.ALLOWED)
        assert order.index(more) >= order.index(one)


@pytest.mark.parametrize("seed", SEEDS)
def test_order_and_grouping_of_rules_mean_nothing(seed: int) -> None:
    dice = random.Random(3000 + seed)
    policies = some_policies(dice, blocks=True)
    questions = sample(dice)
    expected = verdicts(policies, questions)
    split = list(one_rule_each(policies))
    dice.shuffle(split)
    assert verdicts(split, questions) == expected


def one_rule_each(policies: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the same policies with types written out, and with at most one rule each."""
    for policy in policies:
        spec = policy["spec"]
        types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
        for kind in types:
            direction = kind.lower()
            for rules in [[], *([rule] for rule in spec.get(direction, []))]:
                yield {**policy, "spec": {
                    "podSelector": spec["podSelector"], "policyTypes": [kind], direction: rules,
                }}  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_what_cannot_be_read_leaves_no_answer_that_depends_on_it(seed: int) -> None:
    """Any part may mean anything once it is garbage: also what was there before."""
    dice = random.Random(4000 + seed)
    policies = some_policies(dice, blocks=True)
    questions = sample(dice)
    expected = verdicts(policies, questions)
    for _ in range(8):
        broken = copy.deepcopy(policies)
        spoil(dice, dice.choice(broken)["spec"])
        for known, found in zip(expected, verdicts(broken, questions), strict=True):
            assert found in (known, Verdict.UNKNOWN), broken


def spoil(dice: random.Random, spec: dict[str, Any]) -> None:
    """Replace one part of a spec by something that the API does not define."""
    places: list[tuple[Any, Any]] = [(spec, "new-field")]
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        rules = spec.get(direction, [])
        places += [(rules, index) for index in range(len(rules))]
        for rule in rules:
            for items in (rule.get(peers, []), rule.get("ports", [])):
                places += [(items, index) for index in range(len(items))]
                places += [(item, "new-field") for item in items]
    holder, key = dice.choice(places)
    holder[key] = dice.choice(GARBAGE if key != "new-field" else GARBAGE[1:])


@pytest.mark.parametrize("seed", SEEDS)
def test_knowing_more_of_a_pod_changes_no_answer(seed: int) -> None:
    """Addresses and nodes that become known only settle what could not be judged."""
    dice = random.Random(5000 + seed)
    policies = some_policies(dice, blocks=True)
    for asked in sample(dice):
        answer = NetworkPolicies(policies).answer(asked)
        ends = [
            replace(end, addresses=(dice.choice(("192.0.2.7", "10.0.0.1", "2001:db8::9")),),
                    node=dice.choice(("a", "b"))) if isinstance(end, Pod) else end
            for end in (asked.source, asked.destination)
        ]  # fmt: skip
        more = NetworkPolicies(policies).answer(Question(*ends, asked.port, asked.protocol))
        if answer.verdict is not Verdict.UNKNOWN:
            assert more.verdict is answer.verdict


@pytest.mark.parametrize("seed", SEEDS)
def test_a_pod_in_the_host_network_is_judged_where_both_readings_agree(seed: int) -> None:
    dice = random.Random(6000 + seed)
    policies = some_policies(dice, blocks=False)
    found = NetworkPolicies(policies)
    for asked in sample(dice):
        if not isinstance(asked.source, Pod):
            continue
        host = replace(asked.source, host_network=True, addresses=("203.0.113.1",), node="a")
        answer = found.answer(replace(asked, source=host))
        as_pod, as_node = found.answer(asked), found.answer(replace(asked, source=host.as_node()))
        if answer.verdict is not Verdict.UNKNOWN:
            assert answer.verdict is as_pod.verdict is as_node.verdict
        else:
            assert as_pod.verdict is not as_node.verdict or as_pod.verdict is Verdict.UNKNOWN
