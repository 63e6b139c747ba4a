"""The environment of a container, as the kubelet would make it from a pod template."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from labgrader.errors import Forbidden
from labgrader.grading.cluster_reader import ClusterReader
from labgrader.kube.resources import CONFIG_MAP, SECRET, Object, Resource, dig
from labgrader.toolkit.config_maps import decoded

_REFERENCE = re.compile(r"\$(?:\$|\(([A-Za-z0-9_.-]+)\))")
_OF_METADATA = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable. ``value`` is None where it gets none or it cannot be known: see ``source``.

    ``secret`` values must not be shown. ``unread`` is the error where its source may not be read.
    """

    value: str | None
    source: str = ""
    secret: bool = False
    unread: Forbidden | None = None

    @property
    def shown(self) -> str:
        """What may be shown of it."""
        if self.secret and self.value is not None:
            return f"a value that is not shown ({self.source})"
        shown = "nothing" if self.value in (None, "") else f'"{self.value}"'
        return f"{shown} ({self.source})" if self.source else shown


def environment(ctx: ClusterReader, template: Object, container: Object) -> dict[str, Variable]:
    """Return the variables of ``container`` by name.

    ConfigMaps and Secrets are read where they are named; labels and annotations come from the
    template. What only a running pod knows (its address, its node) has no value here.

    Args:
        template: a pod template, or a pod: ``metadata`` and ``spec``.
    """
    found: dict[str, Variable] = {}
    for source in dig(container, "envFrom", []):
        found |= dict(_all_of(ctx, source))
    for entry in dig(container, "env", []):
        name = str(entry.get("name"))
        if "valueFrom" in entry:
            found[name] = _one(ctx, template, entry["valueFrom"])
        else:
            found[name] = _literal(str(entry.get("value") or ""), found)
    return found


def _literal(text: str, earlier: Mapping[str, Variable]) -> Variable:
    """Put in the variables that ``$(NAME)`` refers to; one that is not known stays as it is.

    What a Secret is put into is as secret as the Secret, and what cannot be read leaves it unknown.
    """
    used: list[Variable] = []

    def put(match: re.Match[str]) -> str:
        if match[1] is None:
            return "$"
        known = earlier.get(match[1])
        used.extend([known] if known else [])
        return match[0] if known is None or known.value is None else known.value

    value = _REFERENCE.sub(put, text)
    if unread := next((one for one in used if one.unread), None):
        return replace(unread, value=None)
    secret = next((one for one in used if one.secret), None)
    return replace(secret, value=value) if secret else Variable(value)


_KINDS: Mapping[str, tuple[Resource, bool]] = {
    "configMap": (CONFIG_MAP, False),
    "secret": (SECRET, True),
}


def _all_of(ctx: ClusterReader, source: Object) -> Iterator[tuple[str, Variable]]:
    """Yield the variables of one entry of ``envFrom``."""
    for key, (kind, secret) in _KINDS.items():
        named = source.get(f"{key}Ref")
        if named:
            data, _, error = _data(ctx, kind, str(named.get("name")))
            origin = f"from {kind.kind} {named.get('name')}"
            for name, value in data.items():
                yield f"{source.get('prefix') or ''}{name}", Variable(value, origin, secret)
            if error:
                yield "", Variable(None, f"{origin}, which may not be read", secret, error)


def _one(ctx: ClusterReader, template: Object, source: Object) -> Variable:
    for key, (kind, secret) in _KINDS.items():
        named = source.get(f"{key}KeyRef")
        if named:
            return _key(ctx, kind, named, secret=secret)
    path = str(dig(source, "fieldRef.fieldPath", ""))
    of_metadata = _OF_METADATA.fullmatch(path)
    if of_metadata:
        value = dig(template, f"metadata.{of_metadata[1]}", {}).get(of_metadata[2], "")
        return Variable(str(value), f"from the pod's {path}")
    named = path or dig(source, "resourceFieldRef.resource", "another source")
    return Variable(None, f"from the pod's {named}")


def _key(ctx: ClusterReader, kind: Resource, named: Object, *, secret: bool) -> Variable:
    name, key = str(named.get("name")), str(named.get("key"))
    origin = f"from {key} of {kind.kind} {name}"
    data, there, error = _data(ctx, kind, name)
    if error:
        return Variable(None, f"{origin}, which may not be read", secret, error)
    if not there:
        return Variable(None, f"{origin}: there is no such {kind.kind}", secret)
    if key not in data:
        return Variable(None, f"{origin}: it has no such key", secret)
    return Variable(data[key], origin, secret)


def _data(
    ctx: ClusterReader, kind: Resource, name: str
) -> tuple[dict[str, str], bool, Forbidden | None]:
    """Return what a ConfigMap or Secret holds, whether it exists, and why it cannot be read."""
    try:
        found = ctx.get(kind, name, ctx.namespace)
    except Forbidden as error:
        return {}, True, error
    data = dig(found, "data", {})
    if kind is SECRET:
        data = {
            key: (decoded(text) or b"").decode("utf-8", "replace") for key, text in data.items()
        }
    return {str(key): str(text) for key, text in data.items()}, found is not None, None
