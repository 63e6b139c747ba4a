"""Applies changes as content writes them: patch, replace, create, delete, await.

Each is a mapping of one verb to what it changes, applied in order:

- ``patch`` {apiVersion, kind, name, namespace?, subresource?, ops}: a JSON patch on one object; a
  mapping under ``merge`` in place of ``ops`` is a merge patch
- ``replace`` {manifest…}: delete the object and create this one (for fields that cannot change)
- ``create`` {manifest…}: one more object
- ``delete`` {apiVersion, kind, name, namespace?}: remove an object, and wait until it is gone
- ``start_delete``: the same, without waiting (for what a finalizer holds); ``foreground: true`` is
  ``kubectl delete --cascade=foreground``
- ``await`` {apiVersion, kind, name, namespace?, path, value?, least?, otherwise?}: wait until a
  value is there, or none is, or a number is at least so great; ``otherwise`` says what to do when
  that does not come
- ``refused`` {manifest…}: try to create an object which the API server has to refuse
- ``anew`` {apiVersion: v1, kind: Namespace, name}: what was done before does not count, as after a
  reset
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.errors import LabError, Rejected
from labgrader.kube.protocols import Cluster
from labgrader.kube.resources import Object, Resource, dig
from labgrader.kube.rest_mapper import RestMapper
from labgrader.kube.waiting import wait_until, wait_until_gone
from labgrader.lab_state.reset import begin_anew

WHOLE = ("create", "replace", "refused")
"""The verbs that are given a whole manifest."""

GONE_SECONDS = 30.0
SERVED_SECONDS = 5.0
AWAIT_SECONDS = 90.0

Fault = tuple[tuple[str | int, ...], str]
"""Where in the file something is wrong, and what."""


def faults_of(where: tuple[str | int, ...], change: Any) -> Iterator[Fault]:
    """Yield everything because of which ``change`` is none."""
    if not isinstance(change, Mapping) or len(change) != 1:
        yield where, f"a change is one of {', '.join(_VERBS)}, with what it changes"
        return
    ((verb, body),) = change.items()
    if verb not in _VERBS:
        yield (*where, verb), f"unknown change {verb}; there are {', '.join(_VERBS)}"
        return
    whole = verb in WHOLE
    for path in ("apiVersion", "kind", "metadata.name" if whole else "name"):
        if not isinstance(body, Mapping) or not isinstance(dig(body, path), str):
            yield (*where, verb), f"{verb} needs {path}"
    if verb == "patch" and not isinstance(dig(body, "ops") or dig(body, "merge"), (list, Mapping)):
        yield (*where, verb), "patch needs ops, a JSON patch, or merge, a merge patch"


def touched(
    cluster: Cluster, changes: Sequence[Object]
) -> Iterator[tuple[Resource, str | None, str]]:
    """Yield resource, namespace and name of everything that is changed or taken away."""
    kinds = RestMapper(cluster)
    for change in changes:
        for verb, body in change.items():
            resource = kinds.find(body["apiVersion"], body["kind"])
            if resource is not None and verb not in ("create", "await", "refused"):
                target = _target(verb, body)
                yield resource, target["namespace"], target["name"]


def apply(cluster: Cluster, changes: Sequence[Object], place: str) -> None:
    """Make all changes; ``undo`` takes away what they added.

    Args:
        place: the file they come from, for errors.

    Raises:
        LabError: the cluster refuses a change; each must be possible.
    """
    kinds = RestMapper(cluster)
    for change in changes:
        for verb, body in change.items():
            resource = kinds.wait_for(body["apiVersion"], body["kind"], SERVED_SECONDS)
            if resource is None:
                raise LabError(f"{place}: the API server serves no {body['kind']}")
            _VERBS[verb](cluster, resource, body)


def undo(cluster: Cluster, changes: Sequence[Object]) -> None:
    """Delete what was created beside the lab's own objects, last things first."""
    kinds = RestMapper(cluster)
    for change in reversed(changes):
        for verb, body in change.items():
            resource = kinds.find(body["apiVersion"], body["kind"])
            if verb == "create" and resource is not None:
                _remove(cluster, resource, body)


