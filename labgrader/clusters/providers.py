"""The providers by name."""

from __future__ import annotations

from labgrader.clusters.provider import Provider
from labgrader.errors import UsageError


def get_provider(kind: str = "embedded", name: str = "default", nodes: str = "") -> Provider:
    """Return a provider of clusters: ``embedded`` or ``kind``.

    Raises:
        UsageError: no such provider.
    """
    if kind == "embedded":
        from labgrader.clusters.embedded.provider import EmbeddedProvider

        return EmbeddedProvider(name=name, nodes=nodes)
    if kind == "kind":
        from labgrader.clusters.kind import KindProvider

        return KindProvider(name=name)
    raise UsageError(f"There is no provider {kind!r}", "Choose embedded or kind")
