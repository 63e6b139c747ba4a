"""Asks whether images are admitted to a namespace, and why one is that should not be."""

from __future__ import annotations

import json
from collections.abc import Mapping

from labgrader.api import (
    NAMESPACE,
    Context,
    Evidence,
    Fact,
    MissingCapability,
    Object,
    Unsettled,
    fact,
    name_of,
    unjudged,
)
from labgrader.toolkit.admission import LIMIT_RANGE, Plugin, Verdict, admit_pod
from labgrader.toolkit.admission_policies import (
    BINDING,
    POLICY,
    Obstacle,
    Request,
    just_changed,
    nearest,
)

from . import fixes
from .pods import container, resources_of, small_pod, within

BY_IMAGE = (Plugin.POLICY, Plugin.OTHER)
"""Who refuses a Pod because of its image: a policy, or a webhook."""


def said(verdict: Verdict) -> str:
    """Return the refusal, without the expression where one could not be evaluated."""
    _, failed, why = verdict.message.partition("resulted in error:")
    return f"an expression fails:{why}" if failed else verdict.message


class Images:
    """The images that a namespace admits.

    Args:
        rules: the CEL expressions, by name, that a policy could have; for fixes.
    """

    def __init__(
        self, ctx: Context, namespace: str, rules: Mapping[str, str] | None = None
    ) -> None:
        self.ctx = ctx
        self.namespace = namespace
        self._rules = rules or {}
        self._space = ctx.get(NAMESPACE, namespace) or {"metadata": {"name": namespace}}
        self._policies = ctx.list(POLICY)
        self._bindings = ctx.list(BINDING)
        self._ranges = ctx.list(LIMIT_RANGE, namespace)

    def pod(self, image: str, init: str = "") -> Object:
        """Return a Pod that runs an image; with another one in an init container."""
        pod = small_pod(image, self._ranges)
        if init:
            small = resources_of(within(self._ranges))
            pod["spec"]["initContainers"] = [container("probe-init", init, small)]
        return pod

    def ask(self, image: str, init: str = "") -> Verdict:
        """Ask whether a Pod with these images would be admitted."""
        return admit_pod(self.ctx, self.pod(image, init), self.namespace)

    def admitted(self, image: str, verdict: Verdict, what: str = "A Pod") -> Fact:
        """State that an image is admitted; what others refuse the Pod for cannot be judged."""
        name = f"{what} with {image} is admitted"
        if verdict.plugin not in (None, Plugin.QUOTA, *BY_IMAGE):
            return self.stopped(name, verdict)
        ok = verdict.got_past(Plugin.POLICY)
        who = f"ValidatingAdmissionPolicy {verdict.name}" if verdict.name else "the API server"
        return fact(
            name,
            ok,
            reason=f"{what} with the image {image} is refused in {self.namespace}, by {who}:"
            f" {said(verdict)}",
            expected="admitted",
            actual=f"refused: {said(verdict)}" if verdict.message else "admitted",
            fix=f"kubectl edit validatingadmissionpolicy {verdict.name}: its spec.validations must"
            f" permit {image}"
            if verdict.name
            else f"Find out who refuses {image}: {said(verdict)}",
            evidence=[Evidence(f"Pod in {self.namespace} (dry run)", "image", image)],
        )

    def refused(self, rule: str, image: str, verdict: Verdict, what: str = "A Pod") -> Fact:
        """State that an image is refused because of what it is."""
        return self.judged(rule, image, verdict, self.request("pods", "CREATE"), what)

    def judged(self, rule: str, image: str, verdict: Verdict, request: Request, what: str) -> Fact:
        """State that an image is refused; say which policy does not, and why."""
        name = f"{what} with {image} is refused"
        if verdict.plugin not in (None, Plugin.QUOTA, *BY_IMAGE):
            return self.stopped(name, verdict)
        refused = verdict.plugin in BY_IMAGE
        why = None if refused else nearest(self._policies, self._bindings, request)
        if why is not None:
            self.demand_settled(why)
        told = why.why if why else "there is no ValidatingAdmissionPolicy"
        return fact(
            name,
            refused,
            reason=f"{what} with the image {image} is admitted to {self.namespace}: {told}",
            expected="refused",
            actual="refused" if refused else "admitted",
            fix="" if refused else self._fix(rule, why, request),
            evidence=[Evidence(f"Pod in {self.namespace} (dry run)", "image", image)],
        )

    def request(self, resource: str, operation: str) -> Request:
        """Return a request about Pods of the namespace."""
        return Request("", "v1", resource, operation, self._space)

    def demand_settled(self, why: Obstacle) -> None:
        """Raise where the policy is right as far as can be told, and may not act yet."""
        objects = [why.policy, *([why.binding] if why.binding else ()), self._space]
        if why.kind == "permitted" and just_changed(self.ctx.server_time(), objects):
            raise Unsettled(
                f"ValidatingAdmissionPolicy {name_of(why.policy)} or its binding was changed less"
                " than 10 s ago, and may not act yet",
                "Check again in a moment",
            )

    @staticmethod
    def stopped(name: str, verdict: Verdict) -> Fact:
        """State that something else refuses the Pod, so that the policy cannot be judged."""
        who = f"{verdict.plugin} {verdict.name}".rstrip()
        return unjudged(
            name,
            MissingCapability(
                f"{who} refuses the Pod, which hides what the policy does: {said(verdict)}",
                "Complete the Pod Security and LimitRange steps first; look at other policies with"
                " kubectl get validatingadmissionpolicybindings",
            ),
        )

    def _fix(self, rule: str, why: Obstacle | None, request: Request) -> str:
        if why is None or why.kind in ("excluded", "broken"):
            where = f" in {name_of(why.policy)}" if why else ""
            return (
                f"Write a ValidatingAdmissionPolicy for {request.resource}{where} and a binding:"
                " `kubectl explain validatingadmissionpolicy.spec`"
            )
        return _FIXES[why.kind](self, rule, why, request)

    def unmatched(self, _rule: str, why: Obstacle, request: Request) -> str:
        """Return the command that adds a rule for a request to a policy."""
        rule = {
            "apiGroups": [request.group],
            "apiVersions": [request.version],
            "operations": [request.operation],
            "resources": [request.resource],
        }
        return _json_patch(why.policy, "/spec/matchConstraints/resourceRules/-", rule)

    def unbound(self, _rule: str, why: Obstacle, _request: Request) -> str:
        """Return the command that binds a policy to the namespace."""
        spec = {"policyName": name_of(why.policy), "validationActions": ["Deny"], **self._here()}
        body = {"metadata": {"name": name_of(why.policy)}, "spec": spec}
        return fixes.create(BINDING, body)

    def elsewhere(self, _rule: str, why: Obstacle, _request: Request) -> str:
        """Return the command that makes a binding match the namespace."""
        name = name_of(why.binding or {})
        selector = {**self._here()["matchResources"], "resourceRules": None}
        patch = {"spec": {"matchResources": None}}
        first = fixes.merge(BINDING, name, None, patch)
        return (
            f"{first} && {fixes.merge(BINDING, name, None, {'spec': {'matchResources': selector}})}"
        )

    def not_denied(self, _rule: str, why: Obstacle, _request: Request) -> str:
        """Return the command that makes a binding deny."""
        patch = {"spec": {"validationActions": ["Deny"]}}
        return fixes.merge(BINDING, name_of(why.binding or {}), None, patch)

    def permitted(self, rule: str, why: Obstacle, _request: Request) -> str:
        """Return the command that adds a validation to a policy."""
        added = {
            "expression": self._rules.get(rule, ""),
            "message": f"the image breaks the rule: {rule}",
        }
        if not added["expression"]:
            return f"kubectl edit validatingadmissionpolicy {name_of(why.policy)}: spec.validations"
        return _json_patch(why.policy, "/spec/validations/-", added)

    def _here(self) -> dict[str, Object]:
        labels = {"kubernetes.io/metadata.name": self.namespace}
        return {"matchResources": {"namespaceSelector": {"matchLabels": labels}}}


_FIXES = {
    "unmatched": Images.unmatched,
    "unbound": Images.unbound,
    "elsewhere": Images.elsewhere,
    "not-denied": Images.not_denied,
    "permitted": Images.permitted,
}


def _json_patch(policy: Object, path: str, value: object) -> str:
    ops = json.dumps([{"op": "add", "path": path, "value": value}]).replace("'", "\\u0027")
    name = name_of(policy)
    return f"kubectl patch validatingadmissionpolicy {name} --type=json -p '{ops}'"
