"""What must be on disk before a cluster with a real node starts, beyond what every cluster has."""

from __future__ import annotations

from pathlib import Path

from labgrader.clusters.embedded import manifests
from labgrader.clusters.embedded.components import plan
from labgrader.clusters.embedded.files import write_private
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.embedded.nodes import files, requirements, table
from labgrader.clusters.embedded.nodes.cgroups import group_of
from labgrader.clusters.embedded.pki import NODE_ADDRESS, Pki

_KUBECONFIGS = (
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "coredns",
    "metrics-server",
    "storage",
)

_BINDS = {
    "node/containerd": "containerd",
    "node/kubelet": "kubelet",
    "node/logs": "labgrader/logs",
    "volumes": "labgrader/volumes",
}
"""Folders of the cluster, and where below /var/lib its processes see them: paths that are short
(sockets lie there) and the same for every cluster (they are written into objects)."""


def plan_for_real_node(
    layout: ClusterLayout, pki: Pki, binary: Path, port: int
) -> dict[str, object]:
    """Write the node's configuration; return the supervisor's plan.

    Raises:
        ProviderError: this machine cannot have real nodes.
    """
    requirements.require()
    containerd, plugins = requirements.tool("containerd"), requirements.plugin_folder()
    assert containerd is not None
    assert plugins is not None
    for name in (*_BINDS, "conf/cni"):
        (layout.root / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    server = f"https://{NODE_ADDRESS}:{table.API_PORT}"
    for name in _KUBECONFIGS:
        content = manifests.kubeconfig(pki, name, server, layout.context)
        write_private(layout.conf / f"{name}.kubeconfig", content)
    snapshotter = requirements.snapshotter(layout.node)
    for name, content in {
        "containerd.toml": files.containerd(layout, plugins, snapshotter),
        "cni/10-lab.conflist": files.network(),
        "kubelet.json": files.kubelet(layout, pki, group_of(layout.root)),
        "Corefile": files.coredns(layout),
        "resolv.conf": files.resolver(),
    }.items():
        write_private(layout.conf / name, content)
    namespaces = {"port": port, "address": NODE_ADDRESS, "binds": _BINDS}
    return {
        **plan(layout, binary, table.components(layout, pki, containerd)),
        "namespaces": namespaces,
    }
