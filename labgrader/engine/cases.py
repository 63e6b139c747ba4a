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

from collections.abc import Iterator
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
        for data in read_all(path):
            try:
                yield Case(
                    criterion=path.parent.name,
                    title=data["title"],
                    expect=Outcome(data["expect"]),
                    changes=tuple(data["changes"]),
                    reason=data.get("reason", ""),
                    also=tuple(data.get("also", ())),
                    path=path,
                )
            except (KeyError, TypeError, ValueError) as error:
                raise ContentError(f"{path} is no case: {error!r}") from error


def apply_case(cluster: Cluster, case: Case) -> None:
    """Make the changes of a case on a solved lab; ``undo_case`` takes away what it added.

    Raises:
        LabError: the cluster refuses a change; a case must be possible.
    """
    kinds = Kinds(cluster)
    for change in case.changes:
        for verb, body in change.items():
            resource = kinds.find(body["apiVersion"], body["kind"])
            if resource is None:
                raise LabError(f"{case.path}: the API server serves no {body['kind']}")
            _VERBS[verb](cluster, resource, body)


def undo_case(cluster: Cluster, case: Case) -> None:
    """Delete what a case created beside the lab's own objects."""
    kinds = Kinds(cluster)
    for change in case.changes:
        for verb, body in change.items():
            resource = kinds.find(body["apiVersion"], body["kind"])
            if verb == "create" and resource is not None:
                where = dig(body, "metadata", {})
                _delete(
                    cluster, resource, {"name": where["name"], "namespace": where.get("namespace")}
                )


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


def _replace(cluster: Cluster, resource: Resource, body: Object) -> None:
    where: dict[str, Any] = dig(body, "metadata", {})
    _delete(cluster, resource, {"name": where["name"], "namespace": where.get("namespace")})
    _create(cluster, resource, body)


_VERBS = {
    "patch": _patch,
    "create": _create,
    "delete": _delete,
    "start_delete": _start_delete,
    "replace": _replace,
}
