"""Capabilities: version and nodes of a cluster, and what it offers to checks."""

from __future__ import annotations

from labgrader.errors import ClusterError
from labgrader.grading.snapshot import ReadKey, Snapshot
from labgrader.kube.resources import NODE, Object, dig
from labgrader.model.result import ClusterInfo

SIMULATED_MARK = "kwok.x-k8s.io/node"
"""The annotation that kwok puts on nodes that exist only in the API."""

CONTAINERS = "containers"
"""The capability of running what a Pod says: logs, exec, probes, jobs."""

WRITES = "writes"
"""The capability of making bounded objects for a probe; `check --read-only` takes it away."""


_LACKING = {
    CONTAINERS: (
        "The nodes of this cluster are simulated: no container runs on them",
        "Run the lab on real nodes: `labgrader cluster up --nodes real` (root on Linux)",
    ),
    WRITES: (
        "This check makes a temporary object, and labgrader may not write here",
        "Leave out --read-only; on a cluster of your own, agree with `labgrader cluster prepare`",
    ),
}


def why_not(capability: str) -> tuple[str, str]:
    """Return what a cluster without a capability lacks, and how to come by it."""
    otherwise = (f"This cluster offers no {capability}", "`labgrader doctor` says what it offers")
    return _LACKING.get(capability, otherwise)


def info(snapshot: Snapshot, provider: str, context: str) -> ClusterInfo:
    """Describe the cluster; what it does not tell is left empty or ``unknown``."""
    return ClusterInfo(provider, context, server_version(snapshot), node_kind(snapshot))


def server_version(snapshot: Snapshot) -> str:
    """Return the API server's version such as ``v1.37.2``; empty when it does not answer."""
    try:
        return snapshot.once("/version", lambda: snapshot.cluster.version(timeout=3))
    except ClusterError:
        return ""


def node_kind(snapshot: Snapshot) -> str:
    """Return ``real``, ``simulated``, ``mixed``, ``none``, or ``unknown`` when it is not told."""
    try:
        nodes = snapshot.list(ReadKey(NODE), timeout=3) or []
    except ClusterError:
        return "unknown"
    kinds = {"simulated" if _simulated(node) else "real" for node in nodes}
    return "mixed" if len(kinds) > 1 else kinds.pop() if kinds else "none"


def _simulated(node: Object) -> bool:
    return SIMULATED_MARK in dig(node, "metadata.annotations", {})


def offered(snapshot: Snapshot) -> frozenset[str]:
    """Return what the cluster offers to checks."""
    return frozenset({CONTAINERS} if node_kind(snapshot) in ("real", "mixed") else ())
