"""Asks by dry runs whether objects are admitted, and which admission plugin refuses one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from labgrader.errors import QuotaExceeded, Rejected, Unsettled
from labgrader.grading.context import Context
from labgrader.grading.dry_runs import DryRun
from labgrader.grading.snapshot import ReadKey
from labgrader.grading.temporary_objects import TemporaryObject
from labgrader.kube.obstacles import POLICY
from labgrader.kube.resources import POD, RESOURCE_QUOTA, Object, Resource, dig

__all__ = [
    "LIMIT_RANGE",
    "RESOURCE_QUOTA",
    "Plugin",
    "Verdict",
    "admit",
    "admit_pod",
    "admit_update",
    "limits_of",
    "verdict_of",
]

LIMIT_RANGE = Resource("", "v1", "limitranges", "LimitRange")

_QUOTA = re.compile(r"(?:exceeded|failed) quota: (?P<name>[^,:]+)[,:](?P<rest>.*)")
_AMOUNTS = re.compile(r"([a-z][\w./-]*)(?:=| for:)")
_LIMIT = re.compile(r"(minimum|maximum) \S+ usage per|max limit to request")
_SECURITY = re.compile(r'violates PodSecurity "[^"]+"')


class Plugin(StrEnum):
    """Which part of admission refused an object."""

    QUOTA = "ResourceQuota"
    LIMIT_RANGE = "LimitRange"
    POD_SECURITY = "Pod Security"
    POLICY = "ValidatingAdmissionPolicy"
    OTHER = "the API server"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one dry run.

    Args:
        stored: the object with its defaults; None where it is refused.
        plugin: which plugin refuses it; None where it is admitted.
        name: of the ResourceQuota or the policy that refuses it.
        amounts: the resources that a ResourceQuota says are exceeded or missing.
        message: the refusal in the API server's words; empty where it is admitted.
        warnings: the texts of the response's warnings.
    """

    stored: Object | None
    plugin: Plugin | None = None
    name: str = ""
    amounts: tuple[str, ...] = ()
    message: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def admitted(self) -> bool:
        """Whether the object would be stored."""
        return self.plugin is None

    def got_past(self, plugin: Plugin) -> bool:
        """Whether the object passed a plugin that is asked before quotas, which come last."""
        return self.plugin is None or (self.plugin is Plugin.QUOTA and plugin is not Plugin.QUOTA)


def admit_pod(ctx: Context, pod: Object, namespace: str) -> Verdict:
    """Ask by a dry run whether a Pod would be admitted to a namespace.

    Raises:
        Unsettled: a quota's use is not counted yet, or the namespace's account is not made yet.
    """
    return admit(ctx, POD, pod, namespace, depends_on=[ReadKey(LIMIT_RANGE, namespace)])


def admit(
    ctx: Context,
    resource: Resource,
    body: Object,
    namespace: str | None,
    *,
    depends_on: Sequence[ReadKey] = (),
) -> Verdict:
    """Ask by a dry run whether an object would be admitted. Raises as ``admit_pod``."""
    whole = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
    return verdict_of(ctx.dry_run(resource, whole, namespace, depends_on=depends_on))


def admit_update(
    probe: TemporaryObject, name: str, patch: Mapping[str, Any], *, subresource: str = ""
) -> Verdict:
    """Ask by a dry run whether a merge patch of a temporary object would be admitted."""
    try:
        stored = probe.cluster.patch(
            probe.resource,
            name,
            patch,
            probe.namespace,
            subresource=subresource,
            dry_run=True,
        )
    except (Rejected, QuotaExceeded) as refusal:
        return verdict_of(DryRun(None, refusal))
    return verdict_of(DryRun(stored))


def verdict_of(answer: DryRun) -> Verdict:
    """Return which plugin an answer comes from."""
    if answer.refusal is None:
        return Verdict(answer.stored, warnings=answer.warnings)
    message = answer.refusal.message
    if "status unknown for quota" in message:
        raise Unsettled("A ResourceQuota was just made, and its use is not counted yet", message)
    if "error looking up service account" in message:
        raise Unsettled("The namespace was just made and has no default account yet", message)
    return _refused(answer, message)


def _refused(answer: DryRun, message: str) -> Verdict:
    """Return the verdict for a refusal, by the words of the plugin that it comes from."""
    said = Verdict(None, Plugin.OTHER, message=message, warnings=answer.warnings)
    if quota := _QUOTA.search(message):
        amounts = tuple(dict.fromkeys(_AMOUNTS.findall(quota["rest"].partition(" used:")[0])))
        return replace(said, plugin=Plugin.QUOTA, name=quota["name"].strip(), amounts=amounts)
    if _SECURITY.search(message):
        return replace(said, plugin=Plugin.POD_SECURITY)
    if policy := POLICY.search(message):
        return replace(said, plugin=Plugin.POLICY, name=policy["policy"])
    return replace(said, plugin=Plugin.LIMIT_RANGE) if _LIMIT.search(message) else said


def limits_of(limit_ranges: Sequence[Object], kind: str, key: str, resource: str) -> list[str]:
    """Return what LimitRanges set for a resource, such as ``max`` of ``cpu`` of a ``Container``."""
    items = (item for one in limit_ranges for item in dig(one, "spec.limits", ()))
    return [
        str(item[key][resource])
        for item in items
        if item.get("type") == kind and resource in (item.get(key) or {})
    ]
