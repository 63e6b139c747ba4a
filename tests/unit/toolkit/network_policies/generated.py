"""Random but valid NetworkPolicies and Pods, from a seed; and an oracle that works with sets."""

from __future__ import annotations

import random
from ipaddress import ip_address, ip_network
from itertools import product
from typing import Any

from labgrader.toolkit.network_policies.peers import (
    NAME_LABEL,
    Address,
    ContainerPort,
    Endpoint,
    Pod,
    Question,
)

Object = dict[str, Any]
Triple = tuple[int, int, tuple[int, str]]
"""Source and destination by their place in ``ENDS``, and a port with its protocol."""

NAMESPACES: dict[str, dict[str, str]] = {
    "red": {"team": "red"},
    "blue": {"team": "blue", "size": "big"},
    "bare": {},
}
LABELS: tuple[dict[str, str], ...] = (
    {"app": "web", "tier": "front"},
    {"app": "db"},
    {"app": "api", "tier": "back"},
    {},
)
PORTS = ((80, "TCP"), (8080, "TCP"), (8081, "TCP"), (53, "UDP"), (53, "TCP"), (80, "SCTP"))
NAMED = {
    "red": (ContainerPort("http", 8080), ContainerPort("dns", 53, "UDP")),
    "blue": (ContainerPort("http", 80), ContainerPort("dns", 53)),
    "bare": (),
}
PODS = [
    Pod(namespace, labels, NAMESPACES[namespace], f"{namespace}-{index}", NAMED[namespace])
    for namespace in NAMESPACES
    for index, labels in enumerate(LABELS)
]
ADDRESSES = [Address(ip) for ip in ("192.0.2.7", "192.0.2.200", "2001:db8::7", "2001:db8:f::1")]
ENDS: list[Endpoint] = [*PODS, *ADDRESSES]
QUESTIONS = [
    Question(source, destination, *port)
    for source, destination, port in product(ENDS, ENDS, PORTS)
    if source is not destination
]


def some_policies(dice: random.Random, *, blocks: bool) -> list[Object]:
    """Return one to six policies; with ``blocks``, ipBlocks too (Pods then cannot be judged)."""
    return [some_policy(dice, f"p{index}", blocks) for index in range(dice.randint(1, 6))]


def some_policy(dice: random.Random, name: str, blocks: bool) -> Object:
    """Return a policy that the API server would admit."""
    spec: Object = {"podSelector": _selector(dice, "app", "tier")}
    types = dice.choice((None, [], ["Ingress"], ["Egress"], ["Ingress", "Egress"]))
    if types is not None:
        spec["policyTypes"] = types
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        if dice.random() < 0.75:
            rules = [_rule(dice, peers, blocks) for _ in range(dice.choice((0, 1, 1, 2)))]
            spec[direction] = rules
    namespace = dice.choice(list(NAMESPACES))
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def _rule(dice: random.Random, peers: str, blocks: bool) -> Object:
    rule: Object = {}
    if dice.random() < 0.8:
        rule[peers] = [_peer(dice, blocks) for _ in range(dice.choice((0, 1, 1, 2)))]
    if dice.random() < 0.6:
        rule["ports"] = [_port(dice) for _ in range(dice.choice((0, 1, 1, 2)))]
    return rule


def _peer(dice: random.Random, blocks: bool) -> Object:
    shape = dice.choice(("pods", "namespaces", "both", *(("block",) if blocks else ())))
    if shape == "block":
        return {
            "ipBlock": dice.choice(
                (
                    {"cidr": "192.0.2.0/24", "except": ["192.0.2.128/25"]},
                    {"cidr": "0.0.0.0/0"},
                    {"cidr": "2001:db8::/32", "except": ["2001:db8:f::/48"]},
                    {"cidr": "2001:db8:f::1/128"},
                )
            )
        }
    peer = {}
    if shape in ("pods", "both"):
        peer["podSelector"] = _selector(dice, "app", "tier")
    if shape in ("namespaces", "both"):
        peer["namespaceSelector"] = _selector(dice, "team", "size", NAME_LABEL)
    return peer


