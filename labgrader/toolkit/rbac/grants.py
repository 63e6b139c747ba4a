"""Collects the permissions of an account: every grant, with its role and binding. Pure.

Bindings are filtered by subject first, and only roles that are bound are read, so that thousands of
others cost one pass over the bindings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from labgrader.errors import Unsettled
from labgrader.kube.resources import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    ROLE,
    ROLE_BINDING,
    Object,
    Resource,
    dig,
    name_of,
)
from labgrader.kube.selectors import matches
from labgrader.toolkit.rbac.identities import Identity
from labgrader.toolkit.rbac.rules import Action, Atom, Rule, Table

T = TypeVar("T")

BOOTSTRAPPED = ("kubernetes.io/bootstrapping", "rbac-defaults")
"""The label of what the API server makes for itself when it starts."""

_AGGREGATOR = "clusterrole-aggregation-controller"
_SERVER = {"kube-apiserver", _AGGREGATOR}


class Reader(Protocol):
    """What is needed to read roles and bindings: a check's context."""

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object | None:
        """Read one object; None where there is none."""
        ...

    def list(self, resource: Resource, namespace: str | None = None) -> list[Object]:
        """Read a collection, of all namespaces where none is given."""
        ...

    def computed(self, resource: Resource, make: Callable[[Sequence[Object]], T]) -> T:
        """Return what ``make`` works out from a collection, once for all who ask for it."""
        ...


@dataclass(frozen=True, slots=True)
class Ref:
    """A role or a binding."""

    resource: Resource
    name: str
    namespace: str | None = None

    def __str__(self) -> str:
        """``ClusterRole x`` or ``Role ns/x``."""
        return self.resource.describe(self.name, self.namespace)

    @property
    def arguments(self) -> str:
        """The words by which kubectl finds it: ``role x -n ns``."""
        where = f" -n {self.namespace}" if self.namespace else ""
        return f"{self.resource.kind.lower()} {self.name}{where}"


@dataclass(frozen=True, slots=True)
class Binding:
    """A binding: whom it gives which role, and where (None: in the whole cluster)."""

    ref: Ref
    subjects: tuple[Mapping[str, Any], ...]
    role: Ref
    default: bool

    @property
    def namespace(self) -> str | None:
        """Where its grants hold."""
        return self.ref.namespace

    def reaches(self, account: Identity) -> bool:
        """Whether it gives its role to the account, by name or by a group."""
        return any(account.is_reached_by(subject) for subject in self.subjects)


@dataclass(frozen=True, slots=True)
class Grant:
    """One rule that reaches the account.

    ``source`` and ``index`` say where the rule is written: for an aggregated ClusterRole that is
    the role it was taken from. ``shipped`` marks a role that the API server made, untouched.
    """

    rule: Rule
    binding: Binding
    source: Ref
    index: int
    shipped: bool = False

    @property
    def default(self) -> bool:
        """Whether the cluster came with this: its role, and the binding too."""
        return self.shipped and self.binding.default

    def permits(self, action: Action) -> bool:
        """Whether this grant permits ``action`` where it is asked."""
        return self.binding.namespace in (None, action.namespace) and self.rule.permits(action)

    def beyond(self, table: Table) -> list[Atom]:
        """Return the parts of this grant that ``table`` does not cover."""
        atoms = self.rule.atoms(self.binding.namespace)
        return [atom for atom in atoms if not table.covers(atom)]

    def __str__(self) -> str:
        """Say where the rule is written and how it comes to the account."""
        through = f" through {self.binding.role}" if self.source != self.binding.role else ""
        return f"{self.source}, rule {self.index + 1}{through} (by {self.binding.ref})"


def bindings(reader: Reader, wanted: Callable[[Binding], bool]) -> list[Binding]:
    """Return the bindings of the whole cluster that are wanted, ClusterRoleBindings first."""
    return [
        binding
        for resource, make in (
            (CLUSTER_ROLE_BINDING, _cluster_role_bindings),
            (ROLE_BINDING, _role_bindings),
        )
        for binding in reader.computed(resource, make)
        if wanted(binding)
    ]


def grants(
    reader: Reader, account: Identity, among: Iterable[Binding] | None = None
) -> list[Grant]:
    """Return every rule that reaches ``account``, by itself or by one of its groups.

    Args:
        among: the bindings, where they were read already.

    Raises:
        Unsettled: an aggregated ClusterRole does not hold its parts' rules yet.
    """
    found: list[Grant] = []
    for binding in bindings(reader, lambda one: True) if among is None else among:
        if not binding.reaches(account):
            continue
        ref = binding.role
        role = reader.get(ref.resource, ref.name, ref.namespace)
        if role is not None:  # a binding to a role that is not there gives nothing
            shipped = untouched_default(role)
            for rule, source, index in _written(reader, ref, role):
                found.append(Grant(Rule.of(rule), binding, source, index, shipped))
    return found


