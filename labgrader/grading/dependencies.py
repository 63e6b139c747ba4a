"""Dependencies of cached answers: dry-runs and access reviews stay valid by these (ADR 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from labgrader.errors import ClusterError
from labgrader.grading.snapshot import ReadKey
from labgrader.kube.resources import (
    ADMISSION,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CRD,
    NAMESPACE,
    RESOURCE_QUOTA,
    ROLE,
    ROLE_BINDING,
    Object,
    Resource,
    dig,
)

ACCESS = frozenset(map(ReadKey, (CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING)))
"""What decides an access review. Authorizers other than RBAC cannot be read and are left out."""

JUDGES = frozenset(map(ReadKey, ADMISSION))


@lru_cache(maxsize=256)  # each question of a check asks for the same again
def of_admission(
    resource: Resource, namespace: str | None, name: str | None = None
) -> frozenset[ReadKey]:
    """Return the reads that decide whether an object is admitted, and what it becomes."""
    read_keys = set(JUDGES)
    if "." in resource.group:
        read_keys.add(ReadKey(CRD, None, f"{resource.plural}.{resource.group}"))
    if resource.namespaced and namespace:
        read_keys.add(ReadKey(NAMESPACE, None, namespace))
        read_keys.add(ReadKey(RESOURCE_QUOTA, namespace))
    if name:
        read_keys.add(ReadKey(resource, namespace, name))
    return frozenset(read_keys)


def can_be_told(
    read: Callable[[ReadKey], object], read_keys: Iterable[ReadKey], resource: Resource
) -> bool:
    """Read ``read_keys``; say whether they alone decide what becomes of ``resource``.

    They do not where somebody has a say who cannot be read: a webhook's server, or the object that
    a policy takes its parameters from.
    """
    try:
        found = {read_key: read(read_key) for read_key in read_keys}
    except ClusterError:
        return False
    judges = [obj for judge in JUDGES & found.keys() for obj in _items(found[judge])]
    return not any(_calls_a_server(one, resource) or dig(one, "spec.paramKind") for one in judges)


def _items(answer: object) -> list[Object]:
    return answer if isinstance(answer, list) else []


def _calls_a_server(judge: Object, resource: Resource) -> bool:
    """Whether it is a webhook configuration that may have ``resource`` looked at."""
    rules = (rule for hook in judge.get("webhooks") or () for rule in hook.get("rules") or ())
    return any({resource.group, "*"} & set(rule.get("apiGroups") or ()) for rule in rules)
