"""Which requests an audit policy logs with their bodies, whoever sends them."""

from __future__ import annotations

from typing import Any

import pytest

from labgrader.errors import MissingCapability
from labgrader.toolkit.audit_policy import Policy, leaks

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
SECRETS = [{"group": "", "resources": ["secrets"]}]
REST: dict[str, Any] = {"level": "Metadata"}


def policy(*rules: dict[str, Any]) -> Policy:
    return Policy.of({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": list(rules)})


def leak(*rules: dict[str, Any]) -> str:
    found = leaks(policy(*rules), "", "secrets", VERBS, ["lab"])
    one = next(found, None)
    return f"{one.verb} {one.name} in {one.namespace!r} by {one.user}" if one else ""


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"level": "Request"}, "get sample in 'lab' by somebody"),
        ({"level": "RequestResponse", "namespaces": [""]}, "list  in '' by somebody"),
        (
            {"level": "Request", "users": ["alice"], "verbs": ["patch"]},
            "patch sample in 'lab' ",
        ),
        (
            {"level": "Request", "userGroups": ["system:serviceaccounts:x"], "namespaces": ["x"]},
            "get sample in 'x' by system:serviceaccount:x:sample",
        ),
        (
            {"level": "Request", "resources": [{**SECRETS[0], "resourceNames": ["token"]}]},
            "get token in 'lab' by somebody",
        ),
        ({"level": "Request", "resources": [{"group": "", "resources": ["*"]}]}, "get sample"),
        ({"level": "Request", "userGroups": ["system:unauthenticated"]}, "by system:anonymous"),
    ],
)
def test_a_request_that_a_rule_reaches(rule: dict[str, Any], told: str) -> None:
    assert told in leak(rule, REST)
    assert leak({"level": "Metadata", "resources": SECRETS}, rule) == ""


@pytest.mark.parametrize(
    "rule",
    [
        {"level": "Request", "namespaces": [""], "verbs": ["get"]},
        {"level": "Request", "resources": [{"group": "apps"}]},
        {"level": "Request", "verbs": ["*"]},
        {"level": "Request", "nonResourceURLs": ["/healthz*"]},
        {"level": "Request", "resources": [{"group": "", "resources": ["secrets/status"]}]},
    ],
)
def test_a_rule_that_no_such_request_reaches(rule: dict[str, Any]) -> None:
    assert leak(rule, REST) == ""


def test_a_policy_without_end_is_not_tried_without_end() -> None:
    other = {"level": "Request", "resources": [{"group": "x"}]}
    with pytest.raises(MissingCapability):
        leak(*({**other, "namespaces": [f"n{at}"]} for at in range(3000)))
    users = [f"u{at}" for at in range(5000)]
    with pytest.raises(MissingCapability):
        leak({**other, "users": users, "userGroups": users})
