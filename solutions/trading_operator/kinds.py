"""The four types the operator watches, their paths in the API, and the names of children."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
"""A Kubernetes object as it comes over the wire."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type. ``suffix`` is what a child's name adds to its owner's."""

    name: str
    api: str
    plural: str
    suffix: str = ""

    def path(self, namespace: str, name: str = "") -> str:
        """Return the URL path of the collection, or of one object."""
        root = "/api" if self.api == "v1" else "/apis"
        tail = f"/{name}" if name else ""
        return f"{root}/{self.api}/namespaces/{namespace}/{self.plural}{tail}"

    def child_of(self, owner: str) -> str:
        """Return the name of this child of ``owner``."""
        return owner + self.suffix

    def owner_of(self, name: str) -> str | None:
        """Return the name of the owner, going by the name alone; None for anything else's name."""
        return name.removesuffix(self.suffix) if name.endswith(self.suffix) else None


ALGORITHM = Kind("TradingAlgorithm", "fintech.io/v1", "tradingalgorithms")
DEPLOYMENT = Kind("Deployment", "apps/v1", "deployments", "-deployment")
SERVICE = Kind("Service", "v1", "services", "-service")
AUTOSCALER = Kind("HorizontalPodAutoscaler", "autoscaling/v2", "horizontalpodautoscalers", "-hpa")
CHILDREN = (DEPLOYMENT, SERVICE, AUTOSCALER)


def name_of(obj: Object) -> str:
    """Return an object's name."""
    return str(obj["metadata"]["name"])
