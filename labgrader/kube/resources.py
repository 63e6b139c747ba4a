"""Resources (group, version, plural, kind) and helpers to read objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
"""A Kubernetes object as it came over the wire."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource type. ``group`` is empty for the core API."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """``apps/v1``, or ``v1`` for the core API."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def definition(self) -> str:
        """The name of the CustomResourceDefinition that serves it."""
        return f"{self.plural}.{self.group}"

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Return the URL path of the collection, or of one object."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        tail = f"/{name}" if name else ""
        return f"{root}{scope}/{self.plural}{tail}"

    def describe(self, name: str | None = None, namespace: str | None = None) -> str:
        """Name it as people do: ``CustomResourceDefinition x`` or ``Pod ns/x``."""
        if name is None:
            return f"{self.kind} list" + (f" in {namespace}" if namespace else "")
        return f"{self.kind} {namespace}/{name}" if namespace else f"{self.kind} {name}"


NAMESPACE = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
NODE = Resource("", "v1", "nodes", "Node", namespaced=False)
CONFIG_MAP = Resource("", "v1", "configmaps", "ConfigMap")
SECRET = Resource("", "v1", "secrets", "Secret")
POD = Resource("", "v1", "pods", "Pod")
SERVICE = Resource("", "v1", "services", "Service")
EVENT = Resource("", "v1", "events", "Event")
ENDPOINT_SLICE = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
DEPLOYMENT = Resource("apps", "v1", "deployments", "Deployment")
REPLICA_SET = Resource("apps", "v1", "replicasets", "ReplicaSet")
LEASE = Resource("coordination.k8s.io", "v1", "leases", "Lease")
AUTOSCALER = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
SERVICE_ACCOUNT = Resource("", "v1", "serviceaccounts", "ServiceAccount")
CRD = Resource(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    namespaced=False,
)
VOLUME_CLAIM = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
CRON_JOB = Resource("batch", "v1", "cronjobs", "CronJob")
JOB = Resource("batch", "v1", "jobs", "Job")
RESOURCE_QUOTA = Resource("", "v1", "resourcequotas", "ResourceQuota")


def _admission(plural: str, kind: str) -> Resource:
    return Resource("admissionregistration.k8s.io", "v1", plural, kind, namespaced=False)


ADMISSION = (
    _admission("validatingwebhookconfigurations", "ValidatingWebhookConfiguration"),
    _admission("mutatingwebhookconfigurations", "MutatingWebhookConfiguration"),
    _admission("validatingadmissionpolicies", "ValidatingAdmissionPolicy"),
    _admission("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding"),
    _admission("mutatingadmissionpolicies", "MutatingAdmissionPolicy"),
    _admission("mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding"),
)
"""Who decides, beside its definition, whether the API server admits an object."""
ACCESS_REVIEW = Resource(
    "authorization.k8s.io",
    "v1",
    "subjectaccessreviews",
    "SubjectAccessReview",
    namespaced=False,
)
ROLE = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLE_BINDING = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
CLUSTER_ROLE = Resource(
    "rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False
)
CLUSTER_ROLE_BINDING = Resource(
    "rbac.authorization.k8s.io",
    "v1",
    "clusterrolebindings",
    "ClusterRoleBinding",
    namespaced=False,
)


def dig(obj: Mapping[str, Any] | None, path: str, default: Any = None) -> Any:
    """Follow a dotted path through maps; ``default`` where it ends early or holds null."""
    value: Any = obj
    for key in path.split("."):
        # Nearly always a dict, and asking for a Mapping takes ten times as long.
        if not isinstance(value, dict) and not isinstance(value, Mapping):
            return default
        value = value.get(key)
    return default if value is None else value


def name_of(obj: Mapping[str, Any]) -> str:
    """Return ``metadata.name`` (empty when there is none)."""
    return str(dig(obj, "metadata.name", ""))


RESET_AT = "labgrader.dev/reset-at"
"""The annotation of the lab's namespace that says since when what was done counts."""
