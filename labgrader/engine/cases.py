"""Cases: answers to the lab's tasks, right and wrong, by which the checks themselves are tested.

A case is a YAML file in ``tests/checks/<criterion>/``. It says how an answer differs from the
reference solution, and what the criterion must say to it. ``expect`` is ``failed``, ``passed`` (an
equivalent answer), ``blocked`` or ``error``; ``also`` names criteria that fail as well, because the
mistake is theirs too. ``changes`` are applied in order to the solved lab:

- ``patch`` {apiVersion, kind, name, namespace?, ops}: a JSON patch on one object
- ``replace`` {manifest…}: delete the object and create this one (for fields that cannot change)
- ``create`` {manifest…}: one more object
- ``delete`` {apiVersion, kind, name, namespace?}: remove an object, and wait until it is gone
- ``start_delete``: the same, without waiting (for what a finalizer holds)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labgrader.engine.manifests import Kinds, read_all
from labgrader.engine.ports import Cluster
from labgrader.engine.solve import wait_until
from labgrader.model.errors import ContentError, LabError
from labgrader.model.resource import Object, Resource, dig
from labgrader.model.result import Outcome

GONE_SECONDS = 30.0
FIELDS = ("title", "expect", "changes", "reason", "also")

Fault = tuple[tuple[str | int, ...], str]
"""Where in the file something is wrong, and what."""


@dataclass(frozen=True, slots=True)
class Case:
    """One answer. ``reason`` is a part of the reason that must be given (empty: any)."""

    criterion: str
    title: str
    expect: Outcome
    changes: tuple[Object, ...]
    reason: str
    also: tuple[str, ...]
    path: Path

    @property
    def name(self) -> str:
        """``criterion/file``, unique among all cases."""
        return f"{self.criterion}/{self.path.stem}"


def load_cases(folder: Path) -> Iterator[Case]:
    """Yield every case under ``folder``, in the order of the names.

    Raises:
        ContentError: a file is no case.
    """
    for path in sorted(folder.glob("*/*.yaml")):
        documents = list(read_all(path))
        if len(documents) != 1:
            raise ContentError(f"{path} holds {len(documents)} documents", "One file is one case")
        data = documents[0]
        for where, what in faults_of(data):
            place = ".".join(map(str, where)) or "the file"
            raise ContentError(f"{path} is no case: {place}: {what}", "See docs/writing-a-check.md")
        yield Case(
            criterion=path.parent.name,
            title=data["title"],
            expect=Outcome(data["expect"]),
            changes=tuple(data["changes"]),
            reason=data.get("reason", ""),
            also=tuple(data.get("also", ())),
            path=path,
        )


def faults_of(data: Any) -> Iterator[Fault]:
    """Yield everything because of which ``data`` is no case."""
    if not isinstance(data, Mapping):
        yield (), "a case is a mapping"
        return
    for key in data:
        if key not in FIELDS:
            yield (key,), f"unknown field {key}; a case has {', '.join(FIELDS)}"
    if not isinstance(data.get("title"), str) or not data["title"].strip():
        yield ("title",), "a title says what the answer does differently"
    if data.get("expect") not in [outcome.value for outcome in Outcome]:
        yield ("expect",), f"expect is one of {', '.join(Outcome)}"
    if not isinstance(data.get("reason", ""), str):
        yield ("reason",), "reason is a part of the check's reason, as text"
    also = data.get("also", [])
    if not isinstance(also, list) or not all(isinstance(one, str) for one in also):
        yield ("also",), "also is a list of criteria"
    changes = data.get("changes")
    if not isinstance(changes, list) or not changes:
        yield ("changes",), "changes is a list with at least one change"
        return
    for index, change in enumerate(changes):
        yield from _change_faults(("changes", index), change)


def _change_faults(where: tuple[str | int, ...], change: Any) -> Iterator[Fault]:
    if not isinstance(change, Mapping) or len(change) != 1:
        yield where, f"a change is one of {', '.join(_VERBS)}, with what it changes"
        return
    ((verb, body),) = change.items()
    if verb not in _VERBS:
        yield (*where, verb), f"unknown change {verb}; there are {', '.join(_VERBS)}"
        return
    whole = verb in ("create", "replace")
    for path in ("apiVersion", "kind", "metadata.name" if whole else "name"):
        if not isinstance(body, Mapping) or not isinstance(dig(body, path), str):
            yield (*where, verb), f"{verb} needs {path}"
    if verb == "patch" and not isinstance(dig(body, "ops"), list):
        yield (*where, verb), "patch needs ops, a JSON patch"


def touched(cluster: Cluster, case: Case) -> Iterator[tuple[Resource, str | None, str]]:
    """Yield resource, namespace and name of everything that a case changes or takes away."""
    kinds = Kinds(cluster)
    for change in case.changes:
        for verb, body in change.items():
            resource = kinds.find(body["apiVersion"], body["kind"])
            if resource is not None and verb != "create":
                target = _target(verb, body)
                yield resource, target["namespace"], target["name"]


def apply_case(cluster: Cluster, case: Case) -> None:
    """Make the changes of a case on a solved lab; ``undo_case`` takes away what it added.

    Raises:
        LabError: the cluster refuses a change; a case must be possible.
    """
    kinds = Kinds(cluster)
    for change in case.changes:
        for verb, body in change.items():
            resource = _await_served(kinds, body)
            if resource is None:
                raise LabError(f"{case.path}: the API server serves no {body['kind']}")
            _VERBS[verb](cluster, resource, body)


def undo_case(cluster: Cluster, case: Case) -> None:
    """Delete what a case created beside the lab's own objects, last things first."""
    kinds = Kinds(cluster)
    for change in reversed(case.changes):
        for verb, body in change.items():
            resource = kinds.find(body["apiVersion"], body["kind"])
            if verb == "create" and resource is not None:
                _remove(cluster, resource, body)


def _target(verb: str, body: Object) -> Object:
    """Return name and namespace of what a change is about."""
    where: Object = dig(body, "metadata", {}) if verb in ("create", "replace") else body
    return {"name": where["name"], "namespace": where.get("namespace")}


def _await_served(kinds: Kinds, body: Object) -> Resource | None:
    """Find the kind; one that a change before this defined may take a moment to be served."""
    found: list[Resource] = []

    def served() -> bool:
        resource = kinds.find(body["apiVersion"], body["kind"])
        found.extend([resource] if resource else [])
        return bool(found)

    wait_until(served, 5.0)
    return found[0] if found else None


def _patch(cluster: Cluster, resource: Resource, body: Object) -> None:
    cluster.patch(resource, body["name"], body["ops"], body.get("namespace"))


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
    if not wait_until(lambda: cluster.get(resource, name, namespace) is None, GONE_SECONDS):
        raise LabError(f"{resource.describe(name, namespace)} does not go away")


def _start_delete(cluster: Cluster, resource: Resource, body: Object) -> None:
    cluster.delete(resource, body["name"], body.get("namespace"))


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
    _delete(cluster, resource, _target("replace", body))
    _create(cluster, resource, body)


_VERBS = {
    "patch": _patch,
    "create": _create,
    "delete": _delete,
    "start_delete": _start_delete,
    "replace": _replace,
}
