"""HTTP requests to an API server: sends one, and maps failures to errors."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Iterable, Mapping, MutableSequence
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import urllib3
from urllib3 import HTTPHeaderDict
from urllib3.exceptions import (
    HTTPError,
    InsecureRequestWarning,
    NewConnectionError,
    ProtocolError,
    SSLError,
)
from urllib3.exceptions import (
    TimeoutError as HTTPTimeout,
)

from labgrader.errors import ClusterError, TimedOut, Unreachable
from labgrader.kube.kubeconfig import Connection
from labgrader.kube.responses import LOOK, Response, failure_of, refusal, unexpected

_WARNING = re.compile(r'\d{3} \S+ "(?P<text>(?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")

_TRIES = 3
"""How often a server is asked for a marked answer before it is taken for one that marks none."""


class Http:
    """A pool of connections to one API server. Safe to use from many threads."""

    def __init__(self, connection: Connection, *, connections: int = 8) -> None:
        self.connection = connection
        self.requests = 0
        self._marked: bool | None = None
        self._name, self._number = f"labgrader-{uuid4().hex}", itertools.count()
        options: dict[str, Any] = {
            "maxsize": connections,
            "retries": False,
            "ssl_context": connection.tls,
        }
        if connection.server_name:
            options["server_hostname"] = connection.server_name
            options["assert_hostname"] = connection.server_name
        if connection.insecure:  # said once, where the connection is chosen
            urllib3.disable_warnings(InsecureRequestWarning)
        self._pool = self._pool_of(options)
        # The manager looks for the pool anew each time, and there is only one host.
        self._host = None if connection.proxy else self._pool.connection_from_url(connection.host)
        self._base = (urllib3.util.parse_url(connection.host).path or "").rstrip("/")

    def _pool_of(self, options: Mapping[str, Any]) -> urllib3.PoolManager:
        if not self.connection.proxy:
            return urllib3.PoolManager(**options)
        from labgrader.kube import proxy

        return proxy.pool_of(self.connection, **options)

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
        warnings: MutableSequence[str] | None = None,
    ) -> Response:
        """Send one request and return the response, for 2xx and 404; raise for all else.

        Args:
            warnings: gets the texts of the response's ``Warning`` headers, of a refusal as well.

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
                raw, marked = self.open(method, path, query, headers, payload, left, stream=False)
            except Unreachable as error:
                if again and isinstance(error.__cause__, ProtocolError):
                    again = False
                    continue
                raise
            if raw.status == 429 and self._wait(raw, end):
                continue
            if warnings is not None:
                warnings += warning_texts(raw.headers.getlist("Warning"))
            response = Response(
                request=f"{method} {path}",
                status=raw.status,
                data=raw.data,
                content_type=raw.headers.get("Content-Type", ""),
                date=raw.headers.get("Date", ""),
                marked=marked,
            )
            if response.status < 500 or failure_of(response):  # a load balancer's says enough
                self.demand_genuine(response)
            if response.status < 300 or response.status == 404:
                return response
            raise refusal(response)

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
    ) -> tuple[urllib3.BaseHTTPResponse, bool]:
        """Send one request; return the raw response, and whether it repeats the ``Audit-ID``.

        Every API server does that, so what does not comes from something in front of it.
        Transport errors become ours.
        """
        self.requests += 1
        target = path + (f"?{urlencode(query)}" if query else "")
        mark = f"{self._name}-{next(self._number)}"
        sent: dict[str, str] | HTTPHeaderDict = {**headers, "Audit-ID": mark}
        credentials = self.connection.headers()
        if len({name for name, _ in credentials}) == len(credentials):
            sent |= dict(credentials)
        else:  # a name comes more than once, which takes a slower kind of map
            sent = HTTPHeaderDict(sent)
            for name, value in credentials:
                sent.add(name, value)
        options: dict[str, Any] = {
            "headers": sent,
            "body": payload,
            "timeout": urllib3.Timeout(connect=min(timeout, 5), read=timeout),
            "preload_content": not stream,
            "redirect": False,
        }
        try:
            if self._host is not None:
                raw = self._host.urlopen(method, self._base + target, retries=False, **options)
            else:
                raw = self._pool.request(method, self.connection.host + target, **options)
        except (HTTPError, OSError, ValueError) as error:
            raise transport_error(error, self.connection.host, timeout) from error
        # An aggregated API repeats it as well, and then it is there twice.
        repeated = raw.headers.get("Audit-ID", "")
        marked = mark in [one.strip() for one in repeated.split(",")]
        self._marked = marked or self._marked
        return raw, marked

    def demand_genuine(self, response: Response) -> None:
        """Raise where a response is not the API server's, although its own can be told.

        Every API server repeats the ``Audit-ID`` of a request. Where a gateway takes that away from
        all answers, none can be told, and the shape of each must do.
        """
        if not response.marked and self.marks():
            raise unexpected(response, "an answer of the API server")

    def marks(self) -> bool:
        """Whether the API server's answers carry the mark; one of them is enough to know."""
        for _ in range(_TRIES if self._marked is None else 0):
            raw, marked = self.open("GET", "/version", None, {}, None, 5, stream=False)
            raw.close()
            if marked:
                break
        self._marked = bool(self._marked)
        return self._marked

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


def warning_texts(headers: Iterable[str]) -> list[str]:
    """Return the texts of ``Warning`` headers, as the API server writes them: ``299 - "…"``."""
    found = (one for header in headers for one in _WARNING.finditer(header))
    return [_ESCAPED.sub(r"\1", one["text"]) for one in found]


def transport_error(error: Exception, host: str, timeout: float) -> ClusterError:
    """Say in one line why no answer came."""
    if isinstance(error, NewConnectionError):
        return Unreachable(f"The API server {host} refused the connection or cannot be found", LOOK)
    if isinstance(error, HTTPTimeout):
        return TimedOut(f"The API server {host} did not answer within {timeout:.0f} s", LOOK)
    if isinstance(error, SSLError):
        detail = str(error.args[0] if error.args else error).strip("()")
        return Unreachable(
            f"The TLS handshake with {host} failed: {detail}",
            "Is the kubeconfig of this cluster, and still valid? Get a fresh one",
        )
    return Unreachable(f"The connection to {host} broke: {type(error).__name__}", LOOK)
