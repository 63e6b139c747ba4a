"""What NetworkPolicies mention: the labels, addresses and ports at which they may differ. Pure.

A policy treats all Pods alike that none of its selectors tells apart. So asking about one Pod for
each set of labels that is mentioned, and one that has none of them, finds what a table of questions
written beforehand cannot know.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labgrader.api import Object, dig

MOST = 6
"""How many different labels, addresses and ports are asked about."""

PEERS = {"ingress": "from", "egress": "to"}

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Mentioned:
    """What the rules of one direction mention."""

    pods: tuple[Labels, ...]
    namespaces: tuple[Labels, ...]
    addresses: tuple[str, ...]
    ports: tuple[tuple[int, str], ...]


def mentioned(policies: Sequence[Object], direction: str) -> Mentioned:
    """Return what policies mention in the rules of a direction."""
    rules = [rule for one in policies for rule in _list(dig(one, f"spec.{direction}"))]
    peers = [peer for rule in rules for peer in _list(rule.get(PEERS[direction]))]
    return Mentioned(
        _distinct(one for peer in peers for one in _labels(peer.get("podSelector"))),
        _distinct(one for peer in peers for one in _labels(peer.get("namespaceSelector"))),
        tuple(dict.fromkeys(one for peer in peers for one in _addresses(peer)))[:MOST],
        tuple(dict.fromkeys(one for rule in rules for one in _ports(rule)))[: 2 * MOST],
    )


def selected(policies: Sequence[Object]) -> tuple[Labels, ...]:
    """Return labels that policies select Pods of their namespace by."""
    return _distinct(one for obj in policies for one in _labels(dig(obj, "spec.podSelector")))


def only(policies: Sequence[Object], direction: str) -> list[Object]:
    """Return policies without what they say about the other direction."""
    kept = []
    for one in policies:
        spec = dict(one.get("spec") or {})
        types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
        name = direction.capitalize()
        if name in types:
            other = "egress" if direction == "ingress" else "ingress"
            spec.pop(other, None)
            kept.append({**one, "spec": {**spec, "policyTypes": [name]}})
    return kept


def _labels(selector: Any) -> Iterator[Labels]:
    """Yield labels that a selector selects, and some that it tells apart."""
    if not isinstance(selector, Mapping):
        return
    exact = dict(selector.get("matchLabels") or {})
    choices: list[dict[str, str]] = [exact]
    for one in _list(selector.get("matchExpressions")):
        key, values = str(one.get("key")), [str(value) for value in _list(one.get("values"))]
        if one.get("operator") in ("In", "NotIn", "Exists"):
            values = values if one.get("operator") == "In" else [*values, "something-else"]
            choices = [{**known, key: value} for known in choices for value in values]
    yield from choices[:MOST]


def _addresses(peer: Mapping[str, Any]) -> Iterator[str]:
    cidr = dig(peer, "ipBlock.cidr")
    if cidr is None:
        return
    try:
        network = ipaddress.ip_network(str(cidr), strict=False)
    except ValueError:
        return
    excepted = [ipaddress.ip_network(str(one)) for one in dig(peer, "ipBlock.except", [])]
    for at in (0, 1, network.num_addresses // 2, network.num_addresses - 1):
        address = network[min(at, network.num_addresses - 1)]
        if not any(address in one for one in excepted):
            yield str(address)
            return


def _ports(rule: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    for one in _list(rule.get("ports")):
        protocol = str(one.get("protocol") or "TCP")
        for port in (one.get("port"), one.get("endPort")):
            if isinstance(port, int):
                yield port, protocol


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _distinct(found: Iterator[Labels]) -> tuple[Labels, ...]:
    unique = {tuple(sorted(one.items())): one for one in found if one}
    return tuple(unique.values())[:MOST]
