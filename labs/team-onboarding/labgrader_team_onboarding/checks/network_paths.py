"""Who reaches whom in production, worked out from the NetworkPolicies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    NAMESPACE,
    Context,
    Evidence,
    Fact,
    MissingCapability,
    Object,
    Resource,
    check,
    dig,
    fact,
    grouped,
    unjudged,
)
from labgrader.toolkit.network_policies.answers import Answer
from labgrader.toolkit.network_policies.evaluator import NetworkPolicies
from labgrader.toolkit.network_policies.peers import NAME_LABEL, Address, Endpoint, Pod, Question

from ._shared import fixes
from ._shared.mentioned import PEERS, Mentioned, mentioned, only, selected

NETWORK_POLICY = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")


def _whole(group: str, version: str, plural: str, kind: str) -> Resource:
    return Resource(group, version, plural, kind, namespaced=False)


_SIG = "policy.networking.k8s.io"
OTHERS = (
    _whole(_SIG, "v1alpha1", "adminnetworkpolicies", "AdminNetworkPolicy"),
    _whole(_SIG, "v1alpha1", "baselineadminnetworkpolicies", "BaselineAdminNetworkPolicy"),
    _whole(_SIG, "v1alpha2", "clusternetworkpolicies", "ClusterNetworkPolicy"),
    _whole("cilium.io", "v2", "ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy"),
    Resource("cilium.io", "v2", "ciliumnetworkpolicies", "CiliumNetworkPolicy"),
    _whole("crd.projectcalico.org", "v1", "globalnetworkpolicies", "GlobalNetworkPolicy"),
)
"""Policies of other APIs: where there is one, NetworkPolicies alone do not decide."""

HOME = "HOME"
"""In a task's table: the namespace that the table is about."""

Table = Sequence[Mapping[str, Any]]


@check()
def network_paths(
    ctx: Context,
    namespace: str,
    pods: Sequence[Mapping[str, str]],
    groups: Sequence[Mapping[str, Any]],
) -> Iterator[Fact]:
    """Answers a table of questions about the NetworkPolicies of the namespace: who reaches whom.

    The rules are evaluated, no packet is sent: not every cluster enforces NetworkPolicies, and the
    nodes that labgrader brings along do not. Each question is asked for Pods with different labels,
    as a policy must hold for all Pods of the namespace. What the policies themselves mention, such
    as labels of other namespaces, is asked about as well: it must not open more than the task does.
    Policies add up; what a field means that the API does not define cannot be judged.
    """
    paths = _Paths(ctx, namespace, pods)
    for group in groups:
        facts = [paths.judged(row, group) for row in group["questions"]]
        if "open" in group:
            facts.append(paths.nothing_else(group))
        yield from grouped(str(group["title"]), facts)


