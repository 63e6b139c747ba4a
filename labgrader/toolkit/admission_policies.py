"""Says why a ValidatingAdmissionPolicy does not refuse an object. Pure.

Whether it does is asked of the API server by a dry run; this only looks for the reason, in the
order in which the API server looks: what the policy matches, whether it is bound, where, and what
the binding does with a refusal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from labgrader.kube.resources import ADMISSION, Object, dig, name_of
from labgrader.kube.selectors import matches
from labgrader.kube.timestamps import spec_just_changed

POLICY, BINDING = ADMISSION[2], ADMISSION[3]

ACT_SECONDS = 10.0
"""How long the API server may take to act on a policy or a binding that was just stored."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that policies are asked about; ``resource`` may be ``pods/ephemeralcontainers``."""

    group: str
    version: str
    resource: str
    operation: str
    namespace: Object

    def __str__(self) -> str:
        return f"{self.operation} {self.resource}"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a policy does not refuse a request; ``binding`` where a binding is the reason.

    ``kind`` is one of ``unmatched``, ``excluded``, ``unbound``, ``elsewhere``, ``not-denied``,
    ``permitted`` and ``broken``.
    """

    kind: str
    why: str
    policy: Object
    binding: Object | None = None


def obstacle(policy: Object, bindings: Sequence[Object], request: Request) -> Obstacle:
    """Return the first reason for which a policy does not refuse a request."""
    name = name_of(policy)
    constraints = dig(policy, "spec.matchConstraints", {})
    if not _matches_rules(constraints.get("resourceRules") or (), request):
        return Obstacle("unmatched", f"policy {name} does not match {request}", policy)
    if not _matches_namespace(constraints, request.namespace):
        return Obstacle("excluded", f"policy {name} excludes the namespace", policy)
    own = [one for one in bindings if dig(one, "spec.policyName") == name]
    if not own:
        return Obstacle("unbound", f"no binding names policy {name}, so it does nothing", policy)
    here = [one for one in own if _binds(one, request)]
    if not here:
        names = ", ".join(map(name_of, own))
        why = f"binding {names} does not match {request} in {name_of(request.namespace)}"
        return Obstacle("elsewhere", why, policy, own[0])
    denying = [one for one in here if "Deny" in dig(one, "spec.validationActions", [])]
    if not denying:
        actions = ", ".join(dig(here[0], "spec.validationActions", []))
        why = f"binding {name_of(here[0])} has validationActions {actions}, without Deny"
        return Obstacle("not-denied", why, policy, here[0])
    if warned := list(_warnings(policy)):
        why = f"an expression of policy {name} does not compile as meant: {warned[0]}"
        return Obstacle("broken", why, policy, denying[0])
    return Obstacle("permitted", f"the expressions of policy {name} permit it", policy, denying[0])


def nearest(
    policies: Sequence[Object], bindings: Sequence[Object], request: Request
) -> Obstacle | None:
    """Return the reason of the policy that comes nearest to refusing a request; None without any.

    Policies for other resources of the cluster come last, and count only where nothing is nearer.
    """
    order = ("permitted", "broken", "not-denied", "elsewhere", "unbound", "excluded", "unmatched")
    found = [obstacle(one, bindings, request) for one in policies]
    found.sort(key=lambda one: (order.index(one.kind), name_of(one.policy)))
    return found[0] if found else None


def just_changed(now: datetime, objects: Sequence[Object]) -> bool:
    """Whether a policy, a binding or a namespace was changed so lately that it may not act yet."""
    return spec_just_changed(now, ACT_SECONDS, *objects)


def _matches_rules(rules: Sequence[Mapping[str, Any]], request: Request) -> bool:
    return any(
        _has(rule.get("apiGroups"), request.group)
        and _has(rule.get("apiVersions"), request.version)
        and _has(rule.get("operations"), request.operation)
        and any(_covers(str(one), request.resource) for one in rule.get("resources") or ())
        for rule in rules
    )


def _has(listed: object, value: str) -> bool:
    return isinstance(listed, list) and ("*" in listed or value in listed)


def _covers(pattern: str, resource: str) -> bool:
    """Whether an entry of ``resources`` covers a resource: ``*`` covers no subresource."""
    head, slash, tail = pattern.partition("/")
    name, sub, subresource = resource.partition("/")
    return head in ("*", name) and bool(slash) == bool(sub) and tail in ("*", subresource)


def _binds(binding: Object, request: Request) -> bool:
    narrowed = dig(binding, "spec.matchResources", {})
    rules = narrowed.get("resourceRules") or ()
    return (not rules or _matches_rules(rules, request)) and _matches_namespace(
        narrowed, request.namespace
    )


def _matches_namespace(matching: Mapping[str, Any], namespace: Object) -> bool:
    selector: Object = matching.get("namespaceSelector") or {}
    return matches(selector, dig(namespace, "metadata.labels", {}))


def _warnings(policy: Object) -> Iterator[str]:
    """Yield what the API server found wrong with expressions when it checked their types."""
    for one in dig(policy, "status.typeChecking.expressionWarnings", []):
        yield " ".join(str(one.get("warning", "")).split())[:160]
