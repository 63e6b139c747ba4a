"""Reads the tables of questions in ``tests/data/network_policies``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from labgrader.toolkit.network_policies.peers import (
    Address,
    ContainerPort,
    Endpoint,
    Node,
    Pod,
    Question,
)

FOLDER = Path(__file__).parents[3] / "data" / "network_policies"
PEERS = "peers.yaml"
QUESTION = re.compile(r"(?P<source>\S+) -> (?P<to>[^:\s]+):(?P<port>\d+)(/(?P<protocol>\w+))?")


@dataclass(frozen=True)
class Case:
    """Policies, and what follows from one rule of the documentation: answers by question."""

    name: str
    rule: str
    policies: tuple[dict[str, Any], ...]
    answers: dict[str, str]


def cases() -> Iterator[Case]:
    """Yield all cases of all tables."""
    for path in sorted(FOLDER.glob("*.yaml")):
        if path.name == PEERS:
            continue
        for item in yaml.safe_load(path.read_text()):
            policies = tuple(_policy(one, index) for index, one in enumerate(item["policies"]))
            name = f"{path.stem}: {item['case']}"
            yield Case(name, item["rule"], policies, item["questions"])


def question(written: str) -> Question:
    """Return a question written as ``web -> db:5432/UDP``; TCP where there is no protocol."""
    found = QUESTION.fullmatch(written)
    assert found, written
    source, to = peers()[found["source"]], peers()[found["to"]]
    return Question(source, to, int(found["port"]), found["protocol"] or "TCP")


@cache
def peers() -> dict[str, Endpoint]:
    """Return the ends of connections by the names that the tables use."""
    content = yaml.safe_load((FOLDER / PEERS).read_text())
    found: dict[str, Endpoint] = {}
    for name, fields in content["pods"].items():
        ports = tuple(ContainerPort(**port) for port in fields.pop("ports", ()))
        labels = content["namespaces"][fields["namespace"]]
        addresses = tuple(fields.pop("addresses", ()))
        found[name] = Pod(
            name=name, namespace_labels=labels, ports=ports, addresses=addresses, **fields
        )
    for name, fields in content["nodes"].items():
        found[name] = Node(fields.get("name", ""), tuple(fields.get("addresses", ())))
    return found | {name: Address(ip) for name, ip in content["addresses"].items()}


def _policy(item: dict[str, Any], index: int) -> dict[str, Any]:
    """Return a table's short form as an object of the API."""
    meta = {"name": item.get("name", f"p{index}")}
    if "namespace" in item:
        meta["namespace"] = item["namespace"]
    return {
        "apiVersion": item.get("apiVersion", "networking.k8s.io/v1"),
        "kind": item.get("kind", "NetworkPolicy"),
        "metadata": meta,
        **({"spec": item["spec"]} if "spec" in item else {}),
    }
