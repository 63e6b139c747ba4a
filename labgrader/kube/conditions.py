"""Conditions in the status of an object, read as the API conventions define them. Pure.

Source: Kubernetes API conventions, "Typical status properties".
"""

from __future__ import annotations

from collections.abc import Mapping

from labgrader.kube.resources import Object, dig


def condition(obj: Object | None, *types: str) -> Object:
    """Return the first condition of one of these types; empty where there is none."""
    listed = dig(obj, "status.conditions", [])
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, Mapping) and one.get("type") in types:
            return dict(one)
    return {}


def is_true(obj: Object | None, kind: str) -> bool:
    """Whether a condition of this type has the status ``True``; absent and ``Unknown`` have not."""
    return condition(obj, kind).get("status") == "True"
