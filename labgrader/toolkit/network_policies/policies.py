"""NetworkPolicies, read once and indexed by namespace and label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
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


class Policy:
    """One NetworkPolicy, read so far as it is asked about; nothing in the object raises.

    ``selector`` and ``directions`` are unknown where they cannot be read; each rule is for itself.
    """

    def __init__(self, obj: Object) -> None:
        self.name = name_of(obj)
        self.namespace = str(dig(obj, "metadata.namespace"))
        self._rules: dict[Direction, tuple[Rule | Unknown, ...]] = {}
        try:
            written = obj.get("spec")
            known = ("podSelector", "policyTypes", *Direction)
            self._spec = read_fields({} if written is None else written, "spec", known)
        except UnreadableField as error:
            self.selector: Selector | Unknown = error.unknown
            self.directions: frozenset[Direction] | Unknown = error.unknown
            self._rules = dict.fromkeys(Direction, (error.unknown,))
        else:
            self.selector = _selector(self._spec)
            self.directions = _directions(self._spec)

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
        if direction not in self._rules:
            path, peers = f"spec.{direction}", _PEERS[direction]
            rules = read_rules(self._spec.get(direction), path, peers, self.namespace)
            self._rules[direction] = rules
        return any_of(
            rule if isinstance(rule, Unknown) else rule.allows(question, other)
            for rule in self._rules[direction]
        )


class Index:
    """All policies, found by the namespace of a Pod and one label that it needs.

    Args:
        objects: NetworkPolicies as the API returns them, which are read when a Pod of their
            namespace is asked about. Objects of another kind are kept apart: they may forbid what a
            NetworkPolicy allows.
    """

    def __init__(self, objects: Iterable[Object]) -> None:
        self._objects: dict[str, list[Object]] = defaultdict(list)
        self._foreign: dict[str, Unknown] = {}
        self._read: dict[str, _ByLabel] = {}
        for obj in objects:
            namespace = str(dig(obj, "metadata.namespace") or "")
            foreign = _foreign(obj)
            if foreign is None:
                self._objects[namespace].append(obj)
            else:
                self._foreign.setdefault(namespace, foreign)

    def candidates(self, pod: Pod) -> Iterator[Policy]:
        """Yield the policies of the Pod's namespace, without those that need a label it lacks."""
        if pod.namespace not in self._read:
            self._read[pod.namespace] = _by_label(self._objects.get(pod.namespace, ()))
        by_label = self._read[pod.namespace]
        for key in (None, *pod.labels.items()):
            yield from by_label.get(key, ())

    def foreign(self, pod: Pod) -> Unknown | None:
        """Return the object of another kind that may concern the Pod; None where there is none."""
        return self._foreign.get("", self._foreign.get(pod.namespace))


_ByLabel = dict[tuple[str, str] | None, list[Policy]]


def _by_label(objects: Iterable[Object]) -> _ByLabel:
    """Return policies by a label without which they select no Pod; None: look at it always."""
    found: _ByLabel = defaultdict(list)
    for policy in map(Policy, objects):
        key = None
        if not isinstance(policy.selector, Unknown) and not isinstance(policy.directions, Unknown):
            key = next(iter(policy.selector.exact.items()), None)
        found[key].append(policy)
    return found


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
