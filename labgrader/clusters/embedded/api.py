"""A very small HTTPS client for the cluster's own API server.

The full client costs a quarter of a second to import, which is much of a warm start.
"""

from __future__ import annotations

import http
import http.client
import json
import ssl
from typing import Any

from labgrader.clusters.embedded.pki import Pki


class NotReady(Exception):
    """The API server does not answer (yet): refused, reset, timed out, not the right server."""


class Api:
    """Requests as labgrader's own identity, over one connection at a time."""

    def __init__(self, port: int, pki: Pki, timeout: float = 5.0) -> None:
        """Make a client for loopback ``port``; ``timeout`` is in seconds, for each request.

        Raises:
            OSError: a certificate cannot be read (``ssl.SSLError``: it is not one).
        """
        self._port = port
        self._timeout = timeout
        self._tls = ssl.create_default_context(cafile=str(pki.pair("ca").certificate))
        client = pki.pair("provider")
        self._tls.load_cert_chain(client.certificate, client.key)
        self._connection: http.client.HTTPSConnection | None = None

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> tuple[int, Any]:
        """Return the status and the answer: parsed JSON, or bytes if it is something else.

        Raises:
            NotReady: no answer.
        """
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(
                "127.0.0.1", self._port, timeout=self._timeout, context=self._tls
            )
        try:
            self._connection.request(
                method, path, body, {"Content-Type": content_type, "Accept": accept}
            )
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            self._connection = None
            raise NotReady(str(error) or type(error).__name__) from error
        return response.status, _parsed(content)

    def get(self, path: str) -> Any:
        """Return the object at ``path``, or None when there is none.

        Raises:
            NotReady: no answer, or not one that a working server gives.
        """
        status, answer = self.request("GET", path)
        if status == http.HTTPStatus.OK:
            return answer
        if status == http.HTTPStatus.NOT_FOUND:
            return None
        raise NotReady(f"GET {path}: HTTP {status}")

    def create(self, path: str, content: dict[str, Any]) -> None:
        """Create an object; one that is there already is left alone.

        Raises:
            NotReady: the server does not take it (yet).
        """
        status, answer = self.request("POST", path, json.dumps(content).encode())
        if status not in (http.HTTPStatus.CREATED, http.HTTPStatus.CONFLICT):
            said = answer.get("message", "") if isinstance(answer, dict) else ""
            raise NotReady(f"POST {path}: HTTP {status} {said}".rstrip())

    def close(self) -> None:
        """Close the connection; the next request opens another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content
