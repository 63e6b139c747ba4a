"""The real cluster: the engine's ``Cluster`` port over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from urllib3.exceptions import HTTPError

from labgrader.cluster.http import Http, meaning, transport_error
from labgrader.cluster.kubeconfig import Connection
from labgrader.engine.ports import WatchEvent
from labgrader.model.errors import Rejected, Unreachable
from labgrader.model.resource import Object, Resource

FIELD_MANAGER = "labgrader"
PAGE = 500
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


class Kube:
    """A Kubernetes API server. See ``engine.ports.Cluster`` for what each method promises."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._http = Http(connection)

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self._http.requests

    def close(self) -> None:
        """Close idle connections."""
        self._http.close()

    def get(
        self, resource: Resource, name: str, namespace: str | None = None, *, timeout: float = 5
    ) -> Object | None:
        """Read one object."""
        status, data = self._http.call("GET", resource.path(namespace, name), timeout=timeout)
        return None if status == 404 else _object(data)

    def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        labels: str = "",
        timeout: float = 10,
    ) -> list[Object] | None:
        """Read a collection, page by page."""
        query = {"limit": str(PAGE)}
        if labels:
            query["labelSelector"] = labels
        items: list[Object] = []
        while True:
            try:
                status, data = self._http.call(
                    "GET", resource.path(namespace), query=query, timeout=timeout
                )
            except Rejected as error:
                if error.status != 410 or "limit" not in query:
                    raise
                # The list grew too old between two pages: once more, in one piece.
                items, query = [], {k: v for k, v in query.items() if k == "labelSelector"}
                continue
            if status == 404:
                return None
            page = _object(data)
            items.extend(page.get("items") or ())
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return items
            query["continue"] = token

    def create(
        self,
        resource: Resource,
        body: Object,
        namespace: str | None = None,
        *,
        dry_run: bool = False,
        timeout: float = 5,
    ) -> Object:
        """POST an object."""
        return self._write("POST", resource.path(namespace), body, dry_run, timeout)

    def apply(
        self,
        resource: Resource,
        body: Object,
        namespace: str | None = None,
        *,
        dry_run: bool = False,
        timeout: float = 10,
    ) -> Object:
        """Server-side apply."""
        path = resource.path(namespace, str(body["metadata"]["name"]))
        kind = "application/apply-patch+yaml"
        return self._write("PATCH", path, body, dry_run, timeout, kind, query={"force": "true"})

    def patch(
        self,
        resource: Resource,
        name: str,
        patch: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        namespace: str | None = None,
        *,
        subresource: str = "",
        dry_run: bool = False,
        as_table: bool = False,
        timeout: float = 5,
    ) -> Object:
        """Send a merge patch or a JSON patch."""
        path = resource.path(namespace, name) + (f"/{subresource}" if subresource else "")
        kind = "merge-patch" if isinstance(patch, Mapping) else "json-patch"
        accept = _TABLE if as_table else "application/json"
        return self._write(
            "PATCH", path, patch, dry_run, timeout, f"application/{kind}+json", accept=accept
        )

    def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        uid: str | None = None,
        foreground: bool = False,
        timeout: float = 5,
    ) -> bool:
        """Delete one object, by default in the background."""
        body: Object = {"kind": "DeleteOptions", "apiVersion": "v1"}
        body["propagationPolicy"] = "Foreground" if foreground else "Background"
        if uid:
            body["preconditions"] = {"uid": uid}
        path = resource.path(namespace, name)
        status, _ = self._http.call("DELETE", path, body=body, timeout=timeout)
        return status != 404

    def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        name: str | None = None,
        seconds: int = 60,
    ) -> Iterator[WatchEvent]:
        """Yield what is there, then what changes."""
        query = {"fieldSelector": f"metadata.name={name}"} if name else {}
        path = resource.path(namespace)
        status, data = self._http.call("GET", path, query=query, timeout=10)
        if status == 404:
            return
        present = _object(data)
        for item in present.get("items") or ():
            yield WatchEvent("ADDED", item)
        yield WatchEvent("SYNCED", {})
        query["resourceVersion"] = str((present.get("metadata") or {}).get("resourceVersion", ""))
        yield from self._changes(path, {**query, "watch": "1", "timeoutSeconds": str(seconds)})

    def _changes(self, path: str, query: Mapping[str, str]) -> Iterator[WatchEvent]:
        """Stream the changes since ``resourceVersion`` until the server ends the watch."""
        patience = int(query["timeoutSeconds"]) + 10
        headers = {"Accept": "application/json"}
        response = self._http.open("GET", path, query, headers, None, patience, stream=True)
        try:
            if response.status != 200:
                raise meaning(response.status, response.read(), f"watch {path}")
            for line in _lines(response.stream(65536)):
                event = _object(line)
                if event.get("type") == "ERROR":
                    return  # the version grew too old: whoever watches begins anew
                yield WatchEvent(str(event.get("type")), event.get("object") or {})
        except (HTTPError, OSError) as error:
            raise transport_error(error, self.connection.host, patience) from error
        finally:
            response.close()

    def read(self, path: str, *, timeout: float = 5) -> Object | str | None:
        """GET any path."""
        status, data = self._http.call("GET", path, accept="application/json, */*", timeout=timeout)
        if status == 404:
            return None
        try:
            parsed = json.loads(data)
        except ValueError:
            return data.decode("utf-8", "replace")
        return parsed if isinstance(parsed, dict) else data.decode("utf-8", "replace")

    def _write(
        self,
        method: str,
        path: str,
        body: object,
        dry_run: bool,
        timeout: float,
        content_type: str = "application/json",
        *,
        accept: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Object:
        asked = {"fieldValidation": "Strict", "fieldManager": FIELD_MANAGER, **(query or {})}
        if dry_run:
            asked["dryRun"] = "All"
        status, data = self._http.call(
            method,
            path,
            query=asked,
            body=body,
            content_type=content_type,
            accept=accept,
            timeout=timeout,
        )
        if status == 404:
            error = meaning(status, data, f"{method} {path}")
            raise error
        return _object(data)


def _object(data: bytes) -> Object:
    """Parse a JSON object; something else in its place means that this is no Kubernetes API."""
    try:
        parsed = json.loads(data)
    except ValueError as error:
        raise Unreachable(
            "The server answered something that is not JSON",
            "Does the kubeconfig name a Kubernetes API server?",
        ) from error
    if not isinstance(parsed, dict):
        raise Unreachable("The server answered JSON that is no object", "Is it a Kubernetes API?")
    return parsed


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Cut a stream into its lines."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
