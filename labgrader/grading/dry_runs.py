"""Dry runs of a creation: what would be stored or why not, and the warnings of the response."""

from __future__ import annotations

from dataclasses import dataclass

from labgrader.errors import QuotaExceeded, Rejected
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import Object, Resource


@dataclass(frozen=True, slots=True)
class DryRun:
    """The API server's answer to a creation that is not stored.

    Args:
        stored: what would be stored, defaults included; None where it is refused.
        refusal: why it is refused, a ResourceQuota's or LimitRange's refusal included.
        warnings: the texts of the response's ``Warning`` headers; a refusal may have some as well.
    """

    stored: Object | None
    refusal: Rejected | QuotaExceeded | None = None
    warnings: tuple[str, ...] = ()


def dry_run(
    cluster: Cluster, resource: Resource, body: Object, namespace: str | None, timeout: float
) -> DryRun:
    """Send one creation as a dry run. Raises ``ClusterError`` where it cannot be answered."""
    warnings: list[str] = []
    try:
        stored = cluster.create(
            resource, body, namespace, dry_run=True, timeout=timeout, warnings=warnings
        )
    except (Rejected, QuotaExceeded) as refusal:
        return DryRun(None, refusal, tuple(warnings))
    return DryRun(stored, None, tuple(warnings))
