"""Finds misspelled groups, resources and verbs in RBAC rules that permit nothing. Pure.

RBAC compares strings and refuses none: ``verbs: [GET]``, ``apiGroups: [apps/v1]``, ``resources:
[Deployment]`` are stored and match no request. Such a value takes a permission away and adds
none. Whether a group has a resource is asked by discovery; a group or a resource that may be served
later (by a CustomResourceDefinition, say) is never taken for a slip, unless it is a near miss.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from labgrader.toolkit.rbac.rules import ANY, Atom, Rule
from labgrader.util.suggestion import near

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
SPECIAL_VERBS = (
    *("approve", "attest", "bind", "escalate", "impersonate", "proxy", "sign", "use", "*"),
    *("head", "options", "post", "put"),
)
"""Verbs that the API server or a controller of Kubernetes asks for beside the usual ones."""

WORDS = {"read": "get", "view": "get", "write": "update", "edit": "update", "remove": "delete"}
"""What is written for a verb, and is none."""

_VERB = re.compile(r"[a-z]+(?:[-:][a-z-]+)*")
_GROUP = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?|")
_RESOURCE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?(/[a-z]+)?|\*/[a-z]+")
_CORE = ("core", "v1", "api")
_PLAIN_GROUPS = ("", "apps", "autoscaling", "batch", "policy")
"""All groups without a dot. Definitions cannot add one: theirs have a domain."""


@dataclass(frozen=True, slots=True)
class Served:
    """A resource that the API server serves, under all its names."""

    plural: str
    names: frozenset[str]


Group = Mapping[str, Served]
"""The resources of an API group by their plurals, subresources (``pods/log``) included."""


@dataclass(frozen=True, slots=True)
class Slip:
    """One value of a rule that matches no request.

    Args:
        key: the list of the rule that holds it, such as ``verbs``.
        index: its place in that list.
        meant: what to write instead, ``more`` what else where several were written as one.
        why: the rule that it breaks, for people.
    """

    key: str
    index: int
    written: str
    meant: str
    why: str
    more: tuple[str, ...] = ()

    def __str__(self) -> str:
        meant = f"; write {json.dumps(self.meant)}" if self.meant != self.written else ""
        return f"{self.key} has {json.dumps(self.written)}: {self.why}{meant}"


class Slips:
    """Finds what permits nothing.

    Args:
        served: returns the resources of an API group; None where the group is not served. Without
            it, only what is malformed is found, and nothing is asked.
    """

    def __init__(self, served: Callable[[str], Group | None] | None = None) -> None:
        self._served = cache(served) if served else None

    def permits_nothing(self, atom: Atom) -> bool:
        """Whether no request can ever match ``atom``."""
        if _verb(atom.verb):
            return True
        if atom.url:
            return False
        if self._group(atom.group) or _is_malformed(atom.resource):
            return True
        # Discovery lists none of those which exist for special verbs alone (impersonate users).
        return atom.verb in VERBS and bool(self._resource(atom.resource, atom.group))

    def effective(self, atoms: Iterable[Atom]) -> list[Atom]:
        """Return the atoms that permit something."""
        return [atom for atom in atoms if not self.permits_nothing(atom)]

    def of(self, rule: Rule) -> Iterator[Slip]:
        """Yield the values of a rule that match nothing in any of its combinations."""
        for index, verb in enumerate(rule.verbs):
            if found := _verb(verb):
                yield Slip("verbs", index, verb, *found, more=_parts(verb)[1:])
        if rule.urls:
            return
        for index, group in enumerate(rule.groups):
            if found := self._group(group):
                yield Slip("apiGroups", index, group, *found)
        groups = [meant[0] if (meant := self._group(group)) else group for group in rule.groups]
        for index, resource in enumerate(rule.resources):
            answers = [self._resource(resource, group) for group in groups]
            if answers and all(answers):
                told = next((one for one in answers if one and one[0]), answers[0])
                assert told is not None
                yield Slip("resources", index, resource, *told)

    def mended(self, rule: Rule) -> Rule:
        """Return the rule with what was meant in the place of each slip."""
        lists = {
            "verbs": [*rule.verbs],
            "apiGroups": [*rule.groups],
            "resources": [*rule.resources],
        }
        for slip in self.of(rule):
            lists[slip.key][slip.index] = slip.meant
            lists[slip.key] += slip.more
        return replace(
            rule,
            verbs=tuple(lists["verbs"]),
            groups=tuple(lists["apiGroups"]),
            resources=tuple(lists["resources"]),
        )

    def _group(self, name: str) -> tuple[str, str] | None:
        """Return what was meant by a group that cannot exist, and why it cannot."""
        if name == ANY or (name and "." in name and _GROUP.fullmatch(name)):
            return None
        if name in _CORE:
            return "", 'the core group is written ""'
        bare, slash, _ = name.partition("/")
        if slash:
            core = bare in ("", *_CORE)
            return ("" if core else bare), "an API group is written without its version"
        if not _GROUP.fullmatch(name):
            return name.strip().lower(), "an API group is a name in lower case"
        if name in _PLAIN_GROUPS or self._served is None or self._served(name) is not None:
            return None
        return near(name, _PLAIN_GROUPS) or name, "the API server has no such group"

    def _resource(self, name: str, group: str) -> tuple[str, str] | None:
        """Return what was meant by a resource that matches nothing in a group, and why."""
        if name.startswith(ANY) and not _is_malformed(name):
            return None
        known = self._served(group) if self._served and group != ANY else None
        if known is not None and name not in known:
            return self._unserved(name, group, known)
        if _is_malformed(name):
            return name.strip().lower().partition(".")[0], _FORM
        return None

    @staticmethod
    def _unserved(name: str, group: str, known: Group) -> tuple[str, str] | None:
        bare, slash, subresource = name.partition("/")
        plain = bare.strip().partition(".")[0].lower()
        meant = _plural(plain, known)
        if meant and meant != bare:
            return meant + slash + subresource, _FORM
        if _is_malformed(name):
            return meant or plain, _FORM
        if meant and slash:
            return _subresource(meant, subresource, known)
        # A group of Kubernetes' own gets no further resources; another may, by a definition.
        if "." in group:
            close = near(plain, (one for one in known if "/" not in one))
            return (close + slash + subresource, "it is misspelled") if close else None
        return name, f"{group or 'the core group'} has no such resource"


def _is_malformed(resource: str) -> bool:
    return resource != ANY and not _RESOURCE.fullmatch(resource)


_FORM = "a resource is named by its plural in lower case, without its group"


def _plural(name: str, known: Group) -> str:
    """Return the plural of the resource which ``name`` is a name of; empty where none is."""
    if name in known:
        return name
    return next((one.plural for one in known.values() if name in one.names), "")


def _subresource(resource: str, name: str, known: Group) -> tuple[str, str] | None:
    """Return what was meant by a subresource: a near miss of one that is served.

    Others are none of our business: some are only ever asked for by the kubelet or by admission
    (``nodes/metrics``, ``…/finalizers``), and no discovery lists them.
    """
    listed = {one.partition("/")[2] for one in known if one.startswith(f"{resource}/")}
    if name in listed or name == "finalizers":
        return None
    meant = next(
        (one for one in listed if name in (f"{one}s", f"{one}es") or f"{name}s" == one), ""
    )
    return (f"{resource}/{meant}", f"the subresource is {meant}") if meant else None


def _verb(name: str) -> tuple[str, str] | None:
    """Return what was meant by a verb that no request has, and why none has it."""
    if name in VERBS or name in SPECIAL_VERBS or ":" in name:
        return None
    plain = name.strip().lower()
    if plain in WORDS:
        return WORDS[plain], f"it is no verb of the API; {', '.join(VERBS)} are"
    if plain != name and plain in (*VERBS, *SPECIAL_VERBS):
        return plain, "verbs are written in lower case"
    parts = _parts(name)
    if len(parts) > 1:
        return parts[0], "each verb is an entry of its own"
    close = near(plain, VERBS)
    if close or not _VERB.fullmatch(plain):
        return close or plain, "it is no verb of the API"
    return None


def _parts(name: str) -> tuple[str, ...]:
    """Return the verbs that were written as one."""
    return tuple(part for part in re.split(r"[\s,;|]+", name.lower()) if part)


def served(listed: Sequence[Mapping[str, object]] | None) -> Group | None:
    """Return a group's resources from the entries of its ``APIResourceList`` documents."""
    if listed is None:
        return None
    found: dict[str, Served] = {}
    for entry in listed:
        plural = str(entry.get("name"))
        shorts = entry.get("shortNames")
        names = {str(entry.get("kind")).lower(), str(entry.get("singularName") or "")}
        names |= {str(one) for one in shorts} if isinstance(shorts, list) else set()
        is_sub = "/" in plural
        found[plural] = Served(plural, frozenset() if is_sub else frozenset(names - {""}))
    return found