def _target(verb: str, body: Object) -> Object:
    """Return name and namespace of what a change is about."""
    where: Object = dig(body, "metadata", {}) if verb in WHOLE else body
    return {"name": where["name"], "namespace": where.get("namespace")}


def _patch(cluster: Cluster, resource: Resource, body: Object) -> None:
    cluster.patch(
        resource,
        body["name"],
        body["merge"] if "merge" in body else body["ops"],
        body.get("namespace"),
        subresource=body.get("subresource", ""),
    )


def _create(cluster: Cluster, resource: Resource, body: Object) -> None:
    namespace, name = dig(body, "metadata.namespace"), dig(body, "metadata.name")
    cluster.create(resource, body, namespace)
    if resource.kind == "CustomResourceDefinition":  # names are accepted in the order of arrival
        wait_until(
            lambda: bool(dig(cluster.get(resource, name), "status.conditions")), GONE_SECONDS
        )


def _delete(cluster: Cluster, resource: Resource, body: Object) -> None:
    name, namespace = body["name"], body.get("namespace")
    _start_delete(cluster, resource, body)
    if not wait_until_gone(cluster, resource, name, namespace, GONE_SECONDS):
        raise LabError(f"{resource.describe(name, namespace)} does not go away")


def _start_delete(cluster: Cluster, resource: Resource, body: Object) -> None:
    foreground = bool(body.get("foreground"))
    cluster.delete(resource, body["name"], body.get("namespace"), foreground=foreground)


def _await(cluster: Cluster, resource: Resource, body: Object) -> None:
    name, namespace, path = body["name"], body.get("namespace"), body["path"]
    found: list[object] = []
    wanted = f"at least {body['least']}" if "least" in body else repr(body.get("value"))

    def there() -> bool:
        found[:] = [dig(cluster.get(resource, name, namespace), path)]
        if "least" in body:
            return isinstance(found[0], int) and found[0] >= body["least"]
        return found[0] == body.get("value")

    if not wait_until(there, AWAIT_SECONDS):
        label = resource.describe(name, namespace)
        raise LabError(
            f"{label}: {path} stays {found[0]!r} and does not become {wanted}",
            body.get("otherwise", ""),
        )


def _refused(cluster: Cluster, resource: Resource, body: Object) -> None:
    target = _target("refused", body)
    try:
        cluster.create(resource, body, target["namespace"])
    except Rejected:
        return
    raise LabError(f"The API server takes {resource.describe(**target)}, and should refuse it")


def _anew(cluster: Cluster, resource: Resource, body: Object) -> None:
    assert resource.kind == "Namespace"
    begin_anew(cluster, body["name"])


def _remove(cluster: Cluster, resource: Resource, body: Object) -> None:
    """Delete what a case made, without the finalizers that it came with: nobody serves them."""
    target = _target("create", body)
    current = cluster.get(resource, target["name"], target["namespace"])
    held: list[str] = dig(current, "metadata.finalizers", [])
    kept = [entry for entry in held if entry not in dig(body, "metadata.finalizers", [])]
    if kept != held:
        patch = {"metadata": {"finalizers": kept}}
        cluster.patch(resource, target["name"], patch, target["namespace"])
    if current is not None:
        _delete(cluster, resource, target)


def _replace(cluster: Cluster, resource: Resource, body: Object) -> None:
    """Delete the object and create this one; again where a controller was quicker to create it."""

    def replaced() -> bool:
        _delete(cluster, resource, _target("replace", body))
        try:
            _create(cluster, resource, body)
        except Rejected as error:
            if error.reason != "AlreadyExists":
                raise
            return False
        return True

    if not wait_until(replaced, GONE_SECONDS):
        label = resource.describe(**_target("replace", body))
        raise LabError(f"{label} cannot be replaced: something creates it again each time")


_VERBS = {
    "patch": _patch,
    "create": _create,
    "delete": _delete,
    "start_delete": _start_delete,
    "replace": _replace,
    "await": _await,
    "refused": _refused,
    "anew": _anew,
}
