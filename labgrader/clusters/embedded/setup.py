"""Everything on disk that must be there before a cluster's supervisor starts."""

from __future__ import annotations

import shutil
from pathlib import Path

from labgrader.clusters.embedded import manifests
from labgrader.clusters.embedded.components import components, plan
from labgrader.clusters.embedded.files import disk_full, read_json, write_json, write_private
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.embedded.pki import Pki
from labgrader.clusters.embedded.ports import free_port, is_free
from labgrader.clusters.provider import Progress
from labgrader.model.manifest import NOTHING, Needs

_FIRST_ROOM_BYTES = 200 * 1024 * 1024
"""A new etcd lays out two files of 64 MB; with less than this it would stop during the lab."""

_FIRST_NODE_ROOM_BYTES = 1000 * 1024 * 1024
"""The same, and the lab's images: as they came, and unpacked (640 MB)."""

_ROOM_BYTES = 32 * 1024 * 1024
"""What a cluster that has its data needs to go on."""

_COMPONENT_KUBECONFIGS = ("kube-controller-manager", "kube-scheduler", "kwok")


def prepare(
    layout: ClusterLayout,
    binary: Path,
    progress: Progress,
    needs: Needs = NOTHING,
    *,
    real_nodes: bool = False,
) -> int:
    """Write folders, keys, kubeconfigs, policy and plan; return the API server's port.

    Raises:
        OSError: the disk does not let us.
        MachineError: it is too full.
    """
    for folder in layout.folders():
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
    first = _FIRST_NODE_ROOM_BYTES if real_nodes else _FIRST_ROOM_BYTES
    needed = _ROOM_BYTES if (layout.etcd_data / "member").exists() else first
    if shutil.disk_usage(layout.root).free < needed:
        raise disk_full(layout, 1200 if real_nodes else 300)
    clean_run_folder(layout)
    pki = Pki(layout.pki)
    if pki.ensure(real_nodes=real_nodes):
        progress("certificates", "made keys and certificates")
    port = _port(layout, progress)
    write_kubeconfig(layout)
    write_private(layout.audit_policy, manifests.audit_policy(needs))
    _link(layout.bin / "kubectl", binary)
    if real_nodes:
        from labgrader.clusters.embedded.nodes.prepare import plan_for_real_node

        made = plan_for_real_node(layout, pki, binary, port)
    else:
        made = _plan_for_simulated_node(layout, pki, binary, port)
    write_json(layout.plan, made)
    return port


def _plan_for_simulated_node(
    layout: ClusterLayout, pki: Pki, binary: Path, port: int
) -> dict[str, object]:
    for name in _COMPONENT_KUBECONFIGS:
        content = manifests.kubeconfig(pki, name, f"https://127.0.0.1:{port}", layout.context)
        write_private(layout.conf / f"{name}.kubeconfig", content)
    return plan(layout, binary, components(layout, pki, port))


def clean_run_folder(layout: ClusterLayout) -> None:
    """Remove what only makes sense while the cluster runs."""
    if layout.run.is_dir():
        for path in layout.run.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def remember(layout: ClusterLayout, **facts: object) -> None:
    """Add ``facts`` to what is known of the cluster from one ``up`` to the next."""
    write_json(layout.facts, {**read_json(layout.facts), **facts})


def write_kubeconfig(layout: ClusterLayout) -> None:
    """Make the learner's kubeconfig for the port that is remembered, where it is not so already."""
    server = f"https://127.0.0.1:{stored_port(layout)}"
    content = manifests.kubeconfig(Pki(layout.pki), "admin", server, layout.context)
    write_private(layout.kubeconfig, content)


def stored_port(layout: ClusterLayout) -> int | None:
    """Return the port which the cluster had the last time it was started, if that is known."""
    port = read_json(layout.facts).get("port")
    return port if isinstance(port, int) and 0 < port < 65536 else None


def _port(layout: ClusterLayout, progress: Progress) -> int:
    """Return the port of the last time, or another one if that is taken now."""
    before = stored_port(layout)
    if before is not None and is_free(before):
        return before
    port = free_port()
    if before is not None:
        progress("kube-apiserver", f"port {before} is taken: now {port}, the kubeconfig says so")
    remember(layout, port=port)
    return port


def _link(link: Path, target: Path) -> None:
    if not link.is_symlink() or link.readlink() != target:
        link.unlink(missing_ok=True)
        link.symlink_to(target)
