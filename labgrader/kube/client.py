"""Client of an API server: implements ``protocols.Cluster`` over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableSequence, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from urllib3.exceptions import HTTPError

from labgrader.errors import ClusterError, Rejected
from labgrader.kube import discovery, responses, webhooks
from labgrader.kube.http import Http, transport_error
from labgrader.kube.kubeconfig import Connection
from labgrader.kube.protocols import WatchEvent
from labgrader.kube.resources import Object, Resource, name_of
from labgrader.kube.responses import Response

FIELD_MANAGER = "labgrader"
PAGE = 500
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


class Kube:
    """A Kubernetes API server. See ``kube.protocols.Cluster`` for what each method promises."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._http = Http(connection)
        self._known = False

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self._http.requests

    def close(self) -> None:
        """Close idle connections."""
        self._http.close()

    def marks(self) -> bool:
        """Whether answers repeat the ``Audit-ID`` of their request; see ``kube.http``."""
        return self._http.marks()

    def get(
        self, resource: Resource, name: str, namespace: str | None = None, *, timeout: float = 5
    ) -> Object | None:
        """Read one object."""
        response = self._find(resource, resource.path(namespace, name), {}, timeout)
        return None if response is None else responses.object_of(response, resource, name)

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
                response = self._find(resource, resource.path(namespace), query, timeout)
            except Rejected as error:
                if error.status != 410 or "limit" not in query:
                    raise
                # The list grew too old between two pages: once more, in one piece.
                items, query = [], {k: v for k, v in query.items() if k == "labelSelector"}
                continue
            if response is None:
                return None
            page = responses.list_of(response, resource)
            items.extend(page["items"])
            token = page["metadata"].get("continue")
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
        warnings: MutableSequence[str] | None = None,
    ) -> Object:
        """POST an object."""
        path = resource.path(namespace)
        response = self._write(resource, "POST", path, body, dry_run, timeout, warnings=warnings)
        if resource.plural.endswith("reviews"):
            return responses.review_of(response, resource)
        told = resource.kind if "/" in resource.plural else None  # of a group of its own
        return responses.object_of(response, resource, name_of(body), kind=told)

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
        path = resource.path(namespace, name_of(body))
        kind, force = "application/apply-patch+yaml", {"force": "true"}
        response = self._write(
            resource, "PATCH", path, body, dry_run, timeout, content_type=kind, query=force
        )
        return responses.object_of(response, resource, name_of(body))

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
        response = self._write(
            resource,
            "PATCH",
            path,
            patch,
            dry_run,
            timeout,
            content_type=f"application/{kind}+json",
            accept=accept,
        )
        if as_table:
            return responses.document(response, "Table")
        told = "Scale" if subresource == "scale" else None
        return responses.object_of(response, resource, name, kind=told)

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
        response = self._call(resource, "DELETE", path, timeout, body=body)
        if response.status == 404 and self._is_absent(response, resource, timeout):
            return False
        responses.deleted(response, resource, name)
        return True

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
        response = self._find(resource, path, query, 10)
        if response is None:
            return
        present = responses.list_of(response, resource)
        for item in present["items"]:
            yield WatchEvent("ADDED", item)
        yield WatchEvent("SYNCED", {})
        query["resourceVersion"] = str(present["metadata"].get("resourceVersion", ""))
        yield from self._changes(path, {**query, "watch": "1", "timeoutSeconds": str(seconds)})

    def _changes(self, path: str, query: Mapping[str, str]) -> Iterator[WatchEvent]:
        """Stream the changes since ``resourceVersion`` until the server ends the watch."""
        patience = int(query["timeoutSeconds"]) + 10
        headers = {"Accept": "application/json"}
        raw, marked = self._http.open("GET", path, query, headers, None, patience, stream=True)
        told = raw.headers.get("Content-Type", "")
        try:
            body = b"" if raw.status == 200 else raw.read()
            response = Response(f"watch {path}", raw.status, body, told, marked=marked)
            self._http.demand_genuine(response)
            if raw.status != 200:
                raise responses.refusal(response)
            for line in _lines(raw.stream(65536)):
                event = responses.watch_event(Response(f"watch {path}", 200, line, told))
                if event["type"] == "ERROR":
                    return  # the version grew too old: whoever watches begins anew
                yield WatchEvent(event["type"], event["object"])
        except (HTTPError, OSError) as error:
            raise transport_error(error, self.connection.host, patience) from error
        finally:
            raw.close()

    def document(self, path: str, kind: str, *, timeout: float = 5) -> Object | None:
        """GET a path that answers with JSON."""
        response = self._http.call("GET", path, timeout=timeout)
        if response.status == 404 and (
            responses.is_not_found(response)
            or self._is_unserved(response)
            or discovery.is_missing_version(path, self._document, timeout)
        ):
            return None
        return responses.document(response, kind)

    def text(self, path: str, *, timeout: float = 5) -> str | None:
        """GET a path that answers with text, such as a log."""
        response = self._http.call("GET", path, accept="text/plain, */*", timeout=timeout)
        if responses.is_not_found(response):
            return None
        if response.status != 200:
            raise responses.unexpected(response, "the text of an API server")
        return response.data.decode("utf-8", "replace")

    def version(self, *, timeout: float = 5) -> str:
        """GET ``/version``."""
        found = responses.version_of(self._http.call("GET", "/version", timeout=timeout))
        self._known = True
        return found

    def time(self, *, timeout: float = 5) -> datetime:
        """Return the API server's time by the ``Date`` of an answer, which nothing can refuse."""
        response = self._http.call("GET", "/version", timeout=timeout)
        responses.version_of(response)
        try:
            return parsedate_to_datetime(response.date)
        except ValueError as error:
            raise responses.unexpected(response, "an answer with a Date") from error

    def _document(self, path: str, kind: str, timeout: float) -> Object:
        return responses.document(self._http.call("GET", path, timeout=timeout), kind)

    def _find(
        self, resource: Resource, path: str, query: Mapping[str, str], timeout: float
    ) -> Response | None:
        """GET objects; None where they or their type are not there."""
        response = self._call(resource, "GET", path, timeout, query=query)
        if response.status == 404 and self._is_absent(response, resource, timeout):
            return None
        return response

    def _is_absent(self, response: Response, resource: Resource, timeout: float) -> bool:
        """Whether a 404 is the API server's: it has no such object, or no such type."""
        return (
            responses.is_not_found(response)
            or self._is_unserved(response)
            or not discovery.serves(resource, self._document, timeout)
        )

    def _is_unserved(self, response: Response) -> bool:
        """Whether the API server itself says that it serves no such path.

        At a wrong address it says so of every path: it must have told its version there as well.
        """
        if not discovery.is_plain_not_found(response):
            return False
        if not self._known:
            self.version()
        return True

    def _write(
        self,
        resource: Resource,
        method: str,
        path: str,
        body: object,
        dry_run: bool,
        timeout: float,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        query: Mapping[str, str] | None = None,
        warnings: MutableSequence[str] | None = None,
    ) -> Response:
        """Send an object; what is not there to be written is refused."""
        asked = {"fieldValidation": "Strict", "fieldManager": FIELD_MANAGER, **(query or {})}
        if dry_run:
            asked["dryRun"] = "All"
        response = self._call(
            resource,
            method,
            path,
            timeout,
            query=asked,
            body=body,
            content_type=content_type,
            accept=accept,
            warnings=warnings,
        )
        if response.status != 404:
            return response
        if responses.is_not_found(response):
            raise responses.refusal(response)
        if self._is_absent(response, resource, timeout):
            label = f"{resource.plural} of {resource.api_version}"
            raise Rejected(f"the API server has no {label}", status=404, reason="NotFound")
        raise responses.unexpected(response, f"an answer about {resource.plural}")

    def _call(
        self, resource: Resource, method: str, path: str, timeout: float, **more: Any
    ) -> Response:
        try:
            return self._http.call(method, path, timeout=timeout, **more)
        except ClusterError as error:
            raise webhooks.explained(error, resource, self._peek) from error

    def _peek(self, resource: Resource, name: str | None) -> Sequence[Object]:
        """Read what explains an error, quickly and without explaining its own errors."""
        response = self._http.call("GET", resource.path(name=name), timeout=2)
        if name is None:
            return tuple(responses.list_of(response, resource)["items"])
        return [responses.object_of(response, resource, name)]


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Cut a stream into its lines."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
    if rest.strip():  # an API server ends each event with a newline
        yield rest
