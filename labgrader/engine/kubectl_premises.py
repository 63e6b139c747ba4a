"""What the answer of a call of kubectl rests on, so that it need not be run again (ADR 9). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from labgrader.engine import premises
from labgrader.engine.kubectl import Kind, plan
from labgrader.engine.snapshot import Interest
from labgrader.model.resource import (
    AUTOSCALER,
    CONFIG_MAP,
    CRD,
    CRON_JOB,
    DEPLOYMENT,
    JOB,
    LEASE,
    NAMESPACE,
    NODE,
    POD,
    REPLICA_SET,
    ROLE,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    VOLUME_CLAIM,
    Object,
    Resource,
    dig,
)

_SHORT = {
    POD: ("po",),
    SERVICE: ("svc",),
    DEPLOYMENT: ("deploy",),
    REPLICA_SET: ("rs",),
    CONFIG_MAP: ("cm",),
    AUTOSCALER: ("hpa",),
    NAMESPACE: ("ns",),
    NODE: ("no",),
    CRD: ("crd", "crds"),
    CRON_JOB: ("cj",),
    SERVICE_ACCOUNT: ("sa",),
    VOLUME_CLAIM: ("pvc",),
    JOB: (),
    LEASE: (),
    ROLE: (),
    ROLE_BINDING: (),
}
"""Types of Kubernetes itself, with kubectl's short names. Events are none: they always change."""


def of_call(arguments: Sequence[str], definitions: Iterable[Object]) -> frozenset[Interest]:
    """Return the reads which decide what a call says; empty where that cannot be told.

    Logs and figures of pods, and calls about all of a cluster, rest on more than can be read.

    Args:
        definitions: the cluster's CustomResourceDefinitions.
    """
    if tuple(arguments[:2]) == ("auth", "can-i"):
        return premises.ACCESS
    planned, namespace = plan(arguments), _namespace(arguments)
    if planned.kind is not Kind.READ or planned.runs_in or not planned.target or not namespace:
        return frozenset()
    types = dict(_types(definitions))
    wanted = list(_wanted(planned.target))
    if any(word not in types for word, _ in wanted):
        return frozenset()
    return frozenset(
        Interest(types[word], namespace if types[word].namespaced else None, name)
        for word, name in wanted
    ) | {Interest(CRD)}


def _types(definitions: Iterable[Object]) -> Iterator[tuple[str, Resource]]:
    """Yield every name by which kubectl knows a type."""
    for resource, short in _SHORT.items():
        group = f".{resource.group}" if resource.group else ""
        for name in (resource.plural, resource.kind.lower(), f"{resource.plural}{group}", *short):
            yield name, resource
    for one in definitions:
        served = [v["name"] for v in dig(one, "spec.versions", []) if v.get("served")]
        names, group = dig(one, "spec.names", {}), dig(one, "spec.group", "")
        if served and "plural" in names:
            scoped = dig(one, "spec.scope") == "Namespaced"
            kind, plural = names.get("kind", ""), names["plural"]
            resource = Resource(group, served[0], plural, kind, scoped)
            words = {plural, f"{plural}.{group}", kind.lower(), names.get("singular", "")}
            for name in words | set(names.get("shortNames") or ()):
                yield name, resource


def _wanted(target: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Yield type and name of all that is asked for: ``pods x y``, ``pod/x deploy/y``, ``pods``."""
    if "/" in target[0]:
        for word in target:
            kind, _, name = word.partition("/")
            yield kind.lower(), name
        return
    for kind in target[0].lower().split(","):
        yield from ((kind, name) for name in target[1:] or (None,))


def _namespace(arguments: Sequence[str]) -> str:
    """Return the last namespace that is named; empty where none is, or all are."""
    found = ""
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        flag, _, value = word.partition("=")
        if flag in ("-A", "--all-namespaces"):
            return ""
        if flag in ("-n", "--namespace"):
            found = value or following
    return found
