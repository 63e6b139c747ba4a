"""The CustomResourceDefinition: what the API server serves, and its status subresource."""

import json
from collections.abc import Iterator, Sequence

from labgrader.api import (
    CRD,
    Context,
    Evidence,
    Fact,
    Failure,
    Object,
    Resource,
    Unsettled,
    check,
    dig,
    fact,
    grouped,
)
from labgrader.toolkit import schema_fixes
from labgrader.toolkit.kubernetes import condition, is_true


@check()
def crd_established(
    ctx: Context,
    group: str,
    version: str,
    kind: str,
    plural: str,
    singular: str,
    short_names: Sequence[str],
    scope: str,
) -> Iterator[Fact]:
    """Looks at the names which the API server has accepted, not at those that were asked for.

    Two definitions may ask for the same short name; only one gets it. A definition is usable once
    its condition Established is True. More short names, versions, columns or descriptions than the
    lab asks for are fine.
    """
    crd = _usable(ctx, plural, group)
    accepted = _accepted_names(crd)
    names = (
        _same("kind", accepted.get("kind"), kind, "spec.names.kind", crd),
        _same("singular name", accepted.get("singular"), singular, "spec.names.singular", crd),
    )
    yield from grouped("Kind and singular name", names)
    shorts = (_short_name(crd, one, accepted.get("shortNames") or []) for one in short_names)
    yield from grouped("Short names", shorts)
    yield _same("scope", dig(crd, "spec.scope"), scope, "spec.scope", crd)
    yield from grouped(f"Version {version}", _versions(crd, version))


@check()
def crd_status_subresource(ctx: Context, group: str, version: str, plural: str) -> Iterator[Fact]:
    """Looks whether the version has a status subresource.

    Only then do the operator, who writes status, and people, who write spec, stay out of each
    other's way; and only then does `kubectl patch --subresource=status` have something to patch.
    """
    crd = _usable(ctx, plural, group)
    found = version_of(crd, version)
    where = f"spec.versions[name={version}].subresources"
    given = dig(found, "subresources", {})
    yield fact(
        f"{version} has a status subresource",
        "status" in given,
        reason=f"Version {version} of {plural}.{group} has no status subresource",
        expected="subresources: {status: {}}",
        actual=f"subresources: {', '.join(sorted(given)) or 'none'}",
        fix=f"Add `subresources: {{status: {{}}}}` to version {version} of the CRD, beside schema",
        evidence=[Evidence(f"CustomResourceDefinition {plural}.{group}", where, str(given))],
    )


def _usable(ctx: Context, plural: str, group: str) -> Object:
    """Return the CRD once the API server serves it; fail with the server's own reason otherwise."""
    name = f"{plural}.{group}"
    crd = ctx.require(CRD, name, fix=f"Create the CustomResourceDefinition {name} (step 1.2)")
    if dig(crd, "metadata.deletionTimestamp"):
        raise Failure(
            f"The CRD {name} is being deleted",
            expected="a CRD that stays",
            actual=f"deletionTimestamp {dig(crd, 'metadata.deletionTimestamp')}",
            fix=f"Wait until the CustomResourceDefinition {name} is gone, and create it again",
        )
    if not dig(crd, "status.conditions"):
        raise Unsettled(f"The API server has not looked at the CRD {name} yet")
    if not is_true(crd, "Established"):
        told = str(condition(crd, "NamesAccepted").get("message", "no condition says why"))
        raise Failure(
            f"The CRD {name} is not served: it is not established: {told}",
            expected="condition Established: True",
            actual=f"Established: {condition(crd, 'Established').get('status', 'absent')}",
            fix=f"kubectl describe crd {name}, and mend what its conditions name",
            evidence=[Evidence(f"CustomResourceDefinition {name}", "status.conditions", told)],
        )
    return crd


