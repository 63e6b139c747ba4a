"""Reads the audit log of the embedded API server: writes to the labs' objects."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labgrader.kube.protocols import AuditedWrite
from labgrader.kube.resources import DEPLOYMENT, Resource
from labgrader.model.manifest import Manifest
from labgrader.toolkit.audit_policy import BadPolicy, Policy, Request

_WRITES = {"create", "update", "patch", "delete", "deletecollection"}


@dataclass(slots=True)
class _Tail:
    """The writes that were found so far, and how far each part of the log was read."""

    writes: list[AuditedWrite] = field(default_factory=list)
    read: dict[int, int] = field(default_factory=dict)


class AuditRecord:
    """See ``kube.protocols.AuditLog``. What was read once is not read again.

    Args:
        log: the audit log; older parts of it lie beside it.
        policy: the policy that the API server was started with; needed by ``keeps`` alone.
    """

    def __init__(self, log: Path, policy: Path | None = None) -> None:
        self._log = log
        self._policy = policy
        self._tails: dict[tuple[Resource, str], _Tail] = {}
        self._lock = threading.Lock()

    def keeps(self, resource: Resource, namespace: str, *, contents: bool = False) -> bool:
        """Whether writes to objects of a type in a namespace are kept, by the policy in force."""
        return self._policy is not None and keeps(
            self._policy, resource, namespace, contents=contents
        )

    def audited_writes(self, resource: Resource, namespace: str) -> list[AuditedWrite]:
        """Return the writes to objects of one type in one namespace."""
        with self._lock:
            tail = self._tails.setdefault((resource, namespace), _Tail())
            tail.writes += [
                _deed(event)
                for event in self._events(f'"resource":"{resource.plural}"', tail.read)
                if _is_about(event, resource, namespace)
            ]
            return list(tail.writes)

    def _events(self, needle: str, read: dict[int, int]) -> list[dict[str, Any]]:
        """Return the new events in whose line ``needle`` stands, oldest first.

        Args:
            read: how many bytes of which file (by its inode: it is renamed) were read; is renewed.
        """
        found: list[dict[str, Any]] = []
        before, parts = None, self._parts()
        while parts != before:  # a log that was renamed between the look and the reading
            for path in [*parts, self._log]:
                found += _events_of(_new_lines(path, read), needle.encode())
            before, parts = parts, self._parts()
        return sorted(found, key=lambda event: str(event.get("stageTimestamp", "")))

    def _parts(self) -> list[Path]:
        """Return the older parts; the server puts the time into their names."""
        return sorted(self._log.parent.glob(f"{self._log.stem}-*{self._log.suffix}"))


def keeps(policy: Path, resource: Resource, namespace: str, *, contents: bool = False) -> bool:
    """Whether an API server with this policy writes down what people do to objects of a type."""
    try:
        rules = Policy.of(json.loads(policy.read_bytes()))
    except (OSError, ValueError, BadPolicy):
        return False
    people = ["system:authenticated"]
    asked = Request("", people, "update", resource.group, resource.plural, namespace, "any")
    level = rules.level(asked)
    return level == "RequestResponse" if contents else level != "None"


def unrecorded(policy: Path, manifest: Manifest) -> list[str]:
    """Return the namespaces and API groups of a lab that a cluster with this policy leaves out."""
    spaces = [one for one in manifest.namespaces if not keeps(policy, DEPLOYMENT, one)]
    groups = [
        group
        for group in manifest.recorded_groups
        if not keeps(policy, Resource(group, "v1", "any", "Any"), manifest.namespace, contents=True)
    ]
    return spaces + groups


def _events_of(lines: Iterable[bytes], marked: bytes) -> Iterator[dict[str, Any]]:
    for line in lines:
        if marked in line and not _changes_nothing(line):
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                yield event


def _new_lines(path: Path, read: dict[int, int]) -> list[bytes]:
    """Return the whole lines that came to a file since it was read last."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            known = read.get(found.st_ino, 0)
            begin = known if known <= found.st_size else 0  # another file, of the same inode
            file.seek(begin)
            whole, newline, _ = file.read().rpartition(b"\n")  # the last line may be half written
    except OSError:
        return []
    read[found.st_ino] = begin + len(whole) + len(newline)
    return whole.split(b"\n")


def _changes_nothing(line: bytes) -> bool:
    """Whether one sees at a line's head, without parsing it, that it tells of no write."""
    head, user, _ = line.partition(b',"user":')
    reads = any(word in head for word in (b'"verb":"get"', b'"verb":"list"', b'"verb":"watch"'))
    return bool(user) and (reads or b"dryRun=" in head)


def _is_about(event: dict[str, Any], resource: Resource, namespace: str) -> bool:
    about = event.get("objectRef") or {}
    return (
        event.get("stage") == "ResponseComplete"
        and event.get("verb") in _WRITES
        and about.get("resource") == resource.plural
        and about.get("apiGroup", "") == resource.group
        and about.get("namespace") == namespace
        and not _is_dry_run(event)
    )


def _is_dry_run(event: dict[str, Any]) -> bool:
    """Whether it was only asked what would be; a deletion may say so in its body."""
    body = event.get("requestObject")  # of a JSON patch it is a list
    in_body = isinstance(body, dict) and bool(body.get("dryRun"))
    return in_body or "dryRun=" in (event.get("requestURI") or "")


def _deed(event: dict[str, Any]) -> AuditedWrite:
    about = event["objectRef"]
    after = event.get("responseObject") or {}
    name = about.get("name") or (after.get("metadata") or {}).get("name") or ""
    user = event.get("user") or {}
    return AuditedWrite(
        at=str(event.get("stageTimestamp", "")),
        user=str(user.get("username", "")),
        verb=str(event["verb"]),
        name=str(name),
        subresource=str(about.get("subresource", "")),
        code=int((event.get("responseStatus") or {}).get("code") or 0),
        after=after,
        pod=_extra(user, "pod-name"),
        pod_uid=_extra(user, "pod-uid"),
        agent=str(event.get("userAgent") or ""),
        address=str(next(iter(event.get("sourceIPs") or ()), "")),
    )


def _extra(user: dict[str, Any], key: str) -> str:
    """Return what the authenticator knows of a service account's token besides its user."""
    values = (user.get("extra") or {}).get(f"authentication.kubernetes.io/{key}") or [""]
    return str(values[0])
