"""One HTTP request to an API server, and what its failures mean."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import (
    HTTPError,
    NewConnectionError,
    ProtocolError,
    SSLError,
)
from urllib3.exceptions import (
    TimeoutError as HTTPTimeout,
)

from labgrader.cluster.kubeconfig import Connection
from labgrader.model.errors import (
    ClusterError,
    Forbidden,
    LabError,
    Rejected,
    TimedOut,
    Unreachable,
)

_LOOK = (
    "Look at it with `labgrader cluster status`; start the lab's own with `labgrader cluster up`"
)


class Http:
    """A pool of connections to one API server. Safe to use from many threads."""

    def __init__(self, connection: Connection, *, connections: int = 8) -> None:
        self.connection = connection
        self.requests = 0
        options: dict[str, Any] = {
            "maxsize": connections,
            "retries": False,
            "ssl_context": connection.tls,
        }
        if connection.server_name:
            options["server_hostname"] = connection.server_name
            options["assert_hostname"] = connection.server_name
        self._pool: urllib3.PoolManager = (
            urllib3.ProxyManager(connection.proxy, **options)
            if connection.proxy
            else urllib3.PoolManager(**options)
        )
        # The manager looks for the pool anew each time, and there is only one host.
        self._host = None if connection.proxy else self._pool.connection_from_url(connection.host)
        self._base = (urllib3.util.parse_url(connection.host).path or "").rstrip("/")

    def close(self) -> None:
        """Close idle connections."""
        self._pool.clear()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout: float,
    ) -> tuple[int, bytes]:
        """Send one request and return status and body, for 2xx and 404; raise for all else.

        A 429 is repeated as the server asks while time is left; a GET whose idle connection turned
        out to be closed is sent once more.
        """
        end = time.monotonic() + timeout
        payload = None if body is None else json.dumps(body).encode()
        headers = {"Accept": accept, "Content-Type": content_type}
        again = method == "GET"
        while True:
            left = max(0.05, end - time.monotonic())
            try:
                response = self.open(method, path, query, headers, payload, left, stream=False)
            except Unreachable as error:
                if again and isinstance(error.__cause__, ProtocolError):
                    again = False
                    continue
                raise
            if response.status == 429 and self._wait(response, end):
                continue
            data = response.data
            if response.status < 300 or response.status == 404:
                return response.status, data
            raise meaning(response.status, data, f"{method} {path}")

    def open(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str],
        payload: bytes | None,
        timeout: float,
        *,
        stream: bool,
    ) -> urllib3.BaseHTTPResponse:
        """Send one request and return the raw response; transport errors become ours."""
        self.requests += 1
        target = path + (f"?{urlencode(query)}" if query else "")
        options: dict[str, Any] = {
            "headers": {**headers, **self.connection.headers()},
            "body": payload,
            "timeout": urllib3.Timeout(connect=min(timeout, 5), read=timeout),
            "preload_content": not stream,
            "redirect": False,
        }
        try:
            if self._host is not None:
                return self._host.urlopen(method, self._base + target, retries=False, **options)
            return self._pool.request(method, self.connection.host + target, **options)
        except (HTTPError, OSError, ValueError) as error:
            raise transport_error(error, self.connection.host, timeout) from error

    @staticmethod
    def _wait(response: urllib3.BaseHTTPResponse, end: float) -> bool:
        """Sleep as ``Retry-After`` asks; False when that would be after ``end``."""
        try:
            pause = max(0.1, float(response.headers.get("Retry-After", "1")))
        except ValueError:
            pause = 1.0
        if time.monotonic() + pause >= end:
            return False
        time.sleep(pause)
        return True


def transport_error(error: Exception, host: str, timeout: float) -> ClusterError:
    """Say in one line why no answer came."""
    if isinstance(error, NewConnectionError):
        return Unreachable(
            f"The API server {host} refused the connection or cannot be found", _LOOK
        )
    if isinstance(error, HTTPTimeout):
        return TimedOut(f"The API server {host} did not answer within {timeout:.0f} s", _LOOK)
    if isinstance(error, SSLError):
        detail = str(error.args[0] if error.args else error).strip("()")
        return Unreachable(
            f"The TLS handshake with {host} failed: {detail}",
            "Is the kubeconfig of this cluster, and still valid? Get a fresh one",
        )
    return Unreachable(f"The connection to {host} broke: {type(error).__name__}", _LOOK)


def meaning(status: int, data: bytes, what: str) -> LabError:
    """Turn an HTTP error answer into ours; the server's own words are kept, on one line."""
    body = parse_status(data)
    message = " ".join(str(body.get("message") or data[:300].decode("utf-8", "replace")).split())
    reason = str(body.get("reason") or "")
    if status == 401:
        return Forbidden(
            "The API server does not accept these credentials (401)",
            "They may have expired: get a fresh kubeconfig",
        )
    if status == 403 and (('User "' in message and " cannot " in message) or not body):
        return Forbidden(message or f"{what} is forbidden", "Use credentials that may do this")
    if status < 400:
        return Unreachable(f"The server answered {status}, as no Kubernetes API does", _LOOK)
    if status in (429, 502, 503, 504) and "webhook" not in message:
        return Unreachable(f"The API server is not able to answer now ({status}): {message}", _LOOK)
    if status >= 500 and "webhook" not in message:
        return Unreachable(f"The API server failed ({status}): {message}", _LOOK)
    causes = (body.get("details") or {}).get("causes") or ()
    fields = tuple(str(c.get("field", "")) for c in causes if isinstance(c, dict))
    return Rejected(message, status=status, reason=reason, fields=fields)


def parse_status(data: bytes) -> dict[str, Any]:
    """Return a ``Status`` body, or an empty dict where it is something else."""
    try:
        body = json.loads(data)
    except ValueError:
        return {}
    return body if isinstance(body, dict) and body.get("kind") == "Status" else {}
