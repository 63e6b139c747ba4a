"""What a cluster consists of: a table of components, from which the supervisor's plan is made."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from labgrader.clusters.embedded.layout import API_READY, CLUSTER_VARIABLE, ClusterLayout
from labgrader.clusters.embedded.manifests import LEASE_SECONDS
from labgrader.clusters.embedded.pki import Pki

SERVICE_RANGE = "10.96.0.0/16"
POD_RANGE = "10.244.0.0/16"
NO_PROXY = "127.0.0.1,localhost,::1,10.0.0.0/8,.svc,.cluster.local"
"""What must never go through a proxy: the lab talks to itself only."""

STORE = "unix://etcd.sock"
"""etcd's only door, relative to the run folder (see ``ClusterLayout.run``)."""


_COLLECT = "50"
"""Collect garbage at 50 % growth: 70 MB less after some work, for 0.2 s more of a start's CPU."""


@dataclass(frozen=True, slots=True)
class Component:
    """One process.

    ``after`` is what it must find to be started: ``unix:PATH`` (a socket that takes connections) or
    ``file:PATH``, both relative to the run folder. ``last`` ones are stopped when all others have
    ended. ``env`` is added to the common one. ``program`` is what to run where it is not the
    multi-call binary. ``door`` ones get the socket on which the host's programs knock. ``umask`` is
    for those that make files which pods must be able to read. ``most_bytes`` is the size that no
    file of theirs may exceed, nor of what they start (0: any).
    """

    name: str
    argv: tuple[str, ...]
    after: str = ""
    last: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    program: str = ""
    door: bool = False
    umask: int = 0o077
    most_bytes: int = 0


def without_proxy(env: Mapping[str, str]) -> dict[str, str]:
    """Return ``env`` with the lab's own addresses added to what no proxy may see."""
    changed = dict(env)
    known = env.get("NO_PROXY") or env.get("no_proxy") or ""
    missing = [part for part in NO_PROXY.split(",") if part not in known.split(",")]
    both = ",".join([*filter(None, [known]), *missing])
    changed["NO_PROXY"] = changed["no_proxy"] = both
    return changed


def base_environment(layout: ClusterLayout) -> dict[str, str]:
    """Return the environment of every process of the cluster.

    No proxy variables: a control plane without nodes has nobody outside this machine to talk to.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
    return {
        **without_proxy(kept),
        "TMPDIR": str(layout.run),
        CLUSTER_VARIABLE: str(layout.root),
    }


def plan(layout: ClusterLayout, binary: Path, table: Iterable[Component]) -> dict[str, object]:
    """Return what ``supervisor`` reads: every component with its whole command and environment."""
    common = {**base_environment(layout), "LABGRADER_LIFELINE": "stdin", "GOGC": _COLLECT}
    return {
        "components": [
            {
                **asdict(component),
                "argv": [component.program or str(binary), *component.argv],
                "env": {**common, **component.env},
            }
            for component in table
        ]
    }


def components(layout: ClusterLayout, pki: Pki, port: int) -> tuple[Component, ...]:
    """Return the table: who runs, what each one waits for, who stops last."""
    # Started earlier they would only poll, once a second, and take the server's time to start.
    api = f"file:{API_READY}"
    loopback = "127.0.0.1"
    return (
        Component("etcd", ("etcd", *etcd_flags(layout)), last=True),
        Component(
            "kube-apiserver",
            (
                "lab-apiserver",  # its audit log holds changes only
                *apiserver_flags(layout, pki, loopback, port),
                # Nothing could reach a loopback endpoint of the `kubernetes` Service: it has none.
                "--endpoint-reconciler-type=none",
            ),
            after="unix:etcd.sock",
        ),
        # Three in one process, which saves the memory of two Go runtimes and their caches.
        Component(
            "controllers",
            (
                "controllers",
                *("kube-controller-manager", *controller_manager_flags(layout, pki)),
                # A machine that slept must not find its pods NotReady: nobody would mend that.
                *("--node-monitor-grace-period=24h", "--"),
                *("kube-scheduler", *scheduler_flags(layout), "--"),
                *("kwok", *_kwok(layout)),
            ),
            after=api,
        ),
    )


def etcd_flags(layout: ClusterLayout) -> tuple[str, ...]:
    """Return etcd's arguments: unix sockets only."""
    return (
        "--name=lab",
        f"--data-dir={layout.etcd_data}",
        f"--listen-client-urls={STORE}",
        f"--advertise-client-urls={STORE}",
        "--listen-peer-urls=unix://peer.sock",
        "--initial-advertise-peer-urls=unix://peer.sock",
        "--initial-cluster=lab=unix://peer.sock",
        "--log-level=warn",
    )


def apiserver_flags(layout: ClusterLayout, pki: Pki, address: str, port: int) -> tuple[str, ...]:
    """Return the API server's arguments, for a server that listens on ``address`` and ``port``."""
    serving = pki.pair("apiserver")
    return (
        f"--etcd-servers={STORE}",
        f"--bind-address={address}",
        f"--advertise-address={address}",
        f"--secure-port={port}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--client-ca-file={pki.pair('ca').certificate}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki.service_account_public_key}",
        f"--service-account-signing-key-file={pki.service_account_key}",
        f"--audit-policy-file={layout.audit_policy}",
        f"--audit-log-path={layout.audit_log}",
        "--audit-log-maxsize=16",
        "--audit-log-maxbackup=3",
        "--profiling=false",
        "--shutdown-delay-duration=0s",
    )


# The defaults make them wait for themselves: a token is fetched for each controller, for a start.
_UNTHROTTLED = ("--kube-api-qps=500", "--kube-api-burst=1000")


def controller_manager_flags(layout: ClusterLayout, pki: Pki) -> tuple[str, ...]:
    """Return the controller-manager's arguments."""
    kubeconfig = layout.conf / "kube-controller-manager.kubeconfig"
    authority = pki.pair("ca")
    return (
        f"--kubeconfig={kubeconfig}",
        "--secure-port=0",
        "--leader-elect=false",
        # Each controller as its own service account: the audit log names it, RBAC is the real one.
        "--use-service-account-credentials=true",
        f"--root-ca-file={authority.certificate}",
        f"--service-account-private-key-file={pki.service_account_key}",
        f"--cluster-signing-cert-file={authority.certificate}",
        f"--cluster-signing-key-file={authority.key}",
        *_UNTHROTTLED,
        "--profiling=false",
    )


def scheduler_flags(layout: ClusterLayout) -> tuple[str, ...]:
    """Return the scheduler's arguments."""
    return (
        f"--kubeconfig={layout.conf / 'kube-scheduler.kubeconfig'}",
        "--secure-port=0",
        "--leader-elect=false",
        *_UNTHROTTLED,
        "--profiling=false",
    )


def _kwok(layout: ClusterLayout) -> tuple[str, ...]:
    return (
        f"--kubeconfig={layout.conf / 'kwok.kubeconfig'}",
        # Only the nodes that say they are simulated, so that real ones can stand beside them.
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        f"--cidr={POD_RANGE}",
        "--node-ip=127.0.0.1",
        f"--node-lease-duration-seconds={LEASE_SECONDS}",
    )
