"""The provider of embedded clusters: what ``labgrader cluster`` calls."""

from __future__ import annotations

import shutil
from pathlib import Path

from labgrader.cluster.embedded import processes
from labgrader.cluster.embedded.files import cluster_lock, explained
from labgrader.cluster.embedded.inspection import inspect
from labgrader.cluster.embedded.layout import ClusterLayout
from labgrader.cluster.embedded.start import Starter
from labgrader.cluster.embedded.stop import stop
from labgrader.cluster.provider import ClusterStatus, Progress, silent
from labgrader.model.errors import ProviderError, UsageError


class EmbeddedProvider:
    """A real control plane of this user's own, with simulated nodes.

    Args:
        name: which of the clusters side by side.
        nodes: ``simulated`` or ``auto`` (the same in this version).

    Raises:
        UsageError: ``nodes`` or ``name`` is not possible.
        LabError: the state folder is not usable.
    """

    def __init__(self, name: str = "default", nodes: str = "auto") -> None:
        if nodes == "real":
            raise UsageError(
                "Real nodes are not in this version",
                "Use --nodes simulated, or an existing cluster with --context",
            )
        if nodes not in ("auto", "simulated"):
            raise UsageError(f"'{nodes}' is no kind of node", "Use simulated, real or auto")
        self.name = name
        self.layout = ClusterLayout.of(name)

    def up(self, progress: Progress = silent) -> ClusterStatus:
        """Start the cluster, or find it running; return when it is ready to be used.

        A start that does not succeed, for whatever reason, leaves no process behind; the first one
        leaves nothing but the logs.
        """
        with explained(self.layout), cluster_lock(self.layout, progress):
            Starter(self.layout, progress).run()
        return self.status()

    def down(self, *, purge: bool = False, progress: Progress = silent) -> None:
        """Stop the cluster and whatever is left of it; with ``purge`` remove it altogether.

        Works whatever was killed before, and when there is nothing to stop.
        """
        with explained(self.layout), cluster_lock(self.layout, progress):
            if not self.layout.root.exists() and not processes.of_cluster(self.layout):
                progress("cluster", "there is none of this name: nothing to stop")
                return
            stop(self.layout, progress)
            progress("cluster", "stopped")
            if purge and self.layout.root.exists():
                shutil.rmtree(self.layout.root)
                progress("cluster", "its data, keys and kubeconfig are removed")

    def status(self) -> ClusterStatus:
        """Look, without changing anything."""
        return inspect(self.layout)

    def kubeconfig(self) -> Path:
        """Return the path of the kubeconfig file.

        Raises:
            ProviderError: the cluster was never up, or was purged.
        """
        if not self.layout.kubeconfig.is_file():
            raise ProviderError(
                f"The cluster '{self.name}' has no kubeconfig yet",
                f"Start it with `labgrader cluster up{self._option}`",
            )
        return self.layout.kubeconfig

    @property
    def _option(self) -> str:
        return "" if self.name == "default" else f" --name {self.name}"
