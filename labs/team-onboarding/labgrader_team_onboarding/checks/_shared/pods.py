"""Makes Pods for dry runs: they meet Pod Security's level restricted, and ask for little. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from labgrader.api import Object
from labgrader.toolkit.admission import limits_of
from labgrader.toolkit.kubernetes import quantity

UNITS = {"cpu": Fraction(1, 1000), "memory": Fraction(1)}
"""The smallest amount of each resource that a container asks for here: 1m, one byte."""

SMALL = {"cpu": Fraction(10, 1000), "memory": Fraction(16 * 1024**2)}
"""What a container asks for where no LimitRange says otherwise."""

Amounts = Mapping[str, Fraction]


def written(resource: str, amount: Fraction) -> str:
    """Return an amount as a container writes it: millicores, bytes."""
    number = amount / UNITS[resource]
    whole = -(-number.numerator // number.denominator)
    return f"{whole}m" if resource == "cpu" else str(whole)


def pod(image: str, resources: Sequence[Mapping[str, Any]]) -> Object:
    """Return a Pod with one container for each entry of ``resources``."""
    return {
        "metadata": {"generateName": "labgrader-probe-"},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                container(f"probe-{number}", image, one) for number, one in enumerate(resources, 1)
            ],
        },
    }


def container(name: str, image: str, resources: Mapping[str, Any]) -> Object:
    """Return a container that meets Pod Security's level restricted."""
    return {
        "name": name,
        "image": image,
        "resources": dict(resources),
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }


def resources_of(amounts: Amounts, requests: Amounts | None = None) -> dict[str, Any]:
    """Return a container's resources: limits, and requests (the same where none are given)."""
    asked = amounts if requests is None else requests
    return {
        "requests": {name: written(name, amount) for name, amount in asked.items()},
        "limits": {name: written(name, amount) for name, amount in amounts.items()},
    }


def within(limit_ranges: Sequence[Object]) -> dict[str, Fraction]:
    """Return small amounts that LimitRanges allow a container: requests and limits alike."""
    found = {}
    for resource, small in SMALL.items():
        amount = max(small, *bound(limit_ranges, "min", resource), Fraction(0))
        found[resource] = min(amount, *bound(limit_ranges, "max", resource), amount)
    return found


def bound(limit_ranges: Sequence[Object], key: str, resource: str) -> list[Fraction]:
    """Return the amounts that LimitRanges set for containers under ``min``, ``max`` and so on."""
    read = (quantity(one) for one in limits_of(limit_ranges, "Container", key, resource))
    return [one for one in read if one is not None]


def small_pod(image: str, limit_ranges: Sequence[Object]) -> Object:
    """Return a Pod with one container that asks for little."""
    return pod(image, [resources_of(within(limit_ranges))])
