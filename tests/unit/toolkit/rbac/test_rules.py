"""The rules of access control, against an oracle that asks for everything one by one."""

from __future__ import annotations

import json
import random
from itertools import product
from typing import Any

import pytest

from labgrader.toolkit.rbac.fixes import narrowing
from labgrader.toolkit.rbac.rules import (
    Account,
    Action,
    Atom,
    Rule,
    Table,
    actions,
    covers_resource,
)

GROUPS = ("", "apps", "else")
RESOURCES = ("pods", "pods/log", "deployments", "deployments/scale", "fresh", "fresh/log")
VERBS = ("get", "create", "fresh")
NAMES = ("", "one", "two")
SPACES = (None, "lab", "other")
URLS = ("/api", "/api/v1", "/metrics")
WORLD = [
    Action(verb, group, resource, space, name)
    for verb, group, resource, space, name in product(VERBS, GROUPS, RESOURCES, SPACES, NAMES)
] + [Action(verb, url=url) for verb, url in product(VERBS, URLS)]
SEEDS = range(80)


def server_says(rule: dict[str, Any], space: str | None, action: Action) -> bool:
    """Say what Kubernetes' own authorizer says (RuleAllows, VisitRulesFor), in its own order."""
    if space is not None and action.namespace != space:
        return False
    if not any(verb in ("*", action.verb) for verb in rule["verbs"]):
        return False
    if action.url:
        return any(
            url == action.url or (url.endswith("*") and action.url.startswith(url.rstrip("*")))
            for url in rule.get("nonResourceURLs", [])
        )
    if not any(group in ("*", action.group) for group in rule.get("apiGroups", [])):
        return False
    matches = False
    subresource = action.resource.partition("/")[2]
    for resource in rule.get("resources", []):
        star = bool(subresource) and len(resource) == len(subresource) + 2
        matches |= resource in ("*", action.resource) or (
            star and resource.startswith("*/") and resource.endswith(subresource)
        )
    names = rule.get("resourceNames", [])
    return matches and (not names or action.name in names)


def some(dice: random.Random, values: tuple[str, ...], *, most: int = 3) -> list[str]:
    return dice.sample(values, dice.randint(1, min(most, len(values))))


def random_rule(dice: random.Random, *, wild: bool = True) -> dict[str, Any]:
    star = ("*",) if wild else ()
    verbs = some(dice, (*VERBS, *star))
    if dice.random() < 0.15:
        return {"nonResourceURLs": some(dice, (*URLS, "/api/*", *star)), "verbs": verbs}
    rule = {
        "apiGroups": some(dice, (*GROUPS, *star)),
        "resources": some(dice, (*RESOURCES, *((*star, "*/log") if wild else ()))),
        "verbs": verbs,
    }
    if dice.random() < 0.3:
        rule["resourceNames"] = some(dice, NAMES[1:])
    return rule


@pytest.mark.parametrize("seed", SEEDS)
def test_a_rule_permits_what_the_authorizer_permits(seed: int) -> None:
    raw = random_rule(random.Random(seed))
    rule = Rule.of(raw)
    for action in WORLD:
        assert rule.permits(action) == server_says(raw, None, action), (raw, action)


@pytest.mark.parametrize("seed", SEEDS)
def test_atoms_permit_together_what_their_rule_permits(seed: int) -> None:
    dice = random.Random(seed)
    raw, space = random_rule(dice), dice.choice(SPACES)
    atoms = list(Rule.of(raw).atoms(space))
    for action in WORLD:
        asked = atom_of(action)
        assert any(asked.within(atom) for atom in atoms) == server_says(raw, space, action)


@pytest.mark.parametrize("seed", SEEDS)
def test_beyond_the_table_is_what_the_table_does_not_permit(seed: int) -> None:
    """The world holds words that no table lists, so a wildcard always shows as more than a list."""
    dice = random.Random(seed)
    listed = [random_rule(dice, wild=False) for _ in range(4)]
    for rule in listed:  # the table knows nothing called "fresh", nor the group "else"
        rule["verbs"] = [verb for verb in rule["verbs"] if verb != "fresh"] or ["get"]
        if "resources" in rule:
            rule["apiGroups"] = [g for g in rule["apiGroups"] if g != "else"] or ["apps"]
            known = [one for one in rule["resources"] if not one.startswith("fresh")]
            rule["resources"] = known or ["pods"]
            rule.pop("resourceNames", None)
    held, space = random_rule(dice), dice.choice(SPACES)
    table = Table.of(listed)
    excess = [atom for atom in Rule.of(held).atoms(space) if not table.covers(atom)]
    truly = [
        action
        for action in WORLD
        if server_says(held, space, action)
        and not any(server_says(rule, None, action) for rule in listed)
    ]
    if space and "nonResourceURLs" in held:
        assert not excess  # a RoleBinding gives no URLs
    else:
        assert bool(excess) == bool(truly), (held, space, listed, excess, truly[:3])


