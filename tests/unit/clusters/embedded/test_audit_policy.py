"""What the lab's own cluster records, by the labs that are there; and what it does not know."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from labgrader.clusters.embedded import audit_log, manifests
from labgrader.kube.resources import DEPLOYMENT, LEASE, SECRET, Resource
from labgrader.model.manifest import NOTHING, Manifest, Needs, needs_of
from labgrader.toolkit.audit_policy import Policy

RECORDED = Needs(("one", "two"), ("a.example",))
THING = Resource("a.example", "v1", "things", "Thing")
OTHER = Resource("b.example", "v1", "things", "Thing")


def kept(policy: Path, resource: Resource, namespace: str) -> str:
    if audit_log.keeps(policy, resource, namespace, contents=True):
        return "whole"
    return "written" if audit_log.keeps(policy, resource, namespace) else "unknown"


@pytest.mark.parametrize("needs", [RECORDED, NOTHING, Needs(("one",)), Needs((), ("a",))])
def test_the_audit_policy_is_valid_and_keeps_what_labs_declare_and_no_more(
    tmp_path: Path, needs: Needs
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(manifests.audit_policy(needs))
    Policy.of(yaml.safe_load(path.read_bytes()))
    for space in ("one", "two", "elsewhere"):
        here = "written" if space in needs.namespaces else "unknown"
        assert kept(path, THING, space) == ("whole" if THING.group in needs.groups else here)
        for resource in (OTHER, DEPLOYMENT, LEASE):
            assert kept(path, resource, space) == here
        assert kept(path, SECRET, space) == here


def test_what_cannot_be_read_keeps_nothing(tmp_path: Path) -> None:
    assert kept(tmp_path / "absent.yaml", THING, "one") == "unknown"
    (tmp_path / "odd.yaml").write_text("{")
    assert kept(tmp_path / "odd.yaml", THING, "one") == "unknown"


def test_a_lab_that_came_later_is_not_recorded(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(manifests.audit_policy(RECORDED))
    known = Manifest("a", "A", "one", namespaces=("one",), recorded_groups=("a.example",))
    later = Manifest("b", "B", "new", namespaces=("new", "two"), recorded_groups=("b.example",))
    assert audit_log.unrecorded(path, known) == []
    assert audit_log.unrecorded(path, later) == ["new", "b.example"]
    path.write_bytes(manifests.audit_policy(needs_of([known, later])))
    assert audit_log.unrecorded(path, later) == []


def test_the_audit_policy_meets_secrets_before_any_rule_that_logs_bodies() -> None:
    rules = yaml.safe_load(manifests.audit_policy(RECORDED))["rules"]
    bodies = [i for i, rule in enumerate(rules) if rule["level"] in ("Request", "RequestResponse")]
    closed = [
        i
        for i, rule in enumerate(rules)
        if rule["level"] == "None"
        and any("secrets" in r.get("resources", []) for r in rule.get("resources", []))
    ]
    assert closed
    assert closed[0] < min(bodies)
    assert rules[-1] == {"level": "None"}


def test_the_audit_policy_records_leases_of_the_lab_only_and_no_bodies() -> None:
    rules = yaml.safe_load(manifests.audit_policy(RECORDED))["rules"]
    about = [
        r for r in rules if any("leases" in x.get("resources", []) for x in r.get("resources", []))
    ]
    assert [(one["level"], one.get("namespaces")) for one in about] == [
        ("Metadata", ["one", "two"]),
        ("None", None),
    ]
