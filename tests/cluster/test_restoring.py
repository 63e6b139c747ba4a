"""What ADR 14 takes for granted: who asks for a name that is taken is validated all the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from labgrader.errors import Rejected
from labgrader.kube.client import Kube
from labgrader.kube.resources import CLUSTER_ROLE, CONFIG_MAP, DEPLOYMENT, Object, Resource
from labgrader.lab_state.solver import Solver
from labgrader.paths import content_root

pytestmark = [pytest.mark.cluster]

PLATFORM, NAME = "trading-platform", "taken"
ALGORITHM = Resource("fintech.io", "v1", "tradingalgorithms", "TradingAlgorithm")
POD: Object = {
    "metadata": {"labels": {"app": NAME}},
    "spec": {"containers": [{"name": "main", "image": "nginx:1.21"}]},
}
DEPLOYED: Object = {
    "replicas": 0,
    "selector": {"matchLabels": {"app": NAME}},
    "template": POD,
}
TRADED: Object = {
    "marketData": {"sources": ["NYSE"], "updateFrequency": "1s", "symbols": ["SPY"]},
    "riskLimits": {"maxPositionSize": 1000, "dailyLossLimit": 10000},
    "scalingPolicy": {"minReplicas": 1, "maxReplicas": 2, "targetCPUUtilization": 80},
    "tradingStrategy": {"algorithm": "momentum", "parameters": {"lookback": "10m"}},
}
READS = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
CASES: dict[str, tuple[Resource, Object, Object]] = {
    "ConfigMap": (CONFIG_MAP, {"data": {"key": "x"}}, {"data": {"no/key": "x"}}),
    "Deployment": (DEPLOYMENT, {"spec": DEPLOYED}, {"spec": {**DEPLOYED, "replicas": -1}}),
    "TradingAlgorithm": (
        ALGORITHM,
        {"spec": TRADED},
        {"spec": {**TRADED, "riskLimits": {"maxPositionSize": 1000, "dailyLossLimit": 1}}},
    ),
    "ClusterRole": (CLUSTER_ROLE, {"rules": READS}, {"rules": [{**READS[0], "verbs": []}]}),
}


@pytest.fixture
def lab(clean_lab: Kube) -> Iterator[Kube]:
    """A cluster with the namespace and the definition of the lab."""
    Solver(clean_lab, content_root(), lambda line: None).solve("task1")
    yield clean_lab
    clean_lab.delete(CLUSTER_ROLE, NAME)


def asked(kube: Kube, resource: Resource, body: Object, *, dry_run: bool = True) -> Any:
    """Create an object, or ask whether it would be; return it, or the server's refusal."""
    whole = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        **body,
        "metadata": {"name": NAME},
    }
    namespace = PLATFORM if resource.namespaced else None
    try:
        return kube.create(resource, whole, namespace, dry_run=dry_run)
    except Rejected as error:
        return error.status, error.reason


@pytest.mark.parametrize("kind", CASES)
def test_an_object_is_validated_before_its_name_is_found_taken(lab: Kube, kind: str) -> None:
    resource, valid, invalid = CASES[kind]
    assert asked(lab, resource, invalid) == (422, "Invalid")
    made = asked(lab, resource, valid, dry_run=False)
    assert isinstance(made, dict), made
    assert asked(lab, resource, valid) == (409, "AlreadyExists")
    assert asked(lab, resource, invalid) == (422, "Invalid")
