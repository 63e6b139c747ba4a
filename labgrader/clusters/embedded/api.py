"""Requests to the cluster's own API server while it comes up, or may be down."""

from __future__ import annotations

import http
import json
import ssl
from typing import Any

from labgrader.clusters.embedded.pki import Pki
from labgrader.errors import ClusterError
from labgrader.kube.http import Http
from labgrader.kube.kubeconfig import Connection


class NotReady(Exception):
    """The API server does not answer (yet): refused, reset, timed out, not the right server."""


class Api:
    """Asks as labgrader's own identity; what is no answer is ``NotReady``."""

    def __init__(self, port: int, pki: Pki, timeout: float = 5.0) -> None:
        """Make a client for loopback ``port``; ``timeout`` is in seconds, for each request.

        Raises:
            OSError: a certificate cannot be read (``ssl.SSLError``: it is not one).
        """
        self._timeout = timeout
        tls = ssl.create_default_context(cafile=str(pki.pair("ca").certificate))
        client = pki.pair("provider")
        tls.load_cert_chain(client.certificate, client.key)
        host = f"https://127.0.0.1:{port}"
        self._http = Http(Connection(host, "", tls, list), connections=1)

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
        headers = {"Content-Type": content_type, "Accept": accept}
        try:
            raw, _ = self._http.open(method, path, None, headers, body, self._timeout, stream=False)
        except ClusterError as error:
            raise NotReady(str(error)) from error
        return raw.status, _parsed(raw.data)

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
        self._http.close()


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content
