"""An HTTP server on loopback that answers as a test tells it to, also wrongly."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

Answer = tuple[int, dict[str, str], bytes]


def status(code: int, message: str, reason: str = "", **more: Any) -> Answer:
    """Return a Kubernetes ``Status`` answer."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, **more}
    body |= {"message": message, "reason": reason}
    return code, {"Content-Type": "application/json"}, json.dumps(body).encode()


def ok(body: object) -> Answer:
    """Return a JSON answer."""
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


def send(
    handler: BaseHTTPRequestHandler, answer: Answer, more: Sequence[tuple[str, str]] = ()
) -> None:
    """Send an answer with more headers; one that promises more than it gives cuts the line."""
    code, headers, body = answer
    handler.send_response_only(code)
    for name, value in (*more, *headers.items()):
        handler.send_header(name, value)
    if "Content-Length" not in headers:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
    if int(headers.get("Content-Length", len(body))) != len(body):
        handler.close_connection = True


class OddServer:
    """``answer`` gets the method and path and returns an answer, or None to drop the line.

    ``marks`` says of a path how often its answer repeats the request's ``Audit-ID``.
    """

    def __init__(
        self,
        answer: Callable[[str, str], Answer | None],
        *,
        marks: Callable[[str], int] = lambda _: True,
    ) -> None:
        self.answer = answer
        self.seen: list[tuple[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # in one piece: else the body waits for the head's acknowledgement

            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(length)
                outer.seen.append((self.command, self.path))
                answer = outer.answer(self.command, self.path)
                if answer is None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                # As every API server does; with an aggregated API behind it, both do.
                marked = marks(self.path) if "Audit-ID" in self.headers else 0
                send(self, answer, [("Audit-ID", self.headers["Audit-ID"])] * marked)

            do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def kubeconfig(self, user: dict[str, Any] | None = None) -> str:
        """Return a kubeconfig that points here."""
        return make_kubeconfig(self.url, user)


def make_kubeconfig(url: str, user: dict[str, Any] | None = None, **cluster: Any) -> str:
    """Return a kubeconfig with one context called ``odd``."""
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "odd",
            "contexts": [{"name": "odd", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": url, **cluster}}],
            "users": [{"name": "u", "user": user or {"token": "t"}}],
        }
    )
