"""A custom resource and the values in it."""

from collections.abc import Iterator, Mapping
from typing import Any

from labgrader.api import (
    ClusterError,
    Context,
    Evidence,
    Fact,
    Failure,
    Object,
    Resource,
    check,
    dig,
    fact,
    grouped,
    name_of,
)
from labgrader.toolkit.wording import near_miss, shown


@check()
def custom_resource(
    ctx: Context,
    group: str,
    version: str,
    kind: str,
    plural: str,
    name: str,
    spec: Mapping[str, Any],
    labels: Mapping[str, str] | None = None,
) -> Iterator[Fact]:
    """Reads the resource back and compares it with what was asked for, value by value.

    What counts is what is stored: the API server drops fields that the schema does not know, so a
    manifest can be right and the resource wrong. Fields and labels beyond those asked for are fine.
    """
    resource = Resource(group, version, plural, kind)
    found = ctx.get(resource, name, ctx.namespace)
    if found is None:
        raise _absent(resource, name, ctx)
    label = resource.describe(name, ctx.namespace)
    _demand_lasting(found, label, f"{plural} {name} -n {ctx.namespace}")
    place = f"{plural} {name} -n {ctx.namespace}"
    for block, values in spec.items():
        tree = {block: values}
        facts = [_value(found, label, place, path, one) for path, one in leaves(tree)]
        if block == [*spec][-1]:  # the labels are no block of their own
            facts += _labels(found, label, place, labels or {})
        yield from grouped(block, facts)


def _value(found: Object, label: str, place: str, path: str, expected: object) -> Fact:
    actual = dig(found, f"spec.{path}")
    held = "not set (or dropped by the schema)" if actual is None else shown(actual)
    return fact(
        f"spec.{path}",
        same(actual, expected),
        reason=f"spec.{path} is {held} instead of {shown(expected)}",
        expected=shown(expected),
        actual=held,
        fix=f"kubectl edit {place}, and set spec.{path} to {shown(expected)}",
        evidence=[Evidence(label, f"spec.{path}", held)],
    )


def _labels(found: Object, label: str, place: str, wanted: Mapping[str, str]) -> Iterator[Fact]:
    there = dig(found, "metadata.labels", {})
    for key, value in wanted.items():
        held = f"is {shown(there[key])}" if key in there else f"is not set{near_miss(key, there)}"
        yield fact(
            f"label {key}",
            there.get(key) == value,
            reason=f"The label {key} of {name_of(found)} {held} instead of {shown(value)}",
            expected=f"{key}={value}",
            actual=held,
            fix=f"kubectl label {place} --overwrite {key}={value}",
            evidence=[Evidence(label, "metadata.labels", held)],
        )


def _demand_lasting(found: Object, label: str, words: str) -> None:
    """Fail where it was deleted and only a finalizer still holds it."""
    doomed = dig(found, "metadata.deletionTimestamp")
    if doomed:
        held = ", ".join(dig(found, "metadata.finalizers", []))
        raise Failure(
            f"{label} is being deleted, and waits for {held}",
            expected="a resource that stays",
            actual=f"deletionTimestamp {doomed}",
            fix=f"kubectl get {words} -o yaml: see to the finalizers, then create it again",
            evidence=[Evidence(label, "metadata.deletionTimestamp", str(doomed))],
        )


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of nested maps with its dotted path; lists are values."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def same(actual: object, expected: object) -> bool:
    """Compare as JSON does (1 equals 1.0, not true); lists here are sets of names."""
    if isinstance(actual, bool) or isinstance(expected, bool):
        return actual is expected
    if isinstance(actual, list) and isinstance(expected, list):
        return sorted(map(repr, actual)) == sorted(map(repr, expected))
    return actual == expected


def _absent(resource: Resource, name: str, ctx: Context) -> Failure:
    """Say that it is not there, and whether it stands in another namespace instead."""
    try:
        everywhere = ctx.list(resource)
    except ClusterError:  # only a hint: whoever may not list everywhere goes without it
        everywhere = []
    elsewhere = [
        str(dig(item, "metadata.namespace"))
        for item in everywhere
        if dig(item, "metadata.name") == name
    ]
    label = resource.describe(name, ctx.namespace)
    names = [str(dig(item, "metadata.name")) for item in everywhere]
    told = near_miss(name, names)
    told = f"; there is one in {', '.join(elsewhere)}" if elsewhere else told
    return Failure(
        f"{label} does not exist{told}",
        expected=label,
        actual=f"found in {', '.join(elsewhere)}" if elsewhere else "not found",
        fix=f"Apply the manifest of {name} with `namespace: {ctx.namespace}`",
        evidence=[Evidence(label)],
    )