def untouched_default(obj: Object) -> bool:
    """Whether the API server made this when it started, and nobody changed it since.

    The label alone does not say so: it stays when somebody edits the object. Then another field
    manager shows.
    """
    label, value = BOOTSTRAPPED
    managers = {entry.get("manager") for entry in dig(obj, "metadata.managedFields", [])}
    labels = dig(obj, "metadata.labels", {})
    return labels.get(label) == value and bool(managers) and managers <= _SERVER


def confirm(
    ask: Callable[[Mapping[str, Any]], bool], account: Identity, action: Action, permitted: bool
) -> None:
    """See by an access review that the API server thinks of ``action`` as the roles say.

    Raises:
        Unsettled: it does not: it has not seen a change yet, or another authorizer has a say.
    """
    spec = {"user": account.user, "groups": list(account.groups), **action.attributes()}
    if ask(spec) is permitted:
        return
    server, roles = ("allows", "deny") if not permitted else ("denies", "allow")
    raise Unsettled(
        f"The API server {server} {account.name} to {action}, but the roles {roles} it",
        "It has not acted on a change yet, or an authorizer other than RBAC decides there too,"
        " which no list of roles can show",
    )


def _cluster_role_bindings(objects: Sequence[Object]) -> tuple[Binding, ...]:
    return tuple(_binding(CLUSTER_ROLE_BINDING, obj) for obj in objects)


def _role_bindings(objects: Sequence[Object]) -> tuple[Binding, ...]:
    return tuple(_binding(ROLE_BINDING, obj) for obj in objects)


def _binding(resource: Resource, obj: Object) -> Binding:
    namespace = dig(obj, "metadata.namespace")
    cluster_role = dig(obj, "roleRef.kind") == CLUSTER_ROLE.kind
    name = str(dig(obj, "roleRef.name", ""))
    return Binding(
        Ref(resource, name_of(obj), namespace),
        tuple(dict(subject) for subject in obj.get("subjects") or ()),
        Ref(CLUSTER_ROLE, name) if cluster_role else Ref(ROLE, name, namespace),
        untouched_default(obj),
    )


def _written(reader: Reader, ref: Ref, role: Object) -> Iterator[tuple[Object, Ref, int]]:
    """Yield the rules of a role, each with the place where it is written."""
    rules = role.get("rules") or []
    places: Mapping[str, tuple[Ref, int]] = {}
    if role.get("aggregationRule"):
        places = _parts(role, reader.list(CLUSTER_ROLE), frozenset())
    for index, rule in enumerate(rules):
        yield (rule, *places.get(_key(rule), (ref, index)))


def _parts(role: Object, known: list[Object], above: frozenset[str]) -> dict[str, tuple[Ref, int]]:
    """Return where each rule of an aggregated ClusterRole comes from, once it is settled."""
    name = name_of(role)
    parts = [other for other in known if name_of(other) != name and selects(role, other)]
    places: dict[str, tuple[Ref, int]] = {}
    for part in parts:
        if part.get("aggregationRule") and name_of(part) not in above:
            places |= _parts(part, known, above | {name})
        for index, rule in enumerate(part.get("rules") or ()):
            places.setdefault(_key(rule), (Ref(CLUSTER_ROLE, name_of(part)), index))
    expected = {_key(rule) for part in parts for rule in part.get("rules") or ()}
    if not expected and not _was_aggregated(role):
        return {}  # the controller leaves rules alone that it did not write
    if expected != {_key(rule) for rule in role.get("rules") or ()}:
        raise Unsettled(f"ClusterRole {name} is not aggregated from its parts yet")
    return places


def _was_aggregated(role: Object) -> bool:
    """Whether the controller that aggregates ClusterRoles wrote this one's rules."""
    return any(
        entry.get("manager") == _AGGREGATOR and "f:rules" in (entry.get("fieldsV1") or {})
        for entry in dig(role, "metadata.managedFields", [])
    )


def selects(role: Object, other: Object) -> bool:
    """Whether one of the role's aggregation selectors matches the other's labels."""
    labels = dig(other, "metadata.labels", {})
    selectors: Iterable[Object] = dig(role, "aggregationRule.clusterRoleSelectors", [])
    return any(matches(selector, labels) for selector in selectors)


def _key(rule: Object) -> str:
    """Return a text that is the same for the same rule."""
    return json.dumps(rule, sort_keys=True)
