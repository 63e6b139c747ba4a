"""Evaluates RBAC rules as the authorizer of the API server does. Pure.

A rule is a product: every group with every resource with every verb. It is taken apart into atoms,
in which wildcards stay what they are: ``*`` is within ``*`` alone, since it also stands for what
does not exist yet. So two sets of rules can be compared however they are split, merged or ordered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from labgrader.kube.resources import Object

ANY = "*"
SERVICE_ACCOUNTS = "system:serviceaccounts"


@dataclass(frozen=True, slots=True)
class Account:
    """A service account, and the groups that the API server puts every service account into."""

    namespace: str
    name: str

    @property
    def user(self) -> str:
        """The name under which the API server knows it."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    @property
    def groups(self) -> tuple[str, ...]:
        """An access review implies none of them: they have to be named."""
        return SERVICE_ACCOUNTS, f"{SERVICE_ACCOUNTS}:{self.namespace}", "system:authenticated"

    @property
    def subject(self) -> Mapping[str, str]:
        """The account as a subject of a binding."""
        return {"kind": "ServiceAccount", "name": self.name, "namespace": self.namespace}

    def is_named_by(self, subject: Mapping[str, Any]) -> bool:
        """Whether a binding's subject is this account alone, by either of its two names."""
        if subject.get("kind") == "User":
            return bool(subject.get("name") == self.user)
        where = (subject.get("kind"), subject.get("namespace"), subject.get("name"))
        return where == ("ServiceAccount", self.namespace, self.name)

    def is_reached_by(self, subject: Mapping[str, Any]) -> bool:
        """Whether a binding's subject is this account or a group that it belongs to."""
        grouped = subject.get("kind") == "Group" and subject.get("name") in self.groups
        return grouped or self.is_named_by(subject)


@dataclass(frozen=True, slots=True)
class Action:
    """Something that an account may want to do; ``resource`` may be ``pods/log``.

    ``namespace`` None asks for the whole cluster; ``url`` is for paths that are no resources.
    """

    verb: str
    group: str = ""
    resource: str = ""
    namespace: str | None = None
    name: str = ""
    url: str = ""

    def __str__(self) -> str:
        """Say it as a line of ``kubectl auth can-i`` would: ``create deployments.apps in ns``."""
        if self.url:
            return f"{self.verb} {self.url}"
        named = f" {self.name}" if self.name else ""
        where = f"in {self.namespace}" if self.namespace else "across the cluster"
        return f"{self.verb} {qualified(self.resource, self.group)}{named} {where}"

    def attributes(self) -> dict[str, Any]:
        """Return the part of an access review that asks for this action."""
        if self.url:
            return {"nonResourceAttributes": {"path": self.url, "verb": self.verb}}
        resource, _, subresource = self.resource.partition("/")
        asked = {
            "verb": self.verb,
            "group": self.group,
            "resource": resource,
            "subresource": subresource,
            "namespace": self.namespace or "",
            "name": self.name,
        }
        return {"resourceAttributes": {key: value for key, value in asked.items() if value}}


