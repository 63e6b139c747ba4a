"""All clusters that labgrader started on this machine."""

from __future__ import annotations

from labgrader import paths
from labgrader.clusters import target
from labgrader.clusters.provider import ClusterStatus
from labgrader.clusters.providers import get_provider
from labgrader.errors import LabError, UsageError


def clusters() -> list[ClusterStatus]:
    """Return the state of each cluster with a folder of its own, by provider and name.

    One that cannot be looked at (Docker does not run, a folder of another user) has the state
    ``unknown``, and a note that says why.
    """
    folder = paths.state_root() / "clusters"
    names = sorted(
        one.name for one in folder.glob("*") if one.is_dir() and not one.name.startswith(".")
    )
    found = [_status(name) for name in names]
    return sorted((one for one in found if one.state != "absent"), key=lambda one: one.provider)


def current() -> tuple[str, str] | None:
    """Return provider and name of the cluster that commands use by default; None for others."""
    try:
        chosen = target.choose()
    except UsageError:
        return None
    return (chosen.provider, chosen.name) if chosen.owned else None


def _status(folder: str) -> ClusterStatus:
    kubeconfig = target.own_kubeconfig(folder)
    chosen = target.choose(str(kubeconfig))
    provider, name = chosen.provider, chosen.name
    try:
        status = get_provider(provider, name).status()
    except LabError as error:
        status = ClusterStatus(provider, name, "unknown", nodes="", note=error.message)
    return ClusterStatus(
        provider=provider,
        name=name,
        state=status.state,
        nodes=status.nodes,
        server=status.server,
        server_version=status.server_version,
        kubeconfig=kubeconfig if kubeconfig.is_file() else None,
        context=status.context,
        note=status.note,
    )
