"""Evaluates audit policies as the API server does: the first rule that matches decides. Pure.

Written after the reference of ``audit.k8s.io/v1``; a test puts policies in force in a real API
server and compares (``tests/cluster/test_audit_policy.py``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Self

from labgrader.errors import MissingCapability

LEVELS = ("None", "Metadata", "Request", "RequestResponse")
"""In rising order: nothing; who did what; with what was sent; with what came back."""

STAGES = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")
_ALWAYS = {"RequestReceived", "ResponseComplete"}
"""The stages that every answered request but a watch goes through."""

_LISTS = ("users", "userGroups", "verbs", "namespaces", "nonResourceURLs", "omitStages")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class BadPolicy(ValueError):
    """The API server would refuse to start with it; says where and why, in one line."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the API, as far as a policy looks at it. Nobody's namespace is ``""``."""

    user: str
    groups: Sequence[str]
    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; a list that is empty leaves its aspect open."""

    level: str
    users: Collection[str] = ()
    user_groups: Collection[str] = ()
    verbs: Collection[str] = ()
    namespaces: Collection[str] = ()
    resources: Sequence[Mapping[str, Any]] = ()
    urls: Sequence[str] = ()
    omitted: frozenset[str] = frozenset()

    def matches(self, asked: Request) -> bool:
        """Whether it decides about this request (one for a resource, not for a plain URL)."""
        if self.users and asked.user not in self.users:
            return False
        if self.user_groups and not any(one in self.user_groups for one in asked.groups):
            return False
        if self.verbs and asked.verb not in self.verbs:
            return False
        if self.namespaces and asked.namespace not in self.namespaces:
            return False
        if self.resources:
            return any(_names(kind, asked) for kind in self.resources)
        return bool(self.namespaces) or not self.urls


def _names(kind: Mapping[str, Any], asked: Request) -> bool:
    """Whether an entry of ``resources`` names what is asked for."""
    if kind.get("group", "") != asked.group:
        return False
    resources = kind.get("resources") or []
    if not resources:
        return True
    names = kind.get("resourceNames") or []
    if names and asked.name not in names:
        return False
    whole = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    wanted = {"*", whole}
    if asked.subresource:
        wanted |= {f"*/{asked.subresource}"}
    return any(one in wanted or one == f"{asked.resource}/*" for one in resources)


@dataclass(frozen=True, slots=True)
class Policy:
    """A valid audit policy."""

    rules: Sequence[Rule] = field(default_factory=tuple)

    @classmethod
    def of(cls, data: object) -> Self:
        """Check what a file says as the API server does: fields it does not know, it passes over.

        Raises:
            BadPolicy: it would not start.
        """
        policy = _mapping(data, "the policy")
        version, kind = policy.get("apiVersion"), policy.get("kind")
        if (version, kind) != ("audit.k8s.io/v1", "Policy"):
            raise BadPolicy(f"it is {kind} of {version}, not Policy of audit.k8s.io/v1")
        omitted = _stages(policy.get("omitStages"), "omitStages")
        rules = policy.get("rules")
        if not isinstance(rules, list) or not rules:
            raise BadPolicy("it has no rules")
        return cls(tuple(_rule(rule, f"rules[{at}]", omitted) for at, rule in enumerate(rules)))

    def rule_for(self, asked: Request) -> int | None:
        """Return the index of the rule that decides; None where none matches."""
        return next((at for at, rule in enumerate(self.rules) if rule.matches(asked)), None)

    def level(self, asked: Request) -> str:
        """Return the level at which this request is logged; ``None`` where it is not."""
        at = self.rule_for(asked)
        if at is None or self.rules[at].omitted >= _ALWAYS:
            return "None"
        return self.rules[at].level


ANYBODY, ANY_NAME, ANY_NAMESPACE = "somebody", "sample", "another-namespace"
"""A user, an object and a namespace that no policy names."""

_WITHOUT_NAME = ("create", "list", "watch", "deletecollection")
_OF_ALL_NAMESPACES = ("list", "watch")
_MOST_MATCHES = 300_000
"""How often a request is held against a rule: some seconds."""


def leaks(
    policy: Policy, group: str, resource: str, verbs: Sequence[str], namespaces: Sequence[str]
) -> Iterator[Request]:
    """Yield requests for a resource whose bodies a policy logs, whoever sends them.

    They are made of what the rules themselves name (users, groups, verbs, namespaces, names), and
    of values that no rule names: no request hides behind a rule for one name. A list or a watch
    of all namespaces has the namespace ``""``.

    Raises:
        MissingCapability: there are too many rules to try them all.
    """
    left = _MOST_MATCHES
    for rule in policy.rules:
        if LEVELS.index(rule.level) <= LEVELS.index("Metadata"):
            continue
        found = _reaching(rule, group, resource, verbs, namespaces)
        for asked in found:
            left -= len(policy.rules)
            if left < 0:
                raise MissingCapability(
                    "The policy has more rules than can be tried here", "Make it shorter"
                )
            if LEVELS.index(policy.level(asked)) > LEVELS.index("Metadata"):
                yield asked


def _reaching(
    rule: Rule, group: str, resource: str, verbs: Sequence[str], namespaces: Sequence[str]
) -> Iterator[Request]:
    """Yield requests that a rule could match."""
    spaces = rule.namespaces or (*namespaces, ANY_NAMESPACE, "")
    names = dict.fromkeys([*names_in([rule], group), ANY_NAME])
    verbs = [verb for verb in verbs if not rule.verbs or verb in rule.verbs]
    for user in rule.users or ("",):
        for member in rule.user_groups or ("",):
            who, groups = _person(user, member)
            for verb, space, name in product(verbs, spaces, names):
                if space or verb in _OF_ALL_NAMESPACES:
                    named = "" if verb in _WITHOUT_NAME and name == ANY_NAME else name
                    yield Request(who, groups, verb, group, resource, space, named)


def _person(user: str, member: str) -> tuple[str, Sequence[str]]:
    """Return a user and all groups of theirs, by a name or a group that a rule names."""
    account = re.fullmatch(r"system:serviceaccounts(?::([^:]+))?", member)
    if not user and account:
        user = f"system:serviceaccount:{account[1] or ANY_NAMESPACE}:{ANY_NAME}"
    if not user and member == "system:unauthenticated":
        user = "system:anonymous"
    parts = user.split(":")
    if parts[:2] == ["system", "serviceaccount"] and len(parts) == 4:
        own = ["system:serviceaccounts", f"system:serviceaccounts:{parts[2]}"]
    else:
        own = []
    known = "system:unauthenticated" if user == "system:anonymous" else "system:authenticated"
    return user or ANYBODY, [*own, known, *([member] if member else [])]


def names_in(rules: Iterable[Rule], group: str) -> list[str]:
    """Return the names of objects that rules name in an API group."""
    return [
        str(name)
        for rule in rules
        for kind in rule.resources
        if kind["group"] == group
        for name in kind["resourceNames"]
    ]


def _mapping(data: object, where: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise BadPolicy(f"{where} is not a mapping")
    return data


def _texts(value: object, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BadPolicy(f"{where} is not a list of texts")
    return tuple(value)


def _stages(value: object, where: str) -> frozenset[str]:
    stages = _texts(value, where)
    unknown = next((stage for stage in stages if stage not in STAGES), None)
    if unknown is not None:
        raise BadPolicy(f"{where}: {unknown[:60]} is no stage; there are {', '.join(STAGES)}")
    return frozenset(stages)


def _rule(data: object, where: str, omitted: frozenset[str]) -> Rule:
    rule = _mapping(data, where)
    level = rule.get("level")
    if level not in LEVELS:
        told = "no level" if level is None else f"the level {str(level)[:60]}"
        raise BadPolicy(f"{where} has {told}; there are {', '.join(LEVELS)}")
    texts = {key: _texts(rule.get(key), f"{where}.{key}") for key in _LISTS}
    resources = tuple(_resources(rule.get("resources"), f"{where}.resources"))
    if texts["nonResourceURLs"] and (resources or texts["namespaces"]):
        raise BadPolicy(f"{where} is about resources and about plain URLs; it must be one of them")
    for url in texts["nonResourceURLs"]:
        if url != "*" and (not url.startswith("/") or "*" in url[:-1]):
            raise BadPolicy(f"{where}.nonResourceURLs: {url[:60]} begins with no /")
    return Rule(
        level=str(level),
        # In their order, and found at once: a list may hold thousands.
        users=dict.fromkeys(texts["users"]).keys(),
        user_groups=dict.fromkeys(texts["userGroups"]).keys(),
        verbs=dict.fromkeys(texts["verbs"]).keys(),
        namespaces=dict.fromkeys(texts["namespaces"]).keys(),
        resources=resources,
        urls=texts["nonResourceURLs"],
        omitted=omitted | _stages(rule.get("omitStages"), f"{where}.omitStages"),
    )


def _resources(value: object, where: str) -> Iterator[Mapping[str, Any]]:
    if value is None:
        return
    if not isinstance(value, list):
        raise BadPolicy(f"{where} is not a list")
    for at, one in enumerate(value):
        kind = _mapping(one, f"{where}[{at}]")
        group = kind.get("group") or ""
        if not isinstance(group, str) or (group and not _SUBDOMAIN.fullmatch(group)):
            raise BadPolicy(f"{where}[{at}].group: {str(group)[:60]} is no API group")
        plurals = _texts(kind.get("resources"), f"{where}[{at}].resources")
        names = _texts(kind.get("resourceNames"), f"{where}[{at}].resourceNames")
        if names and not plurals:
            raise BadPolicy(f"{where}[{at}] has resourceNames, and no resources to go with them")
        yield {"group": group, "resources": plurals, "resourceNames": names}
