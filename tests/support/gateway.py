"""A gateway in front of an API server which now and then answers in its place, or breaks."""

from __future__ import annotations

import json
import random
import socket
import ssl
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import urllib3

from labgrader.kube.kubeconfig import Connection
from tests.support.fault_server import Answer, make_kubeconfig, send

PAGE = b"<html><body><h1>The page you look for</h1> was eaten by a webhook</body></html>"
JSON, HTML = {"Content-Type": "application/json"}, {"Content-Type": "text/html"}


def _status(code: int, reason: str) -> bytes:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
    return json.dumps({**body, "reason": reason, "message": "no"}).encode()


def _named(body: object) -> bytes:
    return json.dumps(body).encode()


FAULTS: dict[str, Answer | None] = {
    **{f"page {code}": (code, HTML, PAGE) for code in (400, 401, 403, 404, 405, 408, 409, 410)},
    **{f"page {code}": (code, HTML, PAGE) for code in (413, 418, 422, 431, 500, 502, 503, 504)},
    "plain 404": (404, {"Content-Type": "text/plain"}, b"404 page not found\n"),
    "empty 404": (404, {}, b""),
    "{} 404": (404, JSON, b"{}"),
    "{}": (200, JSON, b"{}"),
    "[]": (200, JSON, b"[]"),
    "nothing": (200, JSON, b""),
    "page": (200, HTML, PAGE),
    "Status with 200": (200, JSON, _status(404, "NotFound")),
    "other code": (404, JSON, _status(500, "InternalError")),
    "list without items": (200, JSON, _named({"kind": "List", "apiVersion": "v1", "metadata": {}})),
    "other object": (
        200,
        JSON,
        _named({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "other"}}),
    ),
    "cut": (200, {**JSON, "Content-Length": "5000"}, b'{"kind": "'),
    "deep": (200, JSON, b"[" * 100_000),
    "redirect": (302, {"Location": "https://127.0.0.1:1/login"}, b""),
    "dropped": None,
}
"""What it answers instead, by name; None drops the connection."""


class Gateway:
    """Passes requests on, and answers a share of them by one of ``FAULTS`` instead.

    Args:
        share: of the requests, from 0 to 1.
        tls: what it shows; plain HTTP without.
        seed: the same one gives the same faults to the same requests in the same order.
    """

    def __init__(
        self,
        upstream: Connection,
        *,
        share: float = 0,
        seed: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._random, self._share = random.Random(seed), share
        self._lock = threading.Lock()
        self._upstream = upstream
        self._pool = urllib3.PoolManager(maxsize=16, retries=False, ssl_context=upstream.tls)
        self.given: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._pool.clear()

    def kubeconfig(self) -> str:
        """Return a kubeconfig that leads through here; the gateway itself has the credentials."""
        return make_kubeconfig(self.url)

    def _pick(self) -> str:
        """Return the next request's fault; empty where it is passed on."""
        with self._lock:
            if self._random.random() >= self._share:
                return ""
            self.given.append(self._random.choice(list(FAULTS)))
            return self.given[-1]

    def _pass_on(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        kept = {k: v for k, v in headers.items() if k.lower() not in ("host", "authorization")}
        kept |= dict(self._upstream.headers())
        answer = self._pool.request(method, self._upstream.host + path, headers=kept, body=body)
        dropped = ("transfer-encoding", "content-length", "connection", "content-encoding")
        back = {k: v for k, v in answer.headers.items() if k.lower() not in dropped}
        return answer.status, back, answer.data

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fault = outer._pick()
                answer = (
                    FAULTS[fault]
                    if fault
                    else outer._pass_on(self.command, self.path, self.headers, body)
                )
                if answer is None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                send(self, answer)

            do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _serve  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        return Handler
