"""Chooses the kind of node: real or simulated; asked for, kept from before, or possible."""

from __future__ import annotations

import os

from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.provider import Progress
from labgrader.errors import ProviderError, UsageError


def choose(layout: ClusterLayout, asked: str, progress: Progress) -> str:
    """Return ``real`` or ``simulated``. A cluster keeps its kind: its pods name its node.

    Raises:
        UsageError: the cluster has nodes of another kind.
        ProviderError: real nodes were asked for and are not possible here.
    """
    known = before(layout)
    if asked in ("real", "simulated") and known not in ("", asked):
        raise UsageError(
            f"The cluster '{layout.name}' was made with {known} nodes",
            f"Use --nodes {known}, or another --name, or first "
            f"`cluster down --purge{layout.option}`",
        )
    kind = known or asked or "simulated"
    if kind == "simulated":
        return kind
    from labgrader.clusters.embedded.nodes import images, requirements

    if kind == "real":
        requirements.require()
        return kind
    obstacles = requirements.find()
    if obstacles:
        progress("nodes", f"simulated, because real ones are not possible here: {obstacles}")
        return "simulated"
    if not images.built():
        progress("nodes", "simulated, because the lab's images are not built (`make images`)")
        return "simulated"
    return "real"


def is_roots(layout: ClusterLayout) -> bool:
    """Tell whether only root may start and stop the cluster, and this user is not root."""
    return before(layout) == "real" and os.geteuid() != 0


def only_root(layout: ClusterLayout) -> ProviderError:
    """Return the error for a user who is not root."""
    return ProviderError(
        f"The cluster '{layout.name}' has a real node, which only root can start and stop",
        "Run the same command with sudo",
    )


def before(layout: ClusterLayout) -> str:
    """Return the kind of nodes which the cluster was made with, "" for a new one."""
    try:
        started = (layout.etcd_data / "member").exists()
    except PermissionError:  # root's: so it was started, with a real node
        started = True
    if not started:
        return ""
    return "real" if layout.node.is_dir() else "simulated"
