"""Rules that permit nothing: malformed, misspelled, or in a group that has no such resource."""

from __future__ import annotations

import pytest

from labgrader.toolkit.rbac.rules import Action, Atom, Rule
from labgrader.toolkit.rbac.slips import Slips, served

LISTED = {
    "": [
        {"name": "pods", "singularName": "pod", "kind": "Pod", "shortNames": ["po"]},
        {"name": "pods/log", "singularName": "", "kind": "Pod"},
        {"name": "services", "singularName": "service", "kind": "Service", "shortNames": ["svc"]},
        {"name": "nodes", "singularName": "node", "kind": "Node", "shortNames": ["no"]},
    ],
    "apps": [
        {"name": "deployments", "singularName": "deployment", "kind": "Deployment"},
        {"name": "deployments/status", "singularName": "", "kind": "Deployment"},
    ],
    "fintech.io": [
        {"name": "tradingalgorithms", "singularName": "tradingalgorithm", "shortNames": ["ta"],
         "kind": "TradingAlgorithm"},
        {"name": "tradingalgorithms/status", "singularName": "", "kind": "TradingAlgorithm"},
    ],
}  # fmt: skip
SLIPS = Slips(lambda group: served(LISTED.get(group)))


@pytest.mark.parametrize(
    "atom",
    [
        Atom("GET", "apps", "deployments"),
        Atom("List", "apps", "deployments"),
        Atom("get,list", "apps", "deployments"),
        Atom("read", "apps", "deployments"),
        Atom("gett", "apps", "deployments"),
        Atom("get", "apps/v1", "deployments"),
        Atom("get", "v1", "pods"),
        Atom("get", "core", "pods"),
        Atom("get", "app", "deployments"),
        Atom("get", "extensions", "deployments"),
        Atom("get", "Apps", "deployments"),
        Atom("get", "fintech.io/v1", "tradingalgorithms"),
        Atom("get", "fintech.io", "TradingAlgorithm"),
        Atom("get", "fintech.io", "tradingalgorithm"),
        Atom("get", "fintech.io", "ta"),
        Atom("get", "fintech.io", "tradingalgoritms"),
        Atom("get", "fintech.io", "tradingalgorithm/status"),
        Atom("get", "fintech.io", "tradingalgorithms.fintech.io"),
        Atom("get", "apps", "Deployments"),
        Atom("get", "", "deployments"),
        Atom("get", "", "deployments.apps"),
        Atom("get", "apps", "services"),
        Atom("get", "", "pods/logs"),
        Atom("get", "", "pods/*"),
        Atom("GET", url="/metrics"),
    ],
)
def test_permits_nothing(atom: Atom) -> None:
    assert SLIPS.permits_nothing(atom)


@pytest.mark.parametrize(
    "atom",
    [
        Atom("get", "apps", "deployments"),
        Atom("*", "*", "*"),
        Atom("get", "*", "deployments"),
        Atom("get", "apps", "*"),
        Atom("get", "", "*/log"),
        Atom("escalate", "rbac.authorization.k8s.io", "clusterroles"),
        Atom("impersonate", "", "users"),  # of no discovery, and asked for all the same
        Atom("deletecollection", "", "pods"),
        Atom("get", "", "nodes/metrics"),
        Atom("update", "fintech.io", "tradingalgorithms/finalizers"),
        # A definition may bring these any time.
        Atom("get", "fintech.io", "orders"),
        Atom("get", "metrics.k8s.io", "pods"),
        Atom("get", url="/metrics"),
        Atom("get", url="/metrics/*"),
        Atom("post", url="/hook"),
    ],
)
def test_permits_something_now_or_later(atom: Atom) -> None:
    assert not SLIPS.permits_nothing(atom)


def test_says_what_was_meant() -> None:
    rule = Rule(("GET", "watch"), ("apps/v1", ""), ("Deployment", "pods"))
    assert [(one.key, one.index, one.written, one.meant) for one in SLIPS.of(rule)] == [
        ("verbs", 0, "GET", "get"),
        ("apiGroups", 0, "apps/v1", "apps"),
        ("resources", 0, "Deployment", "deployments"),
    ]
    mended = SLIPS.mended(rule)
    assert mended.permits(Action("get", "apps", "deployments", "ns"))
    assert mended.permits(Action("watch", "", "pods", "ns"))


def test_verbs_that_were_written_as_one_are_all_meant() -> None:
    rule = Rule(("get, list",), ("apps",), ("deployments",))
    (slip,) = SLIPS.of(rule)
    assert (slip.meant, slip.more) == ("get", ("list",))
    assert SLIPS.mended(rule).verbs == ("get", "list")


def test_resources_of_several_groups_in_one_rule_are_no_slip() -> None:
    rule = Rule(("get",), ("", "apps"), ("pods", "deployments"))
    assert not list(SLIPS.of(rule))
    (harmless,) = [atom for atom in rule.atoms(None) if atom.resource == "pods" and atom.group]
    assert SLIPS.permits_nothing(harmless)


def test_without_discovery_only_what_is_malformed_is_found() -> None:
    def asked(rule: Rule) -> list[str]:
        return [one.written for one in Slips().of(rule)]

    assert asked(Rule(("GET",), ("apps/v1",), ("Pods",))) == ["GET", "apps/v1", "Pods"]
    assert not asked(Rule(("get",), ("app",), ("deployment",)))