@pytest.mark.parametrize("seed", SEEDS)
def test_narrowing_takes_the_excess_and_leaves_the_rest(seed: int) -> None:
    dice = random.Random(seed)
    raw = random_rule(dice)
    table = Table.of([random_rule(dice, wild=False) for _ in range(4)])
    beyond = [atom for atom in Rule.of(raw).atoms(None) if not table.covers(atom)]
    if not beyond:
        return
    rules = patched([{"verbs": ["spare"]}, raw], narrowing(Rule.of(raw), 1, beyond, table))
    left = {atom for rule in rules[1:] for atom in Rule.of(rule).atoms(None)}
    fine = {atom for atom in Rule.of(raw).atoms(None) if table.covers(atom)}
    assert rules[0] == {"verbs": ["spare"]}
    assert all(table.covers(atom) for atom in left), (raw, rules)
    assert all(any(atom.within(one) for one in left) for atom in fine), (raw, rules)


def patched(rules: list[dict[str, Any]], ops: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Apply the few kinds of JSON patch that are used here."""
    role: Any = {"rules": json.loads(json.dumps(rules))}
    for op in ops:
        *way, last = op["path"].strip("/").split("/")
        target = role
        for step in way:
            target = target[int(step)] if isinstance(target, list) else target[step]
        if op["op"] == "remove":
            del target[int(last)]
        elif last == "-":
            target.append(op["value"])
        else:
            target[int(last)] = op["value"]
    result: list[dict[str, Any]] = role["rules"]
    return result


def atom_of(action: Action) -> Atom:
    names = frozenset({action.name} if action.name else ())
    return Atom(action.verb, action.group, action.resource, names, action.url, action.namespace)


def test_wildcards_are_spelt_out_as_far_as_the_table_goes() -> None:
    table = Table.of([{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}])
    rule = Rule.of({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]})
    ops = narrowing(rule, 0, list(rule.atoms(None)), table)
    value = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}
    assert ops == [{"op": "replace", "path": "/rules/0", "value": value}]


def test_a_rule_with_names_permits_no_other_and_no_list() -> None:
    rule = Rule.of(
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": ["a"],
            "verbs": ["get", "list"],
        }
    )
    assert rule.permits(Action("get", "", "secrets", "lab", "a"))
    assert not rule.permits(Action("get", "", "secrets", "lab", "b"))
    assert not rule.permits(Action("list", "", "secrets", "lab"))


@pytest.mark.parametrize(
    ("pattern", "resource", "covered"),
    [
        ("pods", "pods", True),
        ("pods", "pods/log", False),
        ("*", "pods/log", True),
        ("*/log", "pods/log", True),
        ("*/log", "pods", False),
        ("*/log", "pods/logs", False),
        ("pods/*", "pods/log", False),
    ],
)
def test_resources(pattern: str, resource: str, covered: bool) -> None:
    assert covers_resource(pattern, resource) is covered


@pytest.mark.parametrize(
    ("subject", "named", "reached"),
    [
        ({"kind": "ServiceAccount", "namespace": "lab", "name": "op"}, True, True),
        ({"kind": "ServiceAccount", "namespace": "default", "name": "op"}, False, False),
        ({"kind": "ServiceAccount", "name": "op"}, False, False),
        ({"kind": "User", "name": "system:serviceaccount:lab:op"}, True, True),
        ({"kind": "User", "name": "op"}, False, False),
        ({"kind": "Group", "name": "system:serviceaccounts:lab"}, False, True),
        ({"kind": "Group", "name": "system:serviceaccounts"}, False, True),
        ({"kind": "Group", "name": "system:authenticated"}, False, True),
        ({"kind": "Group", "name": "system:unauthenticated"}, False, False),
        ({"kind": "Group", "name": "system:serviceaccounts:default"}, False, False),
        ({"kind": "Group", "name": "system:serviceaccount:lab:op"}, False, False),
    ],
)
def test_subjects(subject: dict[str, str], named: bool, reached: bool) -> None:
    account = Account("lab", "op")
    assert account.is_named_by(subject) is named
    assert account.is_reached_by(subject) is reached


def test_what_a_table_asks_for() -> None:
    rows = [
        {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"], "cluster": True},
        {"apiGroups": [""], "resources": ["leases"], "verbs": ["get"], "resourceNames": ["a", "b"]},
        {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
    ]
    asked = actions(rows, "lab")
    assert [str(one) for one in asked] == [
        "get deployments.apps/scale in lab",
        "list nodes across the cluster",
        "get leases a in lab",
        "get leases b in lab",
        "get /metrics",
    ]
    assert asked[0].attributes() == {
        "resourceAttributes": {
            "verb": "get",
            "group": "apps",
            "resource": "deployments",
            "subresource": "scale",
            "namespace": "lab",
        }
    }
    assert "namespace" not in asked[1].attributes()["resourceAttributes"]
    assert asked[4].attributes() == {"nonResourceAttributes": {"path": "/metrics", "verb": "get"}}
