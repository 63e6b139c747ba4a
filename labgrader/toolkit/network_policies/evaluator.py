"""Evaluates NetworkPolicies: may one end open a connection to the other? Pure.

A connection is allowed if the egress of its source and the ingress of its destination allow it. A
Pod that no policy selects in a direction is open in it; otherwise one rule of the policies that
select it has to allow the connection. What no rule of the API defines cannot be judged, unless
every reading of it gives the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from labgrader.kube.resources import Object
from labgrader.toolkit.network_policies.answers import (
    Answer,
    Side,
    Verdict,
    from_sides,
    listed,
)
from labgrader.toolkit.network_policies.logic import Ternary, Unknown
from labgrader.toolkit.network_policies.peers import Endpoint, Node, Pod, Question
from labgrader.toolkit.network_policies.policies import Direction, Index


@dataclass(frozen=True, slots=True)
class _Read:
    """What one policy says about a Pod and a connection; ``name`` is the policy's."""

    name: str
    selects: Ternary
    allows: Ternary

    @property
    def doubt(self) -> str:
        """What is not known of it, with its name."""
        values = (self.selects, self.allows)
        reason = next(value.reason for value in values if isinstance(value, Unknown))
        return f"policy {self.name}: {reason}"


class NetworkPolicies:
    """All NetworkPolicies of a cluster.

    Args:
        objects: NetworkPolicies (networking.k8s.io/v1) of all namespaces that questions are about.
            Other kinds of policies change the answer: where one is among them, questions about its
            namespace (of a cluster-scoped one: all questions) cannot be judged.
    """

    def __init__(self, objects: Iterable[Object]) -> None:
        self._index = Index(objects)

    def answers(self, questions: Iterable[Question]) -> list[Answer]:
        """Answer a table of questions, in their order."""
        return [self.answer(question) for question in questions]

    def answer(self, question: Question) -> Answer:
        """Answer one question."""
        source, destination = question.source, question.destination
        if isinstance(source, Pod) and source.is_same(destination):
            return Answer(question, Verdict.ALLOWED, "policies cannot keep a Pod from itself")
        answer = self._answer(question)
        as_nodes = question.with_host_network_as_nodes()
        if as_nodes == question:
            return answer
        return _agreed(answer, self._answer(as_nodes))

    def _answer(self, question: Question) -> Answer:
        """Answer the question with each end seen as it is given."""
        ends = (
            (Direction.EGRESS, question.source, question.destination),
            (Direction.INGRESS, question.destination, question.source),
        )
        sides = [
            self._side(direction, pod, other, question)
            for direction, pod, other in ends
            if isinstance(pod, Pod)
        ]
        if not sides:
            return Answer(question, Verdict.ALLOWED, "NetworkPolicies concern Pods alone")
        return from_sides(question, sides)

    def _side(self, direction: Direction, pod: Pod, other: Endpoint, question: Question) -> Side:
        """Judge one end of the connection, where the policies of the Pod's namespace count."""
        here = f"{direction} of {pod}"
        foreign = self._index.foreign(pod)
        if foreign is not None:
            why = f"{here} cannot be judged: {foreign.reason}"
            return Side(direction, Verdict.UNKNOWN, (), why)
        local = _is_local(pod, other)
        if local is True:
            why = f"{here} is allowed: a Pod and its own node always reach each other"
            return Side(direction, Verdict.ALLOWED, (), why)
        side = self._by_policies(direction, pod, other, question)
        if isinstance(local, Unknown) and side.verdict is not Verdict.ALLOWED:
            why = f"{here} cannot be judged: {local.reason}"
            return Side(direction, Verdict.UNKNOWN, side.policies, why)
        return side

    def _by_policies(
        self, direction: Direction, pod: Pod, other: Endpoint, question: Question
    ) -> Side:
        """Judge one end by the policies that select its Pod, and those that may select it."""
        selecting: list[_Read] = []
        perhaps: list[_Read] = []
        for policy in self._index.candidates(pod):
            selects = policy.selects(pod, direction)
            if selects is False:
                continue
            read = _Read(policy.name, selects, policy.allows(direction, question, other))
            if selects is True and read.allows is True:
                why = f"{direction} of {pod} is allowed: policy {policy.name} allows it"
                return Side(direction, Verdict.ALLOWED, (policy.name,), why)
            (selecting if selects is True else perhaps).append(read)
        by_name = attrgetter("name")
        verdict, names, why = _weigh(sorted(selecting, key=by_name), sorted(perhaps, key=by_name))
        verb = "" if verdict is Verdict.UNKNOWN else "is "
        return Side(direction, verdict, names, f"{direction} of {pod} {verb}{verdict}: {why}")


def _weigh(
    selecting: Sequence[_Read], perhaps: Sequence[_Read]
) -> tuple[Verdict, tuple[str, ...], str]:
    """Return the verdict when no policy is sure to select the Pod and to allow the connection.

    A policy that perhaps selects the Pod matters where it could change the answer: it allows what
    the others deny, or it denies what is open without it.
    """
    if selecting:
        doubtful = [one for one in selecting if one.allows is not False]
        doubtful += [one for one in perhaps if one.allows is not False]
    else:
        doubtful = [one for one in perhaps if one.allows is not True]
    if doubtful:
        return Verdict.UNKNOWN, tuple(one.name for one in doubtful), doubtful[0].doubt
    if selecting:
        names = tuple(one.name for one in selecting)
        verb = "selects" if len(names) == 1 else "select"
        return Verdict.DENIED, names, f"{listed(names)} {verb} it and no policy allows it"
    if perhaps:
        names = tuple(one.name for one in perhaps)
        return Verdict.ALLOWED, names, f"{listed(names)} would allow it, if it is selected at all"
    return Verdict.ALLOWED, (), "no policy selects it"


def _agreed(as_pods: Answer, as_nodes: Answer) -> Answer:
    """Return the answer that both ways to see Pods in the host network give, if it is the same."""
    if as_pods.verdict is as_nodes.verdict:
        return as_pods
    why = (
        "NetworkPolicies are not defined for Pods in the host network. As for any Pod:"
        f" {as_pods.why}. As for its node: {as_nodes.why}"
    )
    return Answer(as_pods.question, Verdict.UNKNOWN, why)


def _is_local(pod: Pod, other: Endpoint) -> Ternary:
    """Whether the other end is the node that runs the Pod, such as the kubelet."""
    if not isinstance(other, Node):
        return False
    if pod.node and other.name:
        return pod.node == other.name
    return Unknown(f"whether {other} runs {pod} is not known")
