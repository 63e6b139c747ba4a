"""The texts that a real node is configured with. JSON is YAML, and needs no library to write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from labgrader.clusters.embedded.components import POD_RANGE
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.embedded.pki import NODE_ADDRESS, Pki

CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
"""Within the cluster's namespaces; from outside it is below ``/proc/<init>/root``."""

PAUSE_IMAGE = "docker.io/labgrader/pause:1"

_POD_SUBNET = POD_RANGE.replace("/16", "/24")

_CONTAINERD = """\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # Without CAP_SYS_RESOURCE a score cannot be lowered, and runc would die of trying.
  restrict_oom_score_adj = true
  # A profile would be loaded into the host's kernel, and stay there.
  disable_apparmor = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "{snapshotter}"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{plugins}"
  conf_dir = "{network}"
"""

_COREDNS = """\
.:53 {{
  bind {address}
  errors
  ready {address}:8181
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {kubeconfig}
    ttl 5
  }}
}}
"""


def containerd(layout: ClusterLayout, plugins: Path, snapshotter: str) -> bytes:
    """Return containerd's configuration: everything of its own, nothing of the system's."""
    text = _CONTAINERD.format(
        socket=CONTAINERD_SOCKET,
        pause=PAUSE_IMAGE,
        snapshotter=snapshotter,
        plugins=plugins,
        network=layout.conf / "cni",
    )
    return text.encode()


def network() -> bytes:
    """Return the pods' network: each on a link of its own, so that all packets are routed.

    On a bridge, answers from one pod to another would bypass the Services' address translation
    wherever the kernel has no br_netfilter.
    """
    addresses = {
        "type": "host-local",
        "dataDir": "/run/cni",
        "ranges": [[{"subnet": _POD_SUBNET}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    plugin = {"type": "ptp", "mtu": 1500, "ipam": addresses}
    return _json({"cniVersion": "0.4.0", "name": "lab", "plugins": [plugin]})


def coredns(layout: ClusterLayout) -> bytes:
    """Return CoreDNS' configuration: the cluster's names and no others, never from a cache."""
    kubeconfig = layout.conf / "coredns.kubeconfig"
    return _COREDNS.format(address=NODE_ADDRESS, kubeconfig=kubeconfig).encode()


def resolver() -> bytes:
    """Return what pods with the node's own name resolution get; the host's could not be reached."""
    return f"nameserver {NODE_ADDRESS}\n".encode()


def kubelet(layout: ClusterLayout, pki: Pki, group: str) -> bytes:
    """Return the kubelet's configuration."""
    serving = pki.pair("kubelet-serving")
    none_left = dict.fromkeys(("memory.available", "nodefs.available", "imagefs.available"), "0%")
    return _json(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": NODE_ADDRESS,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(pki.pair("ca").certificate)},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(serving.certificate),
            "tlsPrivateKeyFile": str(serving.key),
            "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
            "clusterDNS": [NODE_ADDRESS],
            "clusterDomain": "cluster.local",
            "resolvConf": str(layout.conf / "resolv.conf"),
            "podLogsDir": "/var/lib/labgrader/logs",
            "containerLogMaxSize": "4Mi",
            "containerLogMaxFiles": 3,
            "volumePluginDir": "/var/lib/kubelet/volumeplugins",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{group}",
            "enforceNodeAllocatable": [],
            "failCgroupV1": False,
            "failSwapOn": False,
            "protectKernelDefaults": True,
            "makeIPTablesUtilChains": False,
            "localStorageCapacityIsolation": False,
            "evictionHard": {**none_left, "nodefs.inodesFree": "0%"},
            # Images came from a file, not from a registry: one that is removed is gone.
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "serializeImagePulls": False,
            "syncFrequency": "10s",
        }
    )


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, indent=1).encode()
