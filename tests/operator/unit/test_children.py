"""Children and status: pure functions."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from trading_operator import MANAGER, algorithm, children, status
from trading_operator.config import Config
from trading_operator.kinds import AUTOSCALER, DEPLOYMENT, SERVICE
from trading_operator.watch import COUNT_SET_BY

RESOURCE: dict[str, Any] = {
    "metadata": {"name": "momo", "namespace": "n", "uid": "u1", "generation": 7},
    "spec": {
        "marketData": {"sources": ["NYSE"], "symbols": ["AAPL", "TSLA"], "updateFrequency": "1s"},
        "riskLimits": {"maxPositionSize": 5000, "dailyLossLimit": 10000},
        "scalingPolicy": {"minReplicas": 2, "maxReplicas": 9, "targetCPUUtilization": 60},
        "tradingStrategy": {"algorithm": "momentum", "parameters": {"b": "2", "a": "1"}},
    },
}
NOW = "2026-11-23T10:00:00Z"


def made(**scaling: Any) -> dict[str, dict[str, Any]]:
    resource = copy.deepcopy(RESOURCE)
    resource["spec"]["scalingPolicy"].update(scaling)
    return {kind.name: body for kind, body in children.wanted(algorithm.read(resource), Config())}


def test_the_lab_s_names_labels_and_owner() -> None:
    bodies = made()
    assert [body["metadata"]["name"] for body in bodies.values()] == [
        "momo-deployment",
        "momo-service",
        "momo-hpa",
    ]
    for body in bodies.values():
        assert body["metadata"]["labels"] == {
            "app.kubernetes.io/managed-by": "trading-operator",
            "fintech.io/component": "trading-algorithm",
            "fintech.io/instance": "momo",
        }
        (owner,) = body["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"]) == ("u1", True)


def test_the_deployment() -> None:
    spec = made()[DEPLOYMENT.name]["spec"]
    assert spec["selector"] == {"matchLabels": {"app": "momo"}}
    assert "replicas" not in spec
    pod = spec["template"]
    assert pod["metadata"]["labels"] == {"app": "momo", "fintech.io/strategy": "momentum"}
    (container,) = pod["spec"]["containers"]
    assert container["image"] == "nginx:1.21"
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    assert env["STRATEGY"] == "momentum"
    assert env["SYMBOLS"] == "AAPL,TSLA"
    assert env["MAX_POSITION_SIZE"] == "5000"
    assert env["PARAMETERS"] == '{"a": "1", "b": "2"}'
    assert "STOP_LOSS_PERCENTAGE" not in env
    assert container["resources"]["requests"] == {"cpu": "100m", "memory": "128Mi"}


def test_service_and_autoscaler() -> None:
    bodies = made()
    assert bodies[SERVICE.name]["spec"]["ports"][0]["port"] == 80
    hpa = bodies[AUTOSCALER.name]["spec"]
    assert hpa["scaleTargetRef"]["name"] == "momo-deployment"
    assert (hpa["minReplicas"], hpa["maxReplicas"]) == (2, 9)
    assert hpa["metrics"][0]["resource"]["target"]["averageUtilization"] == 60


@pytest.mark.parametrize("pace", ["aggressive", "moderate", "conservative", None, "odd"])
def test_every_pace_makes_an_autoscaler(pace: str | None) -> None:
    assert made(scaleUpPolicy=pace)[AUTOSCALER.name]["spec"]["behavior"]["scaleUp"]["policies"]


@pytest.mark.parametrize(
    "scaling",
    [
        {"minReplicas": 10},
        {"minReplicas": None},
        {"maxReplicas": "9"},
        {"minReplicas": 0},
        {"targetCPUUtilization": -1},
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(scaling: dict[str, Any]) -> None:
    with pytest.raises(algorithm.InvalidSpec, match=r"spec\.scalingPolicy"):
        made(**scaling)


@pytest.mark.parametrize("spec", [None, {}, {"scalingPolicy": 3}, {"marketData": []}])
def test_a_spec_without_a_schema_is_refused_too(spec: Any) -> None:
    with pytest.raises(algorithm.InvalidSpec):
        algorithm.read({**RESOURCE, "spec": spec})


def test_the_digest_follows_the_wishes_alone() -> None:
    def digest(body: dict[str, Any]) -> str:
        return str(body["metadata"]["annotations"][children.DIGEST])

    one, again, other = made(), made(), made(maxReplicas=8)
    assert digest(one[AUTOSCALER.name]) == digest(again[AUTOSCALER.name])
    assert digest(one[AUTOSCALER.name]) != digest(other[AUTOSCALER.name])
    assert digest(one[DEPLOYMENT.name]) == digest(other[DEPLOYMENT.name])


def test_projection_sees_our_fields_and_no_others() -> None:
    body = made()[DEPLOYMENT.name]
    wish = children.said(body)
    actual = copy.deepcopy(body)
    actual["spec"]["replicas"] = 5
    actual["metadata"]["labels"]["theirs"] = "kept"
    container = actual["spec"]["template"]["spec"]["containers"][0]
    container["imagePullPolicy"] = "IfNotPresent"
    container["env"].insert(0, {"name": "ADDED", "value": "by somebody"})
    actual["spec"]["template"]["spec"]["containers"].insert(0, {"name": "sidecar"})
    assert children.projection(wish, actual) == wish
    container["env"][1]["value"] = "changed"
    assert children.projection(wish, actual) != wish
    assert children.projection(wish, None) != wish
    del actual["spec"]["template"]
    assert children.projection(wish, actual) != wish


def test_the_count_is_given_once_and_then_left_alone() -> None:
    body = made()[DEPLOYMENT.name]
    assert children.with_count(body, None, 2)["spec"]["replicas"] == 2
    ours = {"metadata": {COUNT_SET_BY: [MANAGER]}, "spec": {"replicas": 4}}
    assert children.with_count(body, ours, 2)["spec"]["replicas"] == 4
    for managers in ([], ["kube-controller-manager"], [MANAGER, "kubectl"]):
        theirs = {"metadata": {COUNT_SET_BY: managers}, "spec": {"replicas": 4}}
        assert "replicas" not in children.with_count(body, theirs, 2)["spec"]
    assert "replicas" not in body["spec"]


def deployment(want: int, ready: int, **more: Any) -> dict[str, Any]:
    counts = {"replicas": want, "readyReplicas": ready, "updatedReplicas": want}
    return {
        "metadata": {"generation": 3},
        "spec": {"replicas": want},
        "status": {"observedGeneration": 3, **counts, **more},
    }


@pytest.mark.parametrize(
    ("seen", "problem", "phase"),
    [
        (None, None, "Pending"),
        (deployment(3, 0), None, "Pending"),
        (deployment(3, 1), None, "Scaling"),
        (deployment(3, 3), None, "Active"),
        (deployment(3, 3, updatedReplicas=1), None, "Scaling"),
        (deployment(3, 3, observedGeneration=2), None, "Scaling"),
        (deployment(3, 3, replicas=5), None, "Scaling"),
        (deployment(0, 0), None, "Suspended"),
        (deployment(3, 3), ("InvalidSpec", "no"), "Error"),
        (deployment(3, 1, conditions=[{"reason": "ProgressDeadlineExceeded"}]), None, "Error"),
    ],
)
def test_phases(seen: Any, problem: Any, phase: str) -> None:
    assert status.look(seen, problem).phase == phase


def test_nothing_changes_nothing() -> None:
    view = status.look(deployment(3, 3), None)
    first = status.patch(RESOURCE, view, NOW)
    assert (first["phase"], first["replicas"], first["readyReplicas"]) == ("Active", 3, 3)
    assert status.patch({**RESOURCE, "status": first}, view, "later") == {}


def test_transition_times_and_what_is_not_ours() -> None:
    foreign = {"type": "Audited", "status": "True"}
    first = status.patch(RESOURCE, status.look(deployment(3, 3), None), NOW)
    there = {**first, "totalTrades": 5, "conditions": [foreign, *first["conditions"]]}
    resource = {**RESOURCE, "status": there}
    changes = status.patch(resource, status.look(deployment(4, 4), None), "later")
    assert changes["conditions"][0] == foreign
    assert {c["lastTransitionTime"] for c in changes["conditions"][1:]} == {NOW}
    changes = status.patch(resource, status.look(deployment(4, 3), None), "later")
    ready = {c["type"]: c for c in changes["conditions"]}["Ready"]
    assert (ready["status"], ready["lastTransitionTime"]) == ("False", "later")
    assert "totalTrades" not in changes
