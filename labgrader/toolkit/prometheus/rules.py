"""Rule files for Prometheus, made of PrometheusRules. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def groups_of(rules: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a rule file with the groups of PrometheusRules, each group under a name of its own."""
    groups = [
        {**group, "name": f"{group.get('name')} {at} {number}"}
        for at, rule in enumerate(rules)
        for number, group in enumerate((rule.get("spec") or {}).get("groups") or ())
    ]
    allowed = ("name", "interval", "limit", "rules", "query_offset", "labels")
    return {"groups": [{key: one[key] for key in allowed if key in one} for one in groups]}
