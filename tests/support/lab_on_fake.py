"""A fake cluster that tells by discovery which kinds it serves: all that the lab's map looks at."""

from __future__ import annotations

from typing import Any

from labgrader.kube import resources
from labgrader.kube.resources import Object, Resource
from tests.support.fake_cluster import FakeCluster

ALGORITHM = Resource("fintech.io", "v1", "tradingalgorithms", "TradingAlgorithm")
NS = "trading-platform"
KNOWN = [one for one in vars(resources).values() if isinstance(one, Resource)]


class LabOnFake(FakeCluster):
    """Serves Kubernetes' own kinds, and those in ``extra``."""

    def __init__(self, *extra: Resource) -> None:
        super().__init__()
        self.kinds = [*KNOWN, *resources.ADMISSION, *extra]

    def document(self, path: str, kind: str, *, timeout: float = 5) -> Object | None:
        """Answer discovery."""
        self._call("read", resources.NAMESPACE, None, path)
        found = [
            {"kind": one.kind, "name": one.plural, "namespaced": one.namespaced, "verbs": ["list"]}
            for one in self.kinds
            if path == f"/{'apis' if one.group else 'api'}/{one.api_version}"
        ]
        return {"resources": found} if found else super().document(path, kind)


def definition() -> Object:
    """Return the lab's definition, established."""
    return {
        "metadata": {"name": "tradingalgorithms.fintech.io"},
        "spec": {"group": "fintech.io", "names": {"kind": "TradingAlgorithm"}},
        "status": {"conditions": [{"type": "Established", "status": "True"}]},
    }


def algorithm(name: str, **status: Any) -> Object:
    """Return a resource of the lab."""
    return {"metadata": {"name": name}, "status": status}


def owned(name: str, owner: Object, kind: str, **body: Any) -> Object:
    """Return an object with an owner reference."""
    link = {"kind": kind, "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
    return {"metadata": {"name": name, "ownerReferences": [link]}, **body}
