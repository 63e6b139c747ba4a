"""Timestamps of the API: reading them, and what they say of how fresh an object is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from labgrader.model.resource import dig


def moment(value: object) -> datetime | None:
    """Read a timestamp of the API; None where there is none, or none that makes sense."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def just_changed(now: datetime, seconds: float, *objects: Mapping[str, Any] | None) -> bool:
    """Whether somebody has written one of the objects less than ``seconds`` before ``now``."""
    fields = [entry for obj in objects for entry in dig(obj, "metadata.managedFields", [])]
    stamps = [moment(entry.get("time")) for entry in fields]
    return any(at and (now - at).total_seconds() < seconds for at in stamps)