class _Paths:
    """The connections of one namespace's Pods."""

    def __init__(self, ctx: Context, namespace: str, pods: Sequence[Mapping[str, str]]) -> None:
        self._namespace = namespace
        space = ctx.get(NAMESPACE, namespace) or {}
        self._labels: Mapping[str, str] = dig(space, "metadata.labels", {})
        self._own = [_typed(NETWORK_POLICY, one) for one in ctx.list(NETWORK_POLICY, namespace)]
        self._pods = [*pods, *selected(self._own)]
        others: list[Object] = []
        for other in OTHERS:
            where = namespace if other.namespaced else None
            others += [_typed(other, one) for one in ctx.list(other, where)]
        self._policies = {
            direction: NetworkPolicies([*only(self._own, direction), *others])
            for direction in PEERS
        }

    def judged(self, row: Mapping[str, Any], group: Mapping[str, Any]) -> Fact:
        """State whether one connection is as the table says, for Pods with any labels."""
        wanted = bool(row["allowed"])
        title = str(row["title"])
        policies = self._policies[str(group["direction"])]
        answers = [policies.answer(self._question(row, labels)) for labels in self._pods]
        wrong = next((one for one in answers if one.allowed is (not wanted)), None)
        unknown = next((one for one in answers if one.allowed is None), None)
        if wrong is None and unknown is not None:
            return unjudged(
                title,
                MissingCapability(
                    f"Whether {title} is allowed cannot be worked out: {unknown.why}",
                    "Write the rule with podSelector, namespaceSelector and ports",
                ),
            )
        return self._fact(row, group, wrong)

    def nothing_else(self, group: Mapping[str, Any]) -> Fact:
        """State that what the policies mention opens no more than the task does."""
        direction = str(group["direction"])
        told = mentioned(self._own, direction)
        policies = self._policies[direction]
        title = f"nothing else is open for {direction}"
        for other in self._others(told):
            for port, protocol in {*told.ports, *_ports_of(group)}:
                if _is_open(group["open"], other, port, protocol):
                    continue
                for labels in self._pods:
                    home = Pod(self._namespace, labels, self._labels)
                    source, end = (other, home) if direction == "ingress" else (home, other)
                    answer = policies.answer(Question(source, end, port, protocol))
                    if answer.allowed:
                        named = {"title": str(answer.question), "allowed": False}
                        return self._fact(named, group, answer)
        return fact(title, ok=True)

    def _others(self, told: Mentioned) -> Iterator[Pod | Address]:
        """Yield ends outside of the namespace, and within it, that the policies tell apart."""
        spaces = [{}, *told.namespaces]
        for labels in ({}, *told.pods):
            yield Pod(self._namespace, labels, self._labels)
            for one in spaces:
                yield Pod(str(one.get(NAME_LABEL, "another-namespace")), labels, one)
        yield from map(Address, told.addresses)

    def _question(self, row: Mapping[str, Any], labels: Mapping[str, str]) -> Question:
        ends = [self._end(row[key], labels) for key in ("from", "to")]
        return Question(ends[0], ends[1], int(row["port"]), str(row.get("protocol", "TCP")))

    def _end(self, written: Mapping[str, Any] | str, labels: Mapping[str, str]) -> Endpoint:
        """Return an end of the table: a Pod of the namespace, another Pod, or an address."""
        if written == HOME:
            return Pod(self._namespace, labels, self._labels)
        assert isinstance(written, Mapping)
        if "ip" in written:
            return Address(str(written["ip"]))
        place = str(written["namespace"])
        home = self._labels if place == self._namespace else {}
        return Pod(place, written.get("labels") or {}, written.get("namespace_labels") or home)

    def _fact(self, row: Mapping[str, Any], group: Mapping[str, Any], wrong: Answer | None) -> Fact:
        wanted, title = bool(row["allowed"]), str(row["title"])
        expected = "allowed" if wanted else "denied"
        found = "denied" if wanted else "allowed"
        actual = f"{found}: {_why(wrong, str(group['direction']))}" if wrong else expected
        names = _deciding(wrong) if wrong else []
        return fact(
            title,
            wrong is None,
            reason=f"{title} is {actual}",
            expected=expected,
            actual=actual,
            fix=self._fix(group, names, wanted=wanted) if wrong else "",
            evidence=[
                Evidence(NETWORK_POLICY.describe(name, self._namespace), "spec", found)
                for name in names or ["(none)"]
            ],
        )

    def _fix(self, group: Mapping[str, Any], names: Sequence[str], *, wanted: bool) -> str:
        """Return what helps: a policy of its own, as policies add up, or a narrower rule."""
        direction = str(group["direction"])
        if not wanted and names:
            return (
                f"kubectl edit networkpolicy {names[0]} -n {self._namespace}: narrow the rule of"
                f" spec.{direction} that allows it; {group['hint']}"
            )
        spec = group["policy"]
        name = str(group["name"])
        body = {"metadata": {"name": name, "namespace": self._namespace}, "spec": spec}
        return fixes.create(NETWORK_POLICY, body)


def _typed(resource: Resource, obj: Object) -> Object:
    """Return an object of a list with its type, which lists leave out."""
    return {"apiVersion": resource.api_version, "kind": resource.kind, **obj}


def _why(answer: Answer, direction: str) -> str:
    """Return the reason at the end of the connection that the question is about."""
    own = [side.why for side in answer.sides if side.direction == direction]
    return own[0] if own else answer.why


def _ports_of(group: Mapping[str, Any]) -> list[tuple[int, str]]:
    return [(int(row["port"]), str(row.get("protocol", "TCP"))) for row in group["questions"]]


def _is_open(table: Table, other: Pod | Address, port: int, protocol: str) -> bool:
    """Whether the task opens a connection: by port, and by labels of the namespace if it says."""
    for row in table:
        wanted: Mapping[str, str] = row.get("namespace_labels") or {}
        given = other.namespace_labels if isinstance(other, Pod) else {}
        if (port, protocol) == (row["port"], row["protocol"]) and wanted.items() <= given.items():
            return True
    return False


def _deciding(answer: Answer) -> list[str]:
    return list(dict.fromkeys(name for side in answer.sides for name in side.policies))
