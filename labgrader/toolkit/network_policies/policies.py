"""NetworkPolicies, read once and indexed by namespace and label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from labgrader.kube.resources import Object, dig, name_of
from labgrader.toolkit.network_policies.fields import (
    Selector,
    UnreadableField,
    read_fields,
    read_list,
)
from labgrader.toolkit.network_policies.logic import Ternary, Unknown, any_of
from labgrader.toolkit.network_policies.peers import Endpoint, Pod, Question
from labgrader.toolkit.network_policies.rules import Rule, read_rules

API_VERSION, KIND = "networking.k8s.io/v1", "NetworkPolicy"


class Direction(StrEnum):
    """What a policy is about, seen from the Pods that it selects."""

    INGRESS = "ingress"
    EGRESS = "egress"


_TYPES = {"Ingress": Direction.INGRESS, "Egress": Direction.EGRESS}
_PEERS = {Direction.INGRESS: "from", Direction.EGRESS: "to"}


@dataclass(frozen=True, slots=True)
class Policy:
    """One NetworkPolicy.

    ``selector`` and ``directions`` are unknown where they cannot be read; each rule is for itself.
    """

    name: str
    namespace: str
    selector: Selector | Unknown
    directions: frozenset[Direction] | Unknown
    rules: Mapping[Direction, tuple[Rule | Unknown, ...]]

    @classmethod
    def of(cls, obj: Object) -> Policy:
        """Return the policy that an object of the API describes; nothing in it raises."""
        namespace = str(dig(obj, "metadata.namespace") or "")
        try:
            known = ("podSelector", "policyTypes", *Direction)
            spec = read_fields({} if obj.get("spec") is None else obj["spec"], "spec", known)
        except UnreadableField as error:
            no = error.unknown
            return cls(name_of(obj), namespace, no, no, dict.fromkeys(Direction, (no,)))
        rules = {
            direction: read_rules(
                spec.get(direction), f"spec.{direction}", _PEERS[direction], namespace
            )
            for direction in Direction
        }
        return cls(name_of(obj), namespace, _selector(spec), _directions(spec), rules)

    def selects(self, pod: Pod, direction: Direction) -> Ternary:
        """Whether it isolates a Pod of its namespace in this direction."""
        if isinstance(self.directions, Unknown):
            return self.directions
        if direction not in self.directions:
            return False
        if isinstance(self.selector, Unknown):
            return self.selector
        return self.selector.matches(pod.labels)

    def allows(self, direction: Direction, question: Question, other: Endpoint) -> Ternary:
        """Whether one of its rules allows the connection to or from ``other``."""
        return any_of(
            rule if isinstance(rule, Unknown) else rule.allows(question, other)
            for rule in self.rules[direction]
        )


class Index:
    """All policies, found by the namespace of a Pod and one label that it needs.

    Args:
        objects: NetworkPolicies as the API returns them. Objects of another kind are kept apart:
            they may forbid what a NetworkPolicy allows.
    """

    def __init__(self, objects: Iterable[Object]) -> None:
        self._policies: dict[tuple[str, tuple[str, str] | None], list[Policy]] = defaultdict(list)
        self._foreign: dict[str, Unknown] = {}
        for obj in objects:
            foreign = _foreign(obj)
            if foreign is None:
                policy = Policy.of(obj)
                self._policies[policy.namespace, _key(policy)].append(policy)
            else:
                namespace = str(dig(obj, "metadata.namespace") or "")
                self._foreign.setdefault(namespace, foreign)

    def candidates(self, pod: Pod) -> Iterator[Policy]:
        """Yield the policies of the Pod's namespace, without those that need a label it lacks."""
        for key in (None, *pod.labels.items()):
            yield from self._policies.get((pod.namespace, key), ())

    def foreign(self, pod: Pod) -> Unknown | None:
        """Return the object of another kind that may concern the Pod; None where there is none."""
        return self._foreign.get("") or self._foreign.get(pod.namespace)


def _selector(spec: Mapping[str, Any]) -> Selector | Unknown:
    try:
        return Selector(spec.get("podSelector", {}), "spec.podSelector")
    except UnreadableField as error:
        return error.unknown


def _directions(spec: Mapping[str, Any]) -> frozenset[Direction] | Unknown:
    """Return the policy's types; by default ingress, and egress if there is a rule for it."""
    try:
        items = read_list(spec.get("policyTypes"), "spec.policyTypes")
    except UnreadableField as error:
        return error.unknown
    if len(items) > len(_TYPES):
        return Unknown("spec.policyTypes has more than two items")
    for path, item in items:
        if not isinstance(item, str) or item not in _TYPES:
            return Unknown(f"{path} is not one of {', '.join(_TYPES)}")
    if items:
        return frozenset(_TYPES[item] for _, item in items)
    return frozenset(Direction) if spec.get("egress") else frozenset({Direction.INGRESS})


def _key(policy: Policy) -> tuple[str, str] | None:
    """Return a label without which the policy selects no Pod; None: look at it for every Pod."""
    if isinstance(policy.selector, Unknown) or isinstance(policy.directions, Unknown):
        return None
    return next(iter(policy.selector.exact.items()), None)


def _foreign(obj: Object) -> Unknown | None:
    """Return why an object is not a NetworkPolicy that can be read; items of lists have no kind."""
    kind = obj.get("kind") or KIND
    version = obj.get("apiVersion") or API_VERSION
    namespace = dig(obj, "metadata.namespace")
    if (version, kind) != (API_VERSION, KIND):
        return Unknown(f"{kind} {name_of(obj)} is of {version}, which is not known here")
    if not namespace:
        return Unknown(f"{KIND} {name_of(obj)} has no namespace")
    return None
