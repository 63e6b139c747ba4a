"""Finalizers: which of them Kubernetes itself serves, and which are foreign."""

from __future__ import annotations

from labgrader.kube.resources import Object, dig

ANY_KIND = {"foregroundDeletion", "orphan", "kubernetes"}
"""What the garbage collector and the namespace controller serve. They alone have no domain."""

OF_KIND = {
    "PersistentVolumeClaim": {"kubernetes.io/pvc-protection"},
    "PersistentVolume": {"kubernetes.io/pv-protection", "kubernetes.io/pv-controller"},
    "CustomResourceDefinition": {"customresourcecleanup.apiextensions.k8s.io"},
    "Service": {"service.kubernetes.io/load-balancer-cleanup"},
    "Pod": {"batch.kubernetes.io/job-tracking"},
    "Job": {"batch.kubernetes.io/job-tracking"},
    "ResourceClaim": {"resource.kubernetes.io/delete-protection"},
    "ServiceCIDR": {"networking.k8s.io/service-cidr-finalizer"},
}
"""What one controller serves, on its own kind only: elsewhere nobody takes it off."""


def foreign(kind: str, obj: Object | None) -> list[str]:
    """Return the finalizers of an object which no controller of Kubernetes itself takes off."""
    served = ANY_KIND | OF_KIND.get(kind, set())
    return [one for one in dig(obj, "metadata.finalizers", []) if one not in served]
