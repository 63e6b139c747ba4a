"""Summarizes an object for the map: identity, owners, status.

An object of a megabyte becomes a few hundred bytes here. Pure; texts are as the cluster gave them,
cut, and still to be cleaned by whoever shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from labgrader.kube.resources import Object, Resource, dig, name_of
from labgrader.kube.status import Severity, state_of

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Link:
    """One object names another: as its owner (by ``uid``), or as what a binding binds."""

    kind: str
    name: str
    namespace: str = ""
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """One object.

    ``owners`` are its owner references, the controller first; ``values`` its labels' values;
    ``subjects`` and ``roles`` what a binding binds; ``defines`` the group and kind of a definition.
    """

    group: str
    kind: str
    namespace: str
    name: str
    uid: str
    state: str
    tone: Severity
    owners: tuple[Link, ...] = ()
    values: frozenset[str] = frozenset()
    subjects: tuple[Link, ...] = ()
    roles: tuple[Link, ...] = ()
    defines: tuple[str, str] | None = None
    deleting: bool = False

    @property
    def key(self) -> str:
        """What stays the same when it is deleted and made anew."""
        return f"{self.kind}/{self.namespace}/{self.name}"


def see(resource: Resource, obj: Object) -> Seen:
    """Return what the map keeps of an object."""
    word, tone = state_of(resource, obj)
    namespace = _text(dig(obj, "metadata.namespace", ""))
    return Seen(
        group=resource.group,
        kind=resource.kind,
        namespace=namespace,
        name=name_of(obj),
        uid=_text(dig(obj, "metadata.uid", "")),
        state=_text(word),
        tone=tone,
        owners=tuple(_owners(obj)),
        values=frozenset(map(_text, dig(obj, "metadata.labels", {}).values())),
        subjects=tuple(_subjects(obj)) if resource.kind.endswith("RoleBinding") else (),
        roles=tuple(_roles(obj, namespace)) if resource.kind.endswith("RoleBinding") else (),
        defines=_defined(obj) if resource.kind == "CustomResourceDefinition" else None,
        deleting=dig(obj, "metadata.deletionTimestamp") is not None,
    )


def _text(value: object) -> str:
    return str(value)[:_LONGEST]


def _owners(obj: Object) -> Iterator[Link]:
    references = dig(obj, "metadata.ownerReferences", [])
    for one in sorted(references, key=lambda one: not one.get("controller")):
        yield Link(_text(one.get("kind")), _text(one.get("name")), uid=_text(one.get("uid")))


def _subjects(binding: Object) -> Iterator[Link]:
    for one in binding.get("subjects") or ():
        yield Link(_text(one.get("kind")), _text(one.get("name")), _text(one.get("namespace", "")))


def _roles(binding: Object, namespace: str) -> Iterator[Link]:
    kind = _text(dig(binding, "roleRef.kind", ""))
    where = namespace if kind == "Role" else ""
    yield Link(kind, _text(dig(binding, "roleRef.name", "")), where)


def _defined(definition: Object) -> tuple[str, str]:
    return _text(dig(definition, "spec.group", "")), _text(dig(definition, "spec.names.kind", ""))
