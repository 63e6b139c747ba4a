"""What a cluster with a real node consists of: the same kind of table, with more rows."""

from __future__ import annotations

import sys
from pathlib import Path

import labgrader
from labgrader.clusters.embedded.components import (
    POD_RANGE,
    Component,
    apiserver_flags,
    controller_manager_flags,
    etcd_flags,
    scheduler_flags,
)
from labgrader.clusters.embedded.layout import API_READY, ClusterLayout
from labgrader.clusters.embedded.manifests import NODE_NAME
from labgrader.clusters.embedded.pki import FRONT_PROXY, NODE_ADDRESS, Pki

API_PORT = 6443
"""The API server's port in the cluster's namespace; any would do, nobody else is there."""

METRICS_PORT = 4443

VOLUMES = "/var/lib/labgrader/volumes"
"""Where the cluster's processes see its volumes (a path that is written into objects)."""

MOST_BYTES = 2 << 30
"""How large a file of a container may get: a script that writes without end fills no disk."""

_TOOLS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def components(layout: ClusterLayout, pki: Pki, containerd: Path) -> tuple[Component, ...]:
    """Return the table: who runs, what each one waits for, who stops last."""
    api = f"file:{API_READY}"
    return (
        Component("etcd", ("etcd", *etcd_flags(layout)), last=True),
        Component(
            "kube-apiserver",
            (
                "lab-apiserver",  # its audit log holds changes only
                *apiserver_flags(layout, pki, NODE_ADDRESS, API_PORT),
                *_behind_the_server(pki),
            ),
            after="unix:etcd.sock",
        ),
        _python("door", ("port_forward", NODE_ADDRESS, str(API_PORT)), door=True),
        Component(
            "controllers",
            (
                "controllers",
                *("kube-controller-manager", *controller_manager_flags(layout, pki), "--"),
                *("kube-scheduler", *scheduler_flags(layout)),
            ),
            after=api,
        ),
        Component(
            "containerd",
            ("--config", str(layout.conf / "containerd.toml"), "--log-level", "warn"),
            program=str(containerd),
            env={"PATH": _TOOLS, "TMPDIR": "/run"},
            umask=0o022,
            most_bytes=MOST_BYTES,
        ),
        Component(
            "kubelet",
            ("kubelet", *_kubelet(layout)),
            after=api,
            env={"PATH": _TOOLS},
            umask=0o022,
        ),
        Component("kube-proxy", ("kube-proxy", *_proxy(layout)), after=api, env={"PATH": _TOOLS}),
        Component(
            "coredns", ("coredns", "-conf", str(layout.conf / "Corefile"), "-quiet"), after=api
        ),
        Component("metrics-server", ("metrics-server", *_metrics(layout, pki)), after=api),
        _python("volumes", ("volumes", *_volumes(pki)), after=api),
    )


def _python(
    name: str, module: tuple[str, ...], *, after: str = "", door: bool = False
) -> Component:
    """Return a component that is a module of this package, with its arguments."""
    return Component(
        name,
        ("-S", "-P", "-m", f"{__package__}.{module[0]}", *module[1:]),
        program=sys.executable,
        env={"PYTHONPATH": str(Path(labgrader.__file__).resolve().parent.parent)},
        after=after,
        door=door,
    )


def _behind_the_server(pki: Pki) -> tuple[str, ...]:
    """Return what the API server needs to ask the kubelet and metrics-server."""
    to_kubelet, front = pki.pair("apiserver-to-kubelet"), pki.pair("front-proxy")
    return (
        "--allow-privileged=true",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-certificate-authority={pki.pair('ca').certificate}",
        f"--kubelet-client-certificate={to_kubelet.certificate}",
        f"--kubelet-client-key={to_kubelet.key}",
        f"--requestheader-client-ca-file={pki.pair('front-ca').certificate}",
        f"--requestheader-allowed-names={FRONT_PROXY}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={front.certificate}",
        f"--proxy-client-key-file={front.key}",
        # Straight to the endpoint: what stands beside the server needs no Service rules.
        "--enable-aggregator-routing=true",
    )


def _kubelet(layout: ClusterLayout) -> tuple[str, ...]:
    return (
        f"--config={layout.conf / 'kubelet.json'}",
        f"--kubeconfig={layout.conf / 'kubelet.kubeconfig'}",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={NODE_ADDRESS}",
        "--node-labels=labgrader.dev/node=real",
        "--root-dir=/var/lib/kubelet",
        "--cert-dir=/var/lib/kubelet/pki",
        "--oom-score-adj=0",
    )


def _proxy(layout: ClusterLayout) -> tuple[str, ...]:
    return (
        f"--kubeconfig={layout.conf / 'kube-proxy.kubeconfig'}",
        "--proxy-mode=nftables",
        f"--cluster-cidr={POD_RANGE}",
        f"--hostname-override={NODE_NAME}",
        f"--bind-address={NODE_ADDRESS}",
        "--oom-score-adj=0",
        # These settings are the whole kernel's, not the namespace's.
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
    )


def _metrics(layout: ClusterLayout, pki: Pki) -> tuple[str, ...]:
    serving = pki.pair("metrics-serving")
    config = layout.conf / "metrics-server.kubeconfig"
    return (
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        f"--bind-address={NODE_ADDRESS}",
        f"--secure-port={METRICS_PORT}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--kubelet-certificate-authority={pki.pair('ca').certificate}",
        "--kubelet-preferred-address-types=InternalIP",
        # The least it takes; it must be more than the time that a kubelet gets to answer.
        "--metric-resolution=10s",
        "--kubelet-request-timeout=5s",
    )


def _volumes(pki: Pki) -> tuple[str, ...]:
    identity = pki.pair("storage")
    return (
        f"{NODE_ADDRESS}:{API_PORT}",
        str(pki.pair("ca").certificate),
        str(identity.certificate),
        str(identity.key),
        VOLUMES,
    )
