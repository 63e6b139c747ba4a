"""Why a ValidatingAdmissionPolicy does not refuse a request."""

from __future__ import annotations

from typing import Any

import pytest

from labgrader.toolkit.admission_policies import Request, nearest, obstacle

RED = {"metadata": {"name": "red", "labels": {"kubernetes.io/metadata.name": "red"}}}
CREATE = Request("", "v1", "pods", "CREATE", RED)
HERE = {"matchLabels": {"kubernetes.io/metadata.name": "red"}}
RULE = {
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "operations": ["CREATE", "UPDATE"],
    "resources": ["pods"],
}


def policy(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    constraints = {"resourceRules": list(rules or (RULE,)), **more}
    return {"metadata": {"name": "images"}, "spec": {"matchConstraints": constraints}}


def binding(actions: list[str], **matching: Any) -> dict[str, Any]:
    spec = {"policyName": "images", "validationActions": actions, "matchResources": matching}
    return {"metadata": {"name": "bound"}, "spec": spec}


@pytest.mark.parametrize(
    ("one", "bindings", "kind"),
    [
        (policy(), [binding(["Deny"], namespaceSelector=HERE)], "permitted"),
        (policy(), [binding(["Deny"])], "permitted"),
        (policy(), [], "unbound"),
        (policy(), [binding(["Warn", "Audit"])], "not-denied"),
        (policy(), [binding(["Deny"], namespaceSelector={"matchLabels": {"a": "b"}})], "elsewhere"),
        (policy(), [binding(["Deny"], resourceRules=[{**RULE, "resources": ["x"]}])], "elsewhere"),
        (policy({**RULE, "operations": ["UPDATE"]}), [binding(["Deny"])], "unmatched"),
        (policy({**RULE, "resources": ["*/*"]}), [binding(["Deny"])], "unmatched"),
        (
            policy({**RULE, "resources": ["*"], "apiGroups": ["*"]}),
            [binding(["Deny"])],
            "permitted",
        ),
        (policy(namespaceSelector={"matchLabels": {"a": "b"}}), [binding(["Deny"])], "excluded"),
    ],
)
def test_the_first_reason_is_given(
    one: dict[str, Any], bindings: list[dict[str, Any]], kind: str
) -> None:
    assert obstacle(one, bindings, CREATE).kind == kind


def test_a_subresource_is_matched_by_its_own_name() -> None:
    debug = Request("", "v1", "pods/ephemeralcontainers", "UPDATE", RED)
    bound = [binding(["Deny"])]
    assert obstacle(policy(), bound, debug).kind == "unmatched"
    both = {**RULE, "resources": ["pods", "pods/ephemeralcontainers"]}
    assert obstacle(policy(both), bound, debug).kind == "permitted"


def test_the_nearest_policy_is_told() -> None:
    other = policy({**RULE, "resources": ["services"]})
    found = nearest([other, policy()], [], CREATE)
    assert found is not None
    assert found.kind == "unbound"
    assert nearest([], [], CREATE) is None


def test_an_expression_that_does_not_compile_is_told() -> None:
    warned = policy()
    warned["status"] = {"typeChecking": {"expressionWarnings": [{"warning": "undefined field"}]}}
    assert obstacle(warned, [binding(["Deny"])], CREATE).kind == "broken"
