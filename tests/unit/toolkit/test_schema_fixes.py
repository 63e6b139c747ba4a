"""Commands that change a schema: what they point at, and what they do where it is not declared."""

from __future__ import annotations

import json
from typing import Any

import pytest

from labgrader.kube.resources import Object, Resource
from labgrader.toolkit import schema_fixes

RESOURCE = Resource("fintech.io", "v1", "tradingalgorithms", "TradingAlgorithm")


@pytest.fixture
def crd() -> Object:
    risk = {"type": "object", "properties": {"limit": {"type": "integer", "default": 5}}}
    spec = {
        "type": "object",
        "required": ["risk", "note"],
        "properties": {"risk": risk, "note": {"type": "string", "nullable": True}},
    }
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    versions = [{"name": "v1beta1"}, {"name": "v1", "schema": schema}]
    return {"metadata": {"name": RESOURCE.definition}, "spec": {"versions": versions}}


def patch(command: str) -> list[dict[str, Any]]:
    head, _, text = command.partition(" -p ")
    assert head == f"kubectl patch crd {RESOURCE.definition} --type=json"
    found: list[dict[str, Any]] = json.loads(text.strip("'"))
    return found


SPEC = "/spec/versions/1/schema/openAPIV3Schema/properties/spec"


def test_limits_are_set_where_the_field_is_declared(crd: Object) -> None:
    probe = {"path": "risk.limit", "value": 0, "schema": {"minimum": 1}}
    command = schema_fixes.refusing(crd, RESOURCE, probe, defaulted=False)
    place = f"{SPEC}/properties/risk/properties/limit/minimum"
    assert patch(command) == [{"op": "add", "path": place, "value": 1}]


def test_a_field_is_required_beside_the_others(crd: Object) -> None:
    probe = {"path": "risk.limit", "remove": True}
    assert patch(schema_fixes.refusing(crd, RESOURCE, probe, defaulted=False)) == [
        {"op": "add", "path": f"{SPEC}/properties/risk/required", "value": ["limit"]}
    ]
    probe = {"path": "more", "remove": True}
    assert patch(schema_fixes.refusing(crd, RESOURCE, probe, defaulted=False)) == [
        {"op": "add", "path": f"{SPEC}/required/-", "value": "more"}
    ]


def test_a_default_goes(crd: Object) -> None:
    probe = {"path": "risk.limit", "remove": True}
    place = f"{SPEC}/properties/risk/properties/limit/default"
    assert patch(schema_fixes.refusing(crd, RESOURCE, probe, defaulted=True)) == [
        {"op": "remove", "path": place}
    ]


def test_rules_are_added_to_rules(crd: Object) -> None:
    rule = {"x-kubernetes-validations": [{"rule": "true"}]}
    assert patch(schema_fixes.setting(crd, "v1", "", rule))[0]["value"] == [{"rule": "true"}]
    spec = crd["spec"]["versions"][1]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["x-kubernetes-validations"] = [{"rule": "self.note != ''"}]
    (op,) = patch(schema_fixes.setting(crd, "v1", "", rule))
    assert (op["path"], op["value"]) == (f"{SPEC}/x-kubernetes-validations/-", {"rule": "true"})


def test_what_is_required_too_much_is_named_and_removed(crd: Object) -> None:
    said = 'TradingAlgorithm.fintech.io "x" is invalid: spec.note: Required value'
    told, _, command = schema_fixes.admitting(crd, RESOURCE, said).partition(": ")
    assert told == "Remove note from spec.required"
    assert patch(command) == [{"op": "remove", "path": f"{SPEC}/required/1"}]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("spec.risk.limit: Invalid value: 5: in body should be greater than or equal to 10",
         "minimum of spec.risk.limit"),
        ('spec.note: Unsupported value: "a": supported values: "b"', "enum of spec.note"),
        ('spec.note: Invalid value: "integer": spec.note in body must be of type integer',
         "type of spec.note"),
        ('admission webhook "x" denied the request: no', "Change the webhook x"),
        ('strict decoding error: unknown field "spec.more"', "Declare the field"),
        ("no idea", "kubectl explain"),
    ],
)  # fmt: skip
def test_the_limit_that_refuses_is_named(crd: Object, said: str, told: str) -> None:
    assert told in schema_fixes.admitting(crd, RESOURCE, said)


def test_where_nothing_is_declared_words_remain(crd: Object) -> None:
    probe = {"path": "else.limit", "value": 0, "schema": {"minimum": 1}}
    for definition in (crd, None, {"spec": {"versions": []}}):
        fix = schema_fixes.refusing(definition, RESOURCE, probe, defaulted=False)
        assert fix == 'Limit spec.else.limit in openAPIV3Schema: {"minimum": 1}'
