"""The provider of embedded clusters: what ``labgrader cluster`` calls."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from labgrader.clusters.embedded import processes
from labgrader.clusters.embedded.file_ownership import owned
from labgrader.clusters.embedded.files import cluster_lock, explained
from labgrader.clusters.embedded.inspection import inspect
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.embedded.node_kinds import before, choose, is_roots, only_root
from labgrader.clusters.embedded.start import Starter
from labgrader.clusters.embedded.stop import stop
from labgrader.clusters.provider import ClusterStatus, Progress, silent
from labgrader.content.installed_labs import usable_labs
from labgrader.errors import ProviderError, UsageError
from labgrader.model.manifest import Manifest, needs_of


class EmbeddedProvider:
    """A real control plane of this user's own, with simulated nodes or a real one.

    Args:
        name: which of the clusters side by side.
        nodes: ``simulated`` or ``real``; "" for what the cluster has already (a new one gets a
            simulated node); ``auto`` likewise, but a new one gets a real node where this machine
            allows it and the lab's images are there.
        labs: labs whose objects the cluster records besides those of the installed ones.

    Raises:
        UsageError: ``nodes`` or ``name`` is not possible.
        LabError: the state folder is not usable.
    """

    def __init__(
        self, name: str = "default", nodes: str = "", labs: Sequence[Manifest] = ()
    ) -> None:
        if nodes not in ("", "auto", "simulated", "real"):
            raise UsageError(f"'{nodes}' is no kind of node", "Use simulated, real or auto")
        self.name = name
        self.nodes = nodes
        self.labs = labs
        self.layout = ClusterLayout.of(name)

    def up(self, progress: Progress = silent) -> ClusterStatus:
        """Start the cluster, or find it running; return when it is ready to be used.

        A start that does not succeed, for whatever reason, leaves no process behind; the first one
        leaves nothing but the logs.
        """
        if is_roots(self.layout):
            running = self.status()
            if running.state == "running":
                return running
            raise only_root(self.layout)
        with explained(self.layout), cluster_lock(self.layout, progress), owned(self.layout):
            real = choose(self.layout, self.nodes, progress) == "real"
            installed = [one.manifest for one in usable_labs()]
            needs = needs_of([*installed, *self.labs])
            Starter(self.layout, progress, needs, real_nodes=real).run()
        return self.status()

    def down(self, *, purge: bool = False, progress: Progress = silent) -> None:
        """Stop the cluster and whatever is left of it; with ``purge`` remove it altogether.

        Works whatever was killed before, and when there is nothing to stop.
        """
        if is_roots(self.layout):
            raise only_root(self.layout)
        with explained(self.layout), cluster_lock(self.layout, progress), owned(self.layout):
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
                f"Start it with `labgrader cluster up{self.layout.option}`",
            )
        return self.layout.kubeconfig

    def load_image(self, file: Path) -> list[str]:
        """Import an archive into the real node's containerd; simulated nodes need no images.

        Raises:
            LabError: it is no archive of images, or the cluster does not run.
        """
        if before(self.layout) != "real":
            return [f"The cluster '{self.name}' has no real node: it needs no images"]
        from labgrader.clusters.embedded.nodes import images

        changed = images.load(self.layout, file)
        return [f"Loaded {name}" for name in changed] or ["Its images are all there already"]
