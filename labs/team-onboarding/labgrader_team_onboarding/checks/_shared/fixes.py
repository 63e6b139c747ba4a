"""Makes commands that create or change objects of this lab. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from labgrader.api import Resource


def merge(resource: Resource, name: str, namespace: str | None, patch: Mapping[str, Any]) -> str:
    """Return the command that applies a merge patch."""
    where = f" -n {namespace}" if namespace else ""
    kind = resource.kind.lower()
    return f"kubectl patch {kind} {name}{where} --type=merge -p '{json.dumps(patch)}'"


def create(resource: Resource, body: Mapping[str, Any]) -> str:
    """Return the command that creates an object of which kubectl has no shorthand."""
    whole = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
    return f"echo '{json.dumps(whole)}' | kubectl apply -f -"
