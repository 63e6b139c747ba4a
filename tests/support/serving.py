"""`labgrader serve` as a process of its own, and visitors without a browser."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import psutil
import websocket
from websocket import ABNF

from chromium import ESCAPES as _ESCAPES
from labgrader.kube.waiting import wait_until


class Serving:
    """A running server; ``with`` ends it.

    Args:
        options: of `labgrader serve`; where they say nothing of what stands after `--`, the lab
            opens without its welcome.
    """

    def __init__(self, *options: str, env: Mapping[str, str] = os.environ) -> None:
        at_once = () if "--" in options else ("--", "--at-once")
        self._visitors: list[websocket.WebSocket] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "labgrader", "serve", *options, *at_once],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(env),
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("Open "):
            raise AssertionError(f"it did not start: {line}{self.process.communicate(timeout=60)}")
        self.address = line.removeprefix("Open ").strip()
        self.place = urlsplit(self.address).netloc
        self.token = urlsplit(self.address).query.removeprefix("token=")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        for visitor in self._visitors:
            visitor.shutdown()  # `close` leaves the socket open where the server closed first
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=60)

    def ask(self, path: str, **headers: str) -> tuple[int, str, dict[str, str]]:
        """Return status, text and headers of an answer."""
        request = urllib.request.Request(f"http://{self.place}{path}")
        for name, value in headers.items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode("utf-8", "replace"), dict(answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(), dict(error.headers)

    def visit(self, token: str | None = None, **options: object) -> websocket.WebSocket:
        """Open a lab as the page does. Raises what the client raises when it is refused."""
        token = self.token if token is None else token
        origin = options.pop("origin", f"http://{self.place}")
        visitor = websocket.create_connection(
            f"ws://{self.place}/ws/{token}?width=100&height=30",
            timeout=60,
            origin=origin,
            **options,
        )
        self._visitors.append(visitor)
        return visitor

    def empty(self) -> None:
        """Send all visitors away, and wait until their labs have ended."""
        while self._visitors:
            self._visitors.pop().shutdown()
        assert wait_until(lambda: self.labs() == [], 60), self.labs()

    def labs(self) -> list[psutil.Process]:
        """Return the processes of the open labs and what runs in them."""
        return psutil.Process(self.process.pid).children(recursive=True)


def painted(visitor: websocket.WebSocket, until: str, seconds: float = 90) -> str:
    """Return what a visitor's lab paints, up to a text that must come."""
    shown, deadline = "", time.monotonic() + seconds
    while until not in _ESCAPES.sub("", shown):
        assert time.monotonic() < deadline, f"never painted: {until!r}: {shown[-2000:]!r}"
        # With control frames: `recv` takes pings by itself, and would wait between them for ever.
        kind, said = visitor.recv_data(control_frame=True)
        assert kind != ABNF.OPCODE_CLOSE, f"it closed without {until!r}: {shown[-500:]!r}"
        shown += said.decode("utf-8", "replace") if kind == ABNF.OPCODE_BINARY else ""
    return shown


def painted_to_the_end(visitor: websocket.WebSocket) -> None:
    """Wait until the server closes a visitor's connection."""
    while visitor.recv() != "":
        pass
    visitor.close()


def kubeconfig_of_nothing(folder: Path) -> Path:
    """Return a kubeconfig whose cluster does not answer: the lab opens, and says so."""
    file = folder / "kubeconfig"
    file.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: dead\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n"
        "users: [{name: u, user: {token: x}}]\n"
        "contexts: [{name: dead, context: {cluster: c, user: u}}]\n"
    )
    return file
