"""The record of what was done to the lab's objects: the API server's audit log, read back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labgrader.engine.ports import Deed
from labgrader.model.resource import Resource

_WRITES = {"create", "update", "patch", "delete", "deletecollection"}


class AuditRecord:
    """See ``engine.ports.Record``.

    Args:
        log: the audit log; older parts of it lie beside it.
    """

    def __init__(self, log: Path) -> None:
        self._log = log

    def deeds(self, resource: Resource, namespace: str) -> list[Deed]:
        """Return the writes to objects of one type in one namespace."""
        return [
            _deed(event)
            for event in self._events(f'"resource":"{resource.plural}"')
            if _is_about(event, resource, namespace)
        ]

    def _events(self, needle: str) -> Iterator[dict[str, Any]]:
        """Yield the events in whose line ``needle`` stands, oldest first."""
        marked = needle.encode()
        # The server puts the time into the names of older parts, so the name's order is right.
        older = sorted(self._log.parent.glob(f"{self._log.stem}-*{self._log.suffix}"))
        for path in [*older, self._log]:
            try:
                lines = path.read_bytes().splitlines()
            except OSError:
                continue
            for line in lines:
                if marked in line:
                    try:
                        event = json.loads(line)
                    except ValueError:  # the last line, half written
                        continue
                    if isinstance(event, dict):
                        yield event


def _is_about(event: dict[str, Any], resource: Resource, namespace: str) -> bool:
    about = event.get("objectRef") or {}
    return (
        event.get("stage") == "ResponseComplete"
        and event.get("verb") in _WRITES
        and about.get("resource") == resource.plural
        and about.get("apiGroup", "") == resource.group
        and about.get("namespace") == namespace
        and not (event.get("requestURI") or "").count("dryRun=")
    )


def _deed(event: dict[str, Any]) -> Deed:
    about = event["objectRef"]
    after = event.get("responseObject") or {}
    name = about.get("name") or (after.get("metadata") or {}).get("name") or ""
    return Deed(
        at=str(event.get("stageTimestamp", "")),
        user=str((event.get("user") or {}).get("username", "")),
        verb=str(event["verb"]),
        name=str(name),
        subresource=str(about.get("subresource", "")),
        code=int((event.get("responseStatus") or {}).get("code") or 0),
        before=event.get("requestObject") or {},
        after=after,
    )