@dataclass(frozen=True, slots=True)
class Atom:
    """The smallest part of a rule: one verb on one resource, or on one URL.

    ``names`` empty means every object; ``namespace`` None means the whole cluster.
    """

    verb: str
    group: str = ""
    resource: str = ""
    names: frozenset[str] = frozenset()
    url: str = ""
    namespace: str | None = None

    def within(self, wider: Atom) -> bool:
        """Whether ``wider`` permits all that this permits, now and later."""
        return (
            bool(self.url) == bool(wider.url)
            and wider.verb in (ANY, self.verb)
            and wider.namespace in (None, self.namespace)
            and (
                _prefixed(wider.url, self.url)
                if self.url
                else wider.group in (ANY, self.group)
                and covers_resource(wider.resource, self.resource)
                and (not wider.names or (bool(self.names) and self.names <= wider.names))
            )
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a role."""

    verbs: tuple[str, ...]
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Rule:
        """Read a rule as it stands in a role; absent and null lists are empty."""
        keys = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
        return cls(*(tuple(raw.get(key) or ()) for key in keys))

    def permits(self, action: Action) -> bool:
        """Whether this rule permits ``action``; where it is asked does not matter here."""
        if ANY not in self.verbs and action.verb not in self.verbs:
            return False
        if action.url:
            return any(_prefixed(url, action.url) for url in self.urls)
        return (
            (ANY in self.groups or action.group in self.groups)
            and any(covers_resource(resource, action.resource) for resource in self.resources)
            and (not self.names or action.name in self.names)
        )

    def atoms(self, namespace: str | None) -> Iterator[Atom]:
        """Take the rule apart; URLs are nowhere but in the whole cluster."""
        names = frozenset(self.names)
        for group, resource, verb in product(self.groups, self.resources, self.verbs):
            yield Atom(verb, group, resource, names, namespace=namespace)
        if namespace is None:
            for url, verb in product(self.urls, self.verbs):
                yield Atom(verb, url=url)

    def __str__(self) -> str:
        """Show the rule in one line, in the words of the manifest."""
        parts = {
            "apiGroups": self.groups,
            "resources": self.resources,
            "resourceNames": self.names,
            "nonResourceURLs": self.urls,
            "verbs": self.verbs,
        }
        return "; ".join(
            f"{key} [{', '.join(value or chr(34) * 2 for value in values)}]"
            for key, values in parts.items()
            if values
        )


@dataclass(frozen=True, slots=True)
class Table:
    """Permissions that a task lists, as rules with an optional ``namespace``."""

    atoms: tuple[Atom, ...]

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> Table:
        """Read a table as it stands in a task's YAML: rules of RBAC, in its own words."""
        return cls(tuple(a for row in rows for a in Rule.of(row).atoms(row.get("namespace"))))

    def covers(self, atom: Atom) -> bool:
        """Whether one entry permits all of ``atom``."""
        return any(atom.within(listed) for listed in self.atoms)

    def inside(self, atoms: Iterable[Atom]) -> set[Atom]:
        """Return what the table lists of all that ``atoms`` permit."""
        pairs = (
            (replace(listed, namespace=a.namespace), a) for listed in self.atoms for a in atoms
        )
        return {listed for listed, atom in pairs if listed.within(atom)}

    def verbs_on(self, atom: Atom) -> list[str]:
        """Return the verbs that the table lists for the same resource in the same place."""
        listed = {a.verb for a in self.atoms if replace(atom, verb=a.verb).within(a)}
        return sorted(listed)


def actions(rows: Iterable[Mapping[str, Any]], namespace: str) -> list[Action]:
    """Return what a table asks for: in ``namespace``, or across the cluster where a row says so.

    A row with ``resourceNames`` asks for these objects only; ``cluster: true`` asks without a
    namespace, as resources that have none must be asked (or a Role would seem to permit them).
    """
    found: list[Action] = []
    for row in rows:
        rule = Rule.of(row)
        where = None if row.get("cluster") else namespace
        for group, resource, verb in product(rule.groups, rule.resources, rule.verbs):
            found += [Action(verb, group, resource, where, name) for name in rule.names or ("",)]
        found += [Action(verb, url=url) for url, verb in product(rule.urls, rule.verbs)]
    return found


def covers_resource(pattern: str, resource: str) -> bool:
    """Whether a rule's resource (``pods``, ``pods/log``, ``*/scale``, ``*``) covers another."""
    if pattern in (ANY, resource):
        return True
    _, slash, subresource = resource.partition("/")
    return bool(slash) and pattern == f"{ANY}/{subresource}"


def _prefixed(pattern: str, url: str) -> bool:
    """Whether a rule's URL covers another; a star counts at the end only."""
    return pattern == url or (pattern.endswith(ANY) and url.startswith(pattern.rstrip(ANY)))


def qualified(resource: str, group: str) -> str:
    """Name a resource as kubectl takes it: ``deployments.apps/status``, ``pods``."""
    head, slash, tail = resource.partition("/")
    return f"{head}.{group}{slash}{tail}" if group else resource


def subjects_of(binding: Object) -> Sequence[Mapping[str, Any]]:
    """Return a binding's subjects; none where it has none."""
    return binding.get("subjects") or ()


def describe_subject(subject: Mapping[str, Any]) -> str:
    """Name a subject: ``ServiceAccount ns/name``, ``Group system:authenticated``."""
    namespace = subject.get("namespace")
    name = f"{namespace}/{subject.get('name')}" if namespace else str(subject.get("name"))
    return f"{subject.get('kind')} {name}"
