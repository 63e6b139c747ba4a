"""Timestamps of the API: reading them, and what they say of how fresh an object is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from labgrader.kube.resources import dig


def moment(value: object) -> datetime | None:
    """Read a timestamp of the API; None where there is none, or none that makes sense."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def spec_just_changed(now: datetime, seconds: float, *objects: Mapping[str, Any] | None) -> bool:
    """Whether one of the objects was changed less than ``seconds`` ago by who sets its spec.

    Leaves out what an operator writes beside the spec (the status, annotations of its own), however
    often.
    """
    times = [
        moment(entry.get("time"))
        for entry in _entries(*objects)
        if not entry.get("subresource") and "f:spec" in dig(entry, "fieldsV1", {})
    ]
    return any(at and (now - at).total_seconds() < seconds for at in times)


def status_just_changed(now: datetime, seconds: float, *objects: Mapping[str, Any] | None) -> bool:
    """Whether the status of one of the objects was changed less than ``seconds`` ago."""
    times = [written_at(obj, "status") for obj in objects]
    return any(at and (now - at).total_seconds() < seconds for at in times)


def written_at(obj: Mapping[str, Any] | None, subresource: str) -> datetime | None:
    """Return when a subresource was changed last; None where that is not known."""
    own = [entry for entry in _entries(obj) if entry.get("subresource") == subresource]
    return max((at for entry in own if (at := moment(entry.get("time")))), default=None)


def _entries(*objects: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    return [entry for obj in objects for entry in dig(obj, "metadata.managedFields", [])]


def setter_of(obj: Mapping[str, Any] | None, part: str, field: str) -> str:
    """Return the program that has set a field of ``spec`` or ``status`` last; empty if unknown."""
    found = [
        (str(entry.get("time", "")), str(entry.get("manager", "")))
        for entry in _entries(obj)
        if f"f:{field}" in dig(entry, f"fieldsV1.f:{part}", {})
    ]
    return max(found, default=("", ""))[1]
