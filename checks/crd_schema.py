"""The schema, judged by what the API server admits and refuses: never by how it is written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    CRD,
    PROBE_PREFIX,
    Context,
    Evidence,
    Fact,
    Failure,
    Object,
    Rejected,
    Resource,
    WebhookFailed,
    check,
    dig,
    fact,
    grouped,
)
from labgrader.toolkit import schema_fixes

Spec = Mapping[str, Any]
Probe = Mapping[str, Any]


@check()
def crd_admits_valid(
    ctx: Context,
    group: str,
    version: str,
    kind: str,
    plural: str,
    valid: Mapping[str, Any],
    minimal: Mapping[str, Any],
) -> Iterator[Fact]:
    """Asks the API server, by dry-run, whether it admits resources that follow all rules.

    Whatever refuses a valid resource is an outage: a schema that is too strict, a policy, or a
    validating webhook with `failurePolicy: Fail` that nobody serves. The last one even refuses the
    removal of a finalizer, so that nothing can be deleted any more. A webhook for all API groups
    is the cluster's own, and keeps this from being judged.
    """
    resource = Resource(group, version, plural, kind)
    crd = ctx.get(CRD, resource.definition)
    for label, spec in (("every field set", valid), ("only the required fields set", minimal)):
        try:
            yield _admitted(ctx, resource, label, spec, crd)
        except WebhookFailed as error:
            if group not in error.groups:
                raise
            yield _stopped(resource, label, error)


@check()
def crd_schema_limits(
    ctx: Context,
    group: str,
    version: str,
    kind: str,
    plural: str,
    valid: Mapping[str, Any],
    groups: Sequence[Mapping[str, Any]],
) -> Iterator[Fact]:
    """Asks the API server, by dry-run, about values on both sides of every limit.

    Each question differs in one place from a resource that is admitted, so a refusal can only be
    about that place; whether a schema, a rule or a policy refuses it does not matter. What must not
    be left out must not be null either. The limits of one part of the spec earn their points
    together.
    """
    resource = Resource(group, version, plural, kind)
    crd = ctx.get(CRD, resource.definition)
    _demand_admitted(ctx, resource, valid, crd)
    for one in groups:
        yield from grouped(str(one["title"]), _limits(ctx, resource, valid, one, crd))


def _limits(
    ctx: Context, resource: Resource, valid: Spec, group: Mapping[str, Any], crd: Object | None
) -> Iterator[Fact]:
    """Yield the conditions of one group of limits."""
    for probe in group.get("admits", ()):
        name = f"{probe['path']} takes {_shown(probe)}"
        yield _admitted(ctx, resource, name, changed(valid, probe), crd)
    refuses = group.get("refuses", ())
    for probe in refuses:
        yield _refused(ctx, resource, probe, changed(valid, probe), crd)
    yield from _nulls(
        ctx, resource, valid, [one["path"] for one in refuses if one.get("remove")], crd
    )


@check()
def cross_field_rule(
    ctx: Context,
    group: str,
    version: str,
    kind: str,
    plural: str,
    valid: Mapping[str, Any],
    refuses: Sequence[Mapping[str, Any]],
) -> Iterator[Fact]:
    """Asks whether a resource is refused whose fields are fine each, but contradict each other.

    A schema alone cannot compare two fields. A rule in the schema (`x-kubernetes-validations`), a
    ValidatingAdmissionPolicy with its binding, or a validating webhook can; any of them is right,
    as long as valid resources are still admitted.
    """
    resource = Resource(group, version, plural, kind)
    crd = ctx.get(CRD, resource.definition)
    _demand_admitted(ctx, resource, valid, crd)
    for probe in refuses:
        yield _refused(ctx, resource, probe, changed(valid, probe), crd)


def changed(spec: Spec, probe: Probe) -> dict[str, Any]:
    """Return ``spec`` with the value at ``path`` set, or removed, and what ``beside`` says set.

    Only the maps on the way there are new ones; the rest is shared with ``spec``.
    """
    result = dict(spec)
    for path, value in {**probe.get("beside", {}), probe["path"]: probe.get("value")}.items():
        *parents, last = path.split(".")
        place = result
        for key in parents:
            inner = place[key] = dict(place[key])
            place = inner
        if path == probe["path"] and probe.get("remove"):
            del place[last]
        else:
            place[last] = value
    return result


def _ask(ctx: Context, resource: Resource, spec: Spec) -> Rejected | Object:
    """Dry-run a resource; return the refusal, or what would be stored."""
    body: Object = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"generateName": PROBE_PREFIX, "namespace": ctx.namespace},
        "spec": dict(spec),
    }
    try:
        return ctx.dry_run_create(resource, body, ctx.namespace)
    except Rejected as refusal:
        return refusal


def _admitted(ctx: Context, resource: Resource, name: str, spec: Spec, crd: Object | None) -> Fact:
    answer = _ask(ctx, resource, spec)
    said = answer.message if isinstance(answer, Rejected) else ""
    return fact(
        name,
        not said,
        reason=f"The API server rejects a valid resource ({name}): {said}",
        expected="admitted",
        actual=f"refused: {said}" if said else "admitted",
        fix=schema_fixes.admitting(crd, resource, said) if said else "",
        evidence=[Evidence(f"{resource.kind} (dry-run)", "spec", said or "admitted")],
    )


def _stopped(resource: Resource, name: str, error: WebhookFailed) -> Fact:
    """State that a webhook for this very resource lets nothing through."""
    return fact(
        name,
        False,
        reason=f"The API server rejects a valid resource ({name}): {error.message}",
        expected="admitted",
        actual=f"refused: {error.message}",
        fix=f"{error.next_step}. A CEL rule in the schema needs no server",
        evidence=[Evidence(f"{resource.kind} (dry-run)", "spec", error.message)],
    )


def _demand_admitted(ctx: Context, resource: Resource, spec: Spec, crd: Object | None) -> None:
    """Fail the check where the twin of all questions is refused: then refusals say nothing."""
    twin = _admitted(ctx, resource, "every field set", spec, crd)
    if not twin.ok:
        raise Failure(
            twin.reason,
            expected=twin.expected,
            actual=twin.actual,
            fix=twin.fix,
            evidence=twin.evidence,
        )


def _refused(
    ctx: Context, resource: Resource, probe: Probe, spec: Spec, crd: Object | None
) -> Fact:
    path, shown = probe["path"], _shown(probe)
    answer = _ask(ctx, resource, spec)
    refused = isinstance(answer, Rejected)
    filled = None
    if probe.get("remove") and not isinstance(answer, Rejected):
        filled = dig(answer, f"spec.{path}")
    reason = f"A resource {'without' if probe.get('remove') else 'with'} {path}"
    reason += "" if probe.get("remove") else f" = {shown}"
    reason += " is admitted"
    if filled is not None:
        reason += f": the default {json.dumps(filled)} is filled in before `required` is checked"
    return fact(
        f"{path} cannot be left out" if probe.get("remove") else f"{path} refuses {shown}",
        refused,
        reason=reason,
        expected="refused",
        actual=answer.message if isinstance(answer, Rejected) else "admitted",
        fix="" if refused else schema_fixes.refusing(crd, resource, probe, filled is not None),
        evidence=[
            Evidence(f"{resource.kind} (dry-run)", f"spec.{path}", "" if refused else "admitted")
        ],
    )


def _nulls(
    ctx: Context, resource: Resource, valid: Spec, paths: Sequence[str], crd: Object | None
) -> Iterator[Fact]:
    """Ask whether fields that must be there may be null; as many at a time as can be."""
    for level in sorted({path.count(".") for path in paths}):
        together = [path for path in paths if path.count(".") == level]
        spec = dict(valid)
        for path in together:
            spec = changed(spec, {"path": path, "value": None})
        named = _fields_of(_ask(ctx, resource, spec))
        for path in together:
            refused = f"spec.{path}" in named or isinstance(
                _ask(ctx, resource, changed(valid, {"path": path, "value": None})), Rejected
            )
            yield _null(resource, path, crd, refused=refused)


def _fields_of(answer: Rejected | Object) -> Sequence[str]:
    return answer.fields if isinstance(answer, Rejected) else ()


def _null(resource: Resource, path: str, crd: Object | None, *, refused: bool) -> Fact:
    return fact(
        f"{path} cannot be null",
        refused,
        reason=f"A resource with {path} = null is admitted: `required` alone does not exclude null",
        expected="refused",
        actual="refused" if refused else "admitted",
        fix=schema_fixes.removing(crd, resource.version, path, "nullable")
        or f"Remove nullable from spec.{path} in openAPIV3Schema",
        evidence=[Evidence(f"{resource.kind} (dry-run)", f"spec.{path}", "null")],
    )


def _shown(probe: Probe) -> str:
    return "nothing" if probe.get("remove") else json.dumps(probe.get("value"))
