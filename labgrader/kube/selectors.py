"""Label selectors, as the API means them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labgrader.kube.resources import Object


def matches(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a selector (matchLabels, matchExpressions) fits; an empty one fits everything."""
    wanted: Mapping[str, str] = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_holds(one, labels) for one in selector.get("matchExpressions") or ())


def written(selector: Object) -> str:
    """Return a selector as ``kubectl -l`` takes it: ``app=x,tier in (a,b),!old``; empty for all."""
    exact: Mapping[str, str] = selector.get("matchLabels") or {}
    parts = [f"{key}={value}" for key, value in exact.items()]
    for one in selector.get("matchExpressions") or ():
        values = ",".join(map(str, one.get("values") or ()))
        form = {"In": "{} in ({})", "NotIn": "{} notin ({})", "Exists": "{}", "DoesNotExist": "!{}"}
        parts.append(form.get(str(one.get("operator")), "{}").format(one.get("key"), values))
    return ",".join(parts)


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    return {
        "In": key in labels and labels[key] in values,
        "NotIn": key not in labels or labels[key] not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }[expression["operator"]]
