"""Dependencies of cached kubectl commands: the objects that a command has read (ADR 9).

Of a plain call that succeeds nobody needs to start a program: starting it takes most of its time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from labgrader.errors import LabError
from labgrader.grading import dependencies
from labgrader.grading.snapshot import ReadKey
from labgrader.kube.kubectl_command import Kind, plan
from labgrader.kube.protocols import Said
from labgrader.kube.resources import (
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
    name_of,
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

_EVENTS = {"events", "event", "ev"}
_OF_EVERY_EVENT = {"--sort-by=.lastTimestamp", "--sort-by=.metadata.creationTimestamp"}
"""By these they can be sorted whatever has happened."""

_PLAIN_FORMS = {"name", "yaml", "json", "wide"}
_PLAIN_FLAGS = {"--no-headers", "--show-labels"}
_ONE_NAME = re.compile(r"[\w:][\w:.-]*")
"""What may stand in the place of a name in a path, and leads nowhere else."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


Read = Callable[[ReadKey], Any]
"""Reads what an read_key names: an object, a list, or None."""


def of_call(arguments: Sequence[str], read: Read) -> frozenset[ReadKey]:
    """Return the reads which decide what a call says; empty where that cannot be told.

    Logs and figures of pods, and calls about all of a cluster, rest on more than can be read.
    """
    if tuple(arguments[:2]) == ("auth", "can-i"):
        return dependencies.ACCESS
    if "--help" in arguments:  # it rests on nothing but the program
        return frozenset({ReadKey(CRD)})
    if _lists_events(arguments):
        return frozenset({ReadKey(CRD)})
    objects = _objects_of(arguments, read)
    return frozenset(objects) | {ReadKey(CRD)} if objects else frozenset()


def seen(arguments: Sequence[str], read: Read) -> Said | None:
    """Return what a plain call says of objects that are there, by what is read anyway.

    None where anything is missing or in doubt: then kubectl itself must say so.
    """
    if not is_plain(arguments):
        return None
    try:
        found = [(one, read(one)) for one in _objects_of(arguments, read)]
    except LabError:
        return None
    if not found or not all(shown for _, shown in found):
        return None
    return Said(0, "".join(_names(one.resource, shown) for one, shown in found), "")


def _names(resource: Resource, shown: Any) -> str:
    """Return what was read as ``kubectl get -o name`` prints it."""
    kind = f"{resource.kind.lower()}{'.' if resource.group else ''}{resource.group}"
    objects = shown if isinstance(shown, list) else [shown]
    return "".join(f"{kind}/{name_of(one)}\n" for one in objects)


def _objects_of(arguments: Sequence[str], read: Read) -> list[ReadKey]:
    """Return the reads of all that a call names, in its order; empty where that cannot be told."""
    planned, namespace = plan(arguments), _namespace(arguments)
    if planned.kind is not Kind.READ or planned.runs_in or not planned.target or not namespace:
        return []
    wanted = list(_wanted(planned.target))
    if any(name is not None and not _ONE_NAME.fullmatch(name) for _, name in wanted):
        return []
    types = dict(_types(()))
    if any(word not in types for word, _ in wanted):
        types = dict(_types(read(ReadKey(CRD)) or ()))
    if any(word not in types for word, _ in wanted):
        return []
    return [
        ReadKey(types[word], namespace if types[word].namespaced else None, name)
        for word, name in wanted
    ]


def is_plain(arguments: Sequence[str]) -> bool:
    """Whether a call succeeds for certain where all that it names is there.

    That is `get`, without anything that chooses, sorts or works out.
    """
    if tuple(arguments[:1]) != ("get",):
        return False
    given, flag = [], ""
    for word in arguments[1:]:
        if flag in ("-o", "--output"):
            given.append(f"--output={word}")
        elif not flag and word.startswith("-"):
            given.append(word)
        elif not flag and not all(_NAME.fullmatch(part) for part in re.split("[/,]", word)):
            return False
        flag = word if word in ("-n", "--namespace", "-o", "--output") and not flag else ""
    return not flag and all(_is_plain(word) for word in given)


def _is_plain(word: str) -> bool:
    flag, _, value = word.partition("=")
    if flag in ("-n", "--namespace") or (flag in ("-o", "--output") and not value):
        return True
    return flag in _PLAIN_FLAGS or (flag == "--output" and value in _PLAIN_FORMS)


def _lists_events(arguments: Sequence[str]) -> bool:
    """Whether it shows the events of one namespace: whatever they are, it can.

    Their names would be used as names of something that is there.
    """
    planned = plan(arguments)
    sorts = {word for word in arguments if word.startswith("--sort-by")}
    rest = [word for word in arguments if word not in sorts]
    return (
        bool(_namespace(arguments))
        and planned.target[:1] in {(one,) for one in _EVENTS}
        and len(planned.target) == 1
        and sorts <= _OF_EVERY_EVENT
        and is_plain(rest)
        and "name" not in rest
        and "--output=name" not in rest
    )


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
    for word, following in pairwise([*arguments, ""]):
        flag, _, value = word.partition("=")
        if flag in ("-A", "--all-namespaces"):
            return ""
        if flag in ("-n", "--namespace"):
            found = value or following
    return found
