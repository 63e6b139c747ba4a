"""Proxies on loopback, which count what they let through: HTTP CONNECT, and SOCKS5."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import struct
import threading
from typing import Any


class Proxy:
    """A proxy of a scheme: ``http``, ``https`` or ``socks5``.

    Args:
        tls: what an ``https`` proxy shows.
    """

    def __init__(self, scheme: str, tls: ssl.SSLContext | None = None) -> None:
        self.passed = 0
        outer = self
        dial = _socks if scheme == "socks5" else _connect

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                here = self.request
                with contextlib.suppress(OSError, ValueError):
                    if tls is not None:
                        here = tls.wrap_socket(here, server_side=True)
                    with dial(here) as there:
                        outer.passed += 1
                        _splice(here, there)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _connect(here: Any) -> socket.socket:
    head = b""
    while b"\r\n\r\n" not in head:
        head += here.recv(4096)
    host, _, port = head.split()[1].decode().rpartition(":")
    there = socket.create_connection((host, int(port)), 10)
    here.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    return there


def _socks(here: Any) -> socket.socket:
    here.recv(2 + 255)
    here.sendall(b"\x05\x00")
    _, _, _, kind = here.recv(4)
    size = here.recv(1)[0] if kind == 3 else 4
    name = here.recv(size)
    (port,) = struct.unpack("!H", here.recv(2))
    host = name.decode() if kind == 3 else socket.inet_ntoa(name)
    there = socket.create_connection((host, port), 10)
    here.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
    return there


def _splice(here: Any, there: socket.socket) -> None:
    """Copy both ways until one side ends."""

    def copy(source: Any, sink: Any) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=copy, args=(there, here), daemon=True)
    back.start()
    copy(here, there)
    back.join(10)