def _accepted_names(crd: Object) -> Object:
    """Return the accepted names; while they lag behind a change of the spec, nothing is judged."""
    asked, accepted = dig(crd, "spec.names", {}), dig(crd, "status.acceptedNames", {})
    if is_true(crd, "NamesAccepted") and any(
        asked.get(key) != accepted.get(key) for key in ("kind", "singular", "shortNames")
    ):
        raise Unsettled("The API server has not looked at the new names of the CRD yet")
    names: Object = accepted
    return names


def version_of(crd: Object, version: str) -> Object | None:
    """Return one entry of ``spec.versions`` by its name, wherever it stands."""
    versions = dig(crd, "spec.versions", [])
    return next((entry for entry in versions if entry.get("name") == version), None)


def _same(what: str, actual: object, expected: str, path: str, crd: Object) -> Fact:
    return fact(
        f"{what} is {expected}",
        actual == expected,
        reason=f"The {what} is {actual or 'not set'} instead of {expected}",
        expected=expected,
        actual=actual or "not set",
        fix=f"Set {path}: {expected}" + _recreate(path),
        evidence=[
            Evidence(f"CustomResourceDefinition {dig(crd, 'metadata.name')}", path, str(actual))
        ],
    )


def _recreate(path: str) -> str:
    return (
        " (immutable: delete the CRD, which deletes all its resources, and create it again)"
        if path == "spec.scope"
        else ""
    )


def _short_name(crd: Object, short: str, accepted: list[str]) -> Fact:
    asked = short in dig(crd, "spec.names.shortNames", [])
    conflict = condition(crd, "NamesAccepted").get("message", "another resource has it")
    missing = f"{short} is missing from spec.names.shortNames"
    why = f"the CRD declares it, but {conflict}" if asked else missing
    return fact(
        f"short name {short} works",
        short in accepted,
        reason=f"`kubectl get {short}` fails: {why}",
        expected=f"{short} among the accepted short names",
        actual=", ".join(accepted) or "none",
        fix="Delete the other CRD that has it"
        if asked
        else f"Add {short} to spec.names.shortNames",
    )


def _versions(crd: Object, version: str) -> Iterator[Fact]:
    found = version_of(crd, version)
    for flag in ("served", "storage"):
        yield _version(crd, version, bool(found and found.get(flag)), flag)


def _version(crd: Object, version: str, ok: bool, flag: str) -> Fact:
    known = [
        f"{entry.get('name')} (served: {json.dumps(entry.get('served'))},"
        f" storage: {json.dumps(entry.get('storage'))})"
        for entry in dig(crd, "spec.versions", [])
    ]
    verb = "served" if flag == "served" else "the storage version"
    return fact(
        f"{version} is {verb}",
        ok,
        reason=f"Version {version} is not {verb}",
        expected=f"{version} with {flag}: true",
        actual=", ".join(known) or "no versions",
        fix="" if ok else schema_fixes.flagging(crd, version, flag),
    )


@check()
def crd_second_version(
    ctx: Context, group: str, version: str, kind: str, plural: str, name: str
) -> Iterator[Fact]:
    """Looks whether a resource can be read in a second version, while the first is what is stored.

    Versions let an API grow without breaking whoever uses the old one. Reading the same object in
    both shows that the API server converts it.
    """
    crd = _usable(ctx, plural, group)
    stored = version_of(crd, version)
    others = [
        str(entry.get("name"))
        for entry in dig(crd, "spec.versions", [])
        if entry.get("served") and entry.get("name") != version
    ]
    if not (stored and stored.get("storage")):
        raise Failure(
            f"{version} is no longer the version that is stored",
            expected=f"storage: true for {version}",
            actual="another version is stored",
            fix=schema_fixes.flagging(crd, version, "storage"),
        )
    readable = [
        other
        for other in others
        if ctx.get(Resource(group, other, plural, kind), name, ctx.namespace) is not None
    ]
    yield fact(
        "a second version is served",
        bool(readable),
        reason=f"{name} can be read as {version} only",
        expected="the same resource in another version",
        actual=f"served besides {version}: {', '.join(others) or 'none'}",
        fix="Add a version with served: true and storage: false to spec.versions of the CRD",
    )
