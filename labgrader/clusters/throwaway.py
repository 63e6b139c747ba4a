"""A cluster that is removed when a command ends; the logs of a failed start are kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labgrader import paths
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.provider import ClusterStatus, Progress
from labgrader.clusters.providers import get_provider
from labgrader.errors import ProviderError
from labgrader.model.manifest import Manifest


@contextmanager
def cluster(
    name: str, nodes: str, progress: Progress, lab: Manifest, *, keep: bool
) -> Iterator[ClusterStatus]:
    """Start a cluster for a lab, and remove every trace of it afterwards unless it is to be kept.

    Raises:
        ProviderError: it did not come up; names where its logs are.
    """
    provider = get_provider(name=name, nodes=nodes, labs=[lab])
    try:
        try:
            status = provider.up(progress)
        except ProviderError as error:
            kept = _keep_logs(name)
            told = f"{error.next_step}. Its logs: {kept}" if kept else error.next_step
            raise ProviderError(error.message, told) from error
        yield status
    finally:
        if not keep:
            provider.down(purge=True)


def _keep_logs(name: str) -> Path | None:
    """Copy the logs of a cluster to where they outlive it, in the place of older ones."""
    logs = ClusterLayout.of(name).logs
    if not logs.is_dir():
        return None
    kept = paths.private_dir(paths.state_dir() / "failed") / name
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(logs, kept, ignore_dangling_symlinks=True)
    return kept