def _selector(dice: random.Random, *keys: str) -> Object:
    values = {
        "app": ["web", "db", "api"],
        "tier": ["front", "back"],
        "team": ["red", "blue"],
        "size": ["big"],
        NAME_LABEL: list(NAMESPACES),
    }
    selector: Object = {}
    if dice.random() < 0.4:
        key = dice.choice(keys)
        selector["matchLabels"] = {key: dice.choice(values[key])}
    if dice.random() < 0.4:
        key, operator = dice.choice(keys), dice.choice(("In", "NotIn", "Exists", "DoesNotExist"))
        one: Object = {"key": key, "operator": operator}
        if operator in ("In", "NotIn"):
            one["values"] = dice.sample(values[key], dice.randint(1, len(values[key])))
        selector["matchExpressions"] = [one]
    return selector


def _port(dice: random.Random) -> Object:
    port: Object = dice.choice(
        (
            {},
            {"port": 80},
            {"port": 8080},
            {"port": 53},
            {"port": "http"},
            {"port": "dns"},
            {"port": 8000, "endPort": dice.choice((8000, 8080, 9000))},
        )
    )
    protocol = dice.choice((None, None, "TCP", "UDP", "SCTP"))
    return {**port, **({"protocol": protocol} if protocol else {})}


def reachable(policies: list[Object]) -> set[Triple]:
    """Return all connections that policies allow, as sets: the oracle.

    It starts from all connections, takes away what isolation closes, and adds what rules open, for
    each direction; both have to allow. Addresses of Pods are in no block.
    """
    universe = set(product(range(len(ENDS)), range(len(ENDS)), PORTS))
    return _through(policies, "egress", 0, universe) & _through(policies, "ingress", 1, universe)


def _through(
    policies: list[Object], direction: str, mine: int, universe: set[Triple]
) -> set[Triple]:
    closed: set[int] = set()
    opened: set[Triple] = set()
    for policy in policies:
        spec, namespace = policy["spec"], policy["metadata"]["namespace"]
        if direction.capitalize() not in _types(spec):
            continue
        selected = {
            index
            for index, pod in enumerate(PODS)
            if pod.namespace == namespace and _fits(spec["podSelector"], pod.labels)
        }
        closed |= selected
        for rule in spec.get(direction, []):
            ends = _ends(rule.get("from" if mine else "to") or [], namespace)
            opened |= {
                triple
                for triple in universe
                if triple[mine] in selected
                and triple[1 - mine] in ends
                and _passes(rule.get("ports") or [], triple)
            }
    return {triple for triple in universe if triple[mine] not in closed} | opened


def _types(spec: Object) -> list[str]:
    return spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]


def _ends(peers: list[Object], namespace: str) -> set[int]:
    if not peers:
        return set(range(len(ENDS)))
    found: set[int] = set()
    for peer in peers:
        if "ipBlock" in peer:
            found |= {
                index
                for index, end in enumerate(ENDS)
                if isinstance(end, Address) and _holds(peer["ipBlock"], end.ip)
            }
            continue
        spaces = {namespace}
        if "namespaceSelector" in peer:
            spaces = {
                name
                for name, labels in NAMESPACES.items()
                if _fits(peer["namespaceSelector"], {**labels, NAME_LABEL: name})
            }
        found |= {
            index
            for index, pod in enumerate(PODS)
            if pod.namespace in spaces and _fits(peer.get("podSelector", {}), pod.labels)
        }
    return found


def _fits(selector: Object, labels: Any) -> bool:
    pairs = set(labels.items())
    fits = set(selector.get("matchLabels", {}).items()) <= pairs
    for one in selector.get("matchExpressions", []):
        wanted = {(one["key"], value) for value in one.get("values", [])}
        there = bool({key for key, _ in pairs} & {one["key"]})
        fits &= {
            "In": bool(wanted & pairs),
            "NotIn": not wanted & pairs,
            "Exists": there,
            "DoesNotExist": not there,
        }[one["operator"]]
    return fits


def _holds(block: Object, ip: str) -> bool:
    inside = [
        ip_address(ip) in ip_network(one) for one in (block["cidr"], *block.get("except", []))
    ]
    return inside[0] and not any(inside[1:])


def _passes(ports: list[Object], triple: Triple) -> bool:
    _, to, (number, protocol) = triple
    names = NAMED[PODS[to].namespace] if to < len(PODS) else ()
    for item in ports:
        first = item.get("port", 1)
        last = item.get("endPort", first if "port" in item else 65535)
        if isinstance(first, str):
            passes = ContainerPort(first, number, protocol) in names
        else:
            passes = number in range(first, last + 1)
        if passes and protocol == item.get("protocol", "TCP"):
            return True
    return not ports
