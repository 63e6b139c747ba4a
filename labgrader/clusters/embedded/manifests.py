"""Kubeconfigs, the audit policy and the Node object of an embedded cluster."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from labgrader.clusters.embedded.pki import Pki
from labgrader.model.manifest import Needs

NODE_NAME = "lab-node-1"

LEASE_SECONDS = 8
"""How long a simulated node's lease holds; after a crash kwok waits for its former self's."""

_NOT_LOGGED = (
    "system:apiserver",
    "system:kube-scheduler",
    "system:kube-controller-manager",
    "labgrader:kwok",
    "labgrader:provider",
    "labgrader:coredns",
    "labgrader:metrics-server",
    "labgrader:storage",
    "system:kube-proxy",
)

_WRITES = ["create", "update", "patch", "delete", "deletecollection"]


def kubeconfig(pki: Pki, client: str, server: str, context: str) -> bytes:
    """Return a kubeconfig that holds everything it needs (no paths: it may be copied)."""
    pair = pki.pair(client)
    return f"""\
apiVersion: v1
kind: Config
clusters:
- name: {context}
  cluster:
    server: {server}
    certificate-authority-data: {_base64(pki.pair("ca").certificate)}
users:
- name: {context}
  user:
    client-certificate-data: {_base64(pair.certificate)}
    client-key-data: {_base64(pair.key)}
contexts:
- name: {context}
  context:
    cluster: {context}
    user: {context}
    namespace: default
current-context: {context}
""".encode()


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def audit_policy(needs: Needs) -> bytes:
    """Return the audit policy: what was done to the labs' objects, and never a secret's content.

    The first rule that matches counts; a rule with an empty list would match everything. JSON is
    YAML, and needs no library to write.
    """
    spaces, groups = list(needs.namespaces), [{"group": one} for one in needs.groups]
    cluster_wide = [
        {"group": "apiextensions.k8s.io", "resources": ["customresourcedefinitions"]},
        {"group": "rbac.authorization.k8s.io"},
        {"group": "admissionregistration.k8s.io"},
    ]
    secret = [
        {"group": "", "resources": ["secrets", "serviceaccounts/token"]},
        {"group": "authentication.k8s.io"},
    ]
    namespace = {
        "group": "",
        "resources": ["namespaces"],
        "resourceNames": ["", *spaces],
    }
    rules: list[dict[str, Any]] = [
        {"level": "None", "users": list(_NOT_LOGGED)},
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system", "system:nodes"]},
        *([{"level": "Metadata", "resources": secret, "namespaces": spaces}] if spaces else []),
        {"level": "None", "resources": secret},
        # What became of these objects is graded, so what they were after each write must be known.
        *([{"level": "RequestResponse", "resources": groups, "verbs": _WRITES}] if groups else []),
        {"level": "Request", "resources": cluster_wide, "verbs": _WRITES},
        *_in_namespaces(spaces),
        {"level": "Metadata", "resources": [namespace], "verbs": _WRITES},
        {"level": "None"},
    ]
    policy = {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "omitManagedFields": True,
        "rules": rules,
    }
    return json.dumps(policy, indent=1).encode()


def _in_namespaces(spaces: list[str]) -> list[dict[str, Any]]:
    """Return the rules for everything in the labs' namespaces."""
    leases = [{"group": "coordination.k8s.io", "resources": ["leases"]}]
    others = {"level": "None", "resources": leases}
    if not spaces:
        return [others]
    written = {"level": "Metadata", "namespaces": spaces, "verbs": _WRITES}
    # Who renews a lab's Leases is graded. The API server keeps a sample of these writes
    # (embedded/internal/heartbeats): all of them would push everything else out of the log.
    return [{**written, "resources": leases}, others, written]


def node(name: str = NODE_NAME) -> dict[str, Any]:
    """Return a simulated node with room for the lab's largest deployment."""
    size = {"cpu": "8", "memory": "16Gi", "ephemeral-storage": "64Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0"},
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "labgrader.dev/node": "simulated",
            },
        },
        "spec": {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24"]},
        "status": {
            "capacity": size,
            "allocatable": size,
            # Nothing listens there: `kubectl logs` fails at once, and never meets a real kubelet.
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 1}},
            "nodeInfo": {
                "architecture": "amd64",
                "operatingSystem": "linux",
                "kubeletVersion": "simulated",
                "containerRuntimeVersion": "simulated",
                "osImage": "simulated",
                "kernelVersion": "simulated",
                "bootID": "",
                "machineID": "",
                "systemUUID": "",
                "kubeProxyVersion": "",
            },
        },
    }
