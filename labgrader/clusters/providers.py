"""The providers by name."""

from __future__ import annotations

from collections.abc import Sequence

from labgrader.clusters.provider import Provider
from labgrader.errors import UsageError
from labgrader.model.manifest import Manifest


def get_provider(
    kind: str = "embedded",
    name: str = "default",
    nodes: str = "",
    labs: Sequence[Manifest] = (),
) -> Provider:
    """Return a provider of clusters: ``embedded`` or ``kind``.

    Args:
        labs: labs whose objects it records besides those of the installed ones.

    Raises:
        UsageError: no such provider.
    """
    if kind == "embedded":
        from labgrader.clusters.embedded.provider import EmbeddedProvider

        return EmbeddedProvider(name=name, nodes=nodes, labs=labs)
    if kind == "kind":
        from labgrader.clusters.kind import KindProvider

        return KindProvider(name=name)
    raise UsageError(f"There is no provider {kind!r}", "Choose embedded or kind")
