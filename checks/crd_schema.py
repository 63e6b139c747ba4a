"""The schema, judged by what the API server admits and refuses: never by how it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    Context,
    Evidence,
    Fact,
    Failure,
    Object,
    Rejected,
    Resource,
    WebhookFailed,
    check,
    fact,
)

PROBE = "labgrader-probe-"
"""How the names of resources that are asked about begin; the server makes the rest up, so that no
object which is there already can answer for the schema. Nothing is ever stored."""


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
    for name, spec in (("every field", valid), ("only the required fields", minimal)):
        label = f"a resource with {name} is admitted"
        try:
            yield _admitted(ctx, resource, label, spec)
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
    admits: Sequence[Mapping[str, Any]],
    refuses: Sequence[Mapping[str, Any]],
) -> Iterator[Fact]:
    """Asks the API server, by dry-run, about values on both sides of every limit.

    Each question differs in one place from a resource that is admitted, so a refusal can only be
    about that place; whether a schema, a rule or a policy refuses it does not matter.
    """
    resource = Resource(group, version, plural, kind)
    _demand_admitted(ctx, resource, valid)
    for probe in admits:
        spec = changed(valid, probe)
        yield _admitted(ctx, resource, f"{probe['path']} takes {_shown(probe)}", spec)
    for probe in refuses:
        yield _refused(ctx, resource, probe, changed(valid, probe))


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
    _demand_admitted(ctx, resource, valid)
    for probe in refuses:
        yield _refused(ctx, resource, probe, changed(valid, probe))


def changed(spec: Mapping[str, Any], probe: Mapping[str, Any]) -> dict[str, Any]:
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


def _ask(ctx: Context, resource: Resource, spec: Mapping[str, Any]) -> Rejected | None:
    """Dry-run a resource; return the refusal, or None where it would be admitted."""
    body: Object = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"generateName": PROBE, "namespace": ctx.namespace},
        "spec": dict(spec),
    }
    try:
        ctx.dry_run_create(resource, body, ctx.namespace)
    except Rejected as refusal:
        return refusal
    return None


def _admitted(ctx: Context, resource: Resource, name: str, spec: Mapping[str, Any]) -> Fact:
    refusal = _ask(ctx, resource, spec)
    said = refusal.message if refusal else ""
    return fact(
        name,
        refusal is None,
        reason=f"A valid resource is refused ({name}): {said}",
        expected="admitted",
        actual=f"refused: {said}" if refusal else "admitted",
        fix=_mend(said),
        evidence=[Evidence(f"{resource.kind} (dry-run)", "spec", said or "admitted")],
    )


def _stopped(resource: Resource, name: str, error: WebhookFailed) -> Fact:
    """State that a webhook for this very resource lets nothing through."""
    return fact(
        name,
        False,
        reason=f"A valid resource is refused ({name}): {error.message}",
        expected="admitted",
        actual=f"refused: {error.message}",
        fix=f"{error.next_step}. A CEL rule in the schema needs no server",
        evidence=[Evidence(f"{resource.kind} (dry-run)", "spec", error.message)],
    )


def _demand_admitted(ctx: Context, resource: Resource, spec: Mapping[str, Any]) -> None:
    """Fail the check where the twin of all questions is refused: then refusals say nothing."""
    twin = _admitted(ctx, resource, "a valid resource is admitted", spec)
    if not twin.ok:
        raise Failure(
            twin.reason,
            expected=twin.expected,
            actual=twin.actual,
            fix=twin.fix,
            evidence=twin.evidence,
        )


def _mend(said: str) -> str:
    """Return the smallest fix for a refusal of something valid, from the server's own words."""
    if "unknown field" in said:
        return "Add the field to openAPIV3Schema: a field that the schema lacks is dropped"
    if "ValidatingAdmissionPolicy" in said or "admission webhook" in said:
        return "Mend the policy or webhook that it names: it must let valid resources through"
    return "Loosen the limit that the message names: kubectl explain shows what the schema says"


def _refused(
    ctx: Context, resource: Resource, probe: Mapping[str, Any], spec: Mapping[str, Any]
) -> Fact:
    path, shown = probe["path"], _shown(probe)
    refusal = _ask(ctx, resource, spec)
    name = f"{path} cannot be left out" if probe.get("remove") else f"{path} refuses {shown}"
    return fact(
        name,
        refusal is not None,
        reason=f"A resource {'without' if probe.get('remove') else 'with'} {path}"
        f"{'' if probe.get('remove') else f' = {shown}'} is admitted",
        expected="refused",
        actual=refusal.message if refusal else "admitted",
        fix=str(probe.get("fix", f"Limit spec.{path} in openAPIV3Schema")),
        evidence=[
            Evidence(
                f"{resource.kind} (dry-run)", f"spec.{path}", "admitted" if not refusal else ""
            )
        ],
    )


def _shown(probe: Mapping[str, Any]) -> str:
    return "nothing" if probe.get("remove") else repr(probe.get("value"))
