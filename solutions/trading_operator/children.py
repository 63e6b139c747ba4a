"""The three children of a TradingAlgorithm, and whether what is there is what should be.

No input but the arguments, no output but the result: everything here can be tested in a line.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from trading_operator import MANAGER
from trading_operator.algorithm import Algorithm
from trading_operator.config import Config
from trading_operator.kinds import ALGORITHM, AUTOSCALER, DEPLOYMENT, SERVICE, Kind, Object
from trading_operator.watch import COUNT_SET_BY

DIGEST = "fintech.io/applied"
"""Annotation of a child: which wishes it was made from. Shows parts that are wished no more."""

_KEYS = ("uid", "name", "containerPort", "port")
"""What tells the items of a list apart, where they have it."""
_PACES: dict[str, tuple[int, Object]] = {
    "aggressive": (0, {"type": "Percent", "value": 100, "periodSeconds": 15}),
    "moderate": (60, {"type": "Percent", "value": 50, "periodSeconds": 60}),
    "conservative": (300, {"type": "Pods", "value": 1, "periodSeconds": 60}),
}
"""``scaleUpPolicy``: how long to watch before adding pods, and how many at once."""


def wanted(algorithm: Algorithm, config: Config) -> list[tuple[Kind, Object]]:
    """Return the children in the order in which they are made."""
    makers = ((DEPLOYMENT, _deployment), (SERVICE, _service), (AUTOSCALER, _autoscaler))
    return [
        (kind, _child(kind, algorithm, config, make(algorithm, config))) for kind, make in makers
    ]


def _child(kind: Kind, algorithm: Algorithm, config: Config, spec: Object) -> Object:
    owner = {
        "apiVersion": ALGORITHM.api,
        "kind": ALGORITHM.name,
        "name": algorithm.name,
        "uid": algorithm.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
    labels = {
        "app.kubernetes.io/managed-by": MANAGER,
        "fintech.io/component": "trading-algorithm",
        **config.labels,
        "fintech.io/instance": algorithm.name,
    }
    metadata: Object = {"name": kind.child_of(algorithm.name), "labels": labels}
    metadata["ownerReferences"] = [owner]
    body = {"apiVersion": kind.api, "kind": kind.name, "metadata": metadata, "spec": spec}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
    metadata["annotations"] = {DIGEST: digest}
    return body


def _deployment(algorithm: Algorithm, config: Config) -> Object:
    """The pods. How many is not said here: see ``with_count``."""
    container = {
        "name": "algorithm",
        "image": config.image,
        "ports": [{"name": "http", "containerPort": 80, "protocol": "TCP"}],
        "env": [{"name": name, "value": value} for name, value in algorithm.environment.items()],
        "resources": config.resources,
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    pod = {
        "containers": [container],
        "automountServiceAccountToken": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
    }
    labels = {"app": algorithm.name, "fintech.io/strategy": algorithm.strategy}
    return {
        "selector": {"matchLabels": {"app": algorithm.name}},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }


def _service(algorithm: Algorithm, _: Config) -> Object:
    port = {"name": "http", "port": 80, "targetPort": 80, "protocol": "TCP"}
    return {"type": "ClusterIP", "selector": {"app": algorithm.name}, "ports": [port]}


def _autoscaler(algorithm: Algorithm, _: Config) -> Object:
    patience, policy = _PACES.get(algorithm.pace, _PACES["moderate"])
    target = {"type": "Utilization", "averageUtilization": algorithm.cpu}
    return {
        "scaleTargetRef": {
            "apiVersion": DEPLOYMENT.api,
            "kind": DEPLOYMENT.name,
            "name": DEPLOYMENT.child_of(algorithm.name),
        },
        "minReplicas": algorithm.minimum,
        "maxReplicas": algorithm.maximum,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        "behavior": {"scaleUp": {"stabilizationWindowSeconds": patience, "policies": [policy]}},
    }


def with_count(body: Object, actual: Object | None, initial: int) -> Object:
    """Say how many pods only where that fights nobody.

    A new Deployment starts with ``initial``. Later the count is the autoscaler's. As long as nobody
    but us has set it, it is repeated as it is: a field that its only manager applies no more is
    reset by the API server, here to one pod.
    """
    if actual is None:
        return {**body, "spec": {**body["spec"], "replicas": initial}}
    if actual["metadata"].get(COUNT_SET_BY) == [MANAGER]:
        return {**body, "spec": {**body["spec"], "replicas": actual["spec"]["replicas"]}}
    return body


def said(body: Object) -> Object:
    """Return what a child says beside its type, which the items of a list do not name."""
    return {part: body[part] for part in ("metadata", "spec")}


def projection(wish: Any, actual: Any) -> Any:
    """Return what ``actual`` says about the fields that ``wish`` names, and nothing else."""
    if isinstance(wish, dict) and isinstance(actual, dict):
        return {key: projection(value, actual.get(key)) for key, value in wish.items()}
    if isinstance(wish, list) and isinstance(actual, list) and all(map(_is_object, wish + actual)):
        return _project_list(wish, actual)
    return actual


def _project_list(wish: list[Object], actual: list[Object]) -> list[Any]:
    for key in _KEYS:
        if wish and all(key in item for item in wish):
            there = {item.get(key): item for item in actual}
            return [projection(item, there.get(item[key])) for item in wish]
    if len(wish) != len(actual):
        return actual
    return [projection(*pair) for pair in zip(wish, actual, strict=True)]


def _is_object(item: Any) -> bool:
    return isinstance(item, dict)


def owned_by(obj: Object, uid: str) -> bool:
    """Whether ``obj`` names the resource of this uid as its owner."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return any(owner.get("uid") == uid for owner in owners)
