"""Where everything of one embedded cluster lives; the only place that knows file names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from labgrader.errors import UsageError
from labgrader.paths import clusters_dir

CLUSTER_VARIABLE = "LABGRADER_CLUSTER"
"""Every process of a cluster carries this variable: the cluster's root folder."""

API_READY = "api-ready"

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class ClusterLayout:
    """The paths of one cluster.

    ``root`` is absolute and free of symbolic links, because processes are recognised by it.
    """

    name: str
    root: Path

    @classmethod
    def of(cls, name: str) -> ClusterLayout:
        """Return the layout of the cluster called ``name``.

        Raises:
            UsageError: the name is not a DNS label of at most 40 characters.
            LabError: the state folder is not usable.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"'{name[:60]}' cannot name a cluster",
                "Use at most 40 lower-case letters, digits and inner hyphens",
            )
        return cls(name, clusters_dir().resolve() / name)

    @property
    def lock(self) -> Path:
        """Held by ``up`` and ``down``; outside ``root``, so that a purge cannot remove it."""
        return self.root.parent / f".{self.name}.lock"

    @property
    def facts(self) -> Path:
        """What must be remembered between two ``up``: port, nodes, hash of the CRDs."""
        return self.root / "cluster.json"

    @property
    def kubeconfig(self) -> Path:
        """The learner's kubeconfig; outlives ``down`` without ``--purge``."""
        return self.root / "kubeconfig"

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.root / "pki"

    @property
    def conf(self) -> Path:
        """The components' kubeconfigs and the audit policy."""
        return self.root / "conf"

    @property
    def etcd_data(self) -> Path:
        """Etcd's data: the cluster's objects."""
        return self.root / "etcd"

    @property
    def logs(self) -> Path:
        """One bounded log per component."""
        return self.root / "logs"

    @property
    def audit_policy(self) -> Path:
        """What the API server was told to write into the audit log, as of its last start."""
        return self.conf / "audit-policy.yaml"

    @property
    def audit_log(self) -> Path:
        """The API server's record of what was done to the lab's objects (JSON lines)."""
        return self.root / "audit" / "audit.log"

    @property
    def bin(self) -> Path:
        """``kubectl``, for the learner's PATH."""
        return self.root / "bin"

    @property
    def run(self) -> Path:
        """Everything that only makes sense while the cluster runs; working folder of all processes.

        etcd's sockets are named relative to it: a unix socket's path may have 107 characters only.
        """
        return self.root / "run"

    @property
    def status(self) -> Path:
        """The supervisor's word on the components, rewritten at each change."""
        return self.run / "status.json"

    @property
    def plan(self) -> Path:
        """What the supervisor is to run (see ``components.Component``)."""
        return self.run / "plan.json"

    @property
    def api_ready(self) -> Path:
        """There once ``up`` has seen the API ready: what needs the API is started then."""
        return self.run / API_READY

    @property
    def node(self) -> Path:
        """What a real node keeps: containerd's images, the kubelet's folder; only root enters."""
        return self.root / "node"

    @property
    def volumes(self) -> Path:
        """The data of persistent volumes; one folder each."""
        return self.root / "volumes"

    @property
    def context(self) -> str:
        """Name of the kubeconfig's context."""
        return f"labgrader-{self.name}"

    @property
    def option(self) -> str:
        """What a command must be given to mean this cluster, with a space before it."""
        return "" if self.name == "default" else f" --name {self.name}"

    def log(self, component: str) -> Path:
        """Return the path of a component's current log; the one before it ends in ``.1``."""
        return self.logs / f"{component}.log"

    def folders(self) -> tuple[Path, ...]:
        """Return the folders that ``up`` makes, 0700."""
        return (
            self.root,
            self.pki,
            self.conf,
            self.etcd_data,
            self.logs,
            self.audit_log.parent,
            self.bin,
            self.run,
        )
