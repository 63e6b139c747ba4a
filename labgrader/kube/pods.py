"""HTTP and exec into pods, through the proxy and exec subresources of the API server."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from urllib3.exceptions import HTTPError

from labgrader.errors import Forbidden, Rejected, TimedOut, Unreachable
from labgrader.kube.http import Http, transport_error
from labgrader.kube.kubeconfig import Connection
from labgrader.kube.protocols import Answer
from labgrader.kube.responses import Response, failure_of, refusal

if TYPE_CHECKING:
    from websocket import WebSocket

MAX_BYTES = 4_000_000
"""More than any metrics page that a lab's operator makes; the rest of a larger one is not read."""

_STDOUT, _STDERR, _STATUS = 1, 2, 3
_PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"]


class Pods:
    """See ``kube.protocols.Containers`` for what each method promises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._http = Http(connection)

    def close(self) -> None:
        """Close idle connections."""
        self._http.close()

    def http_get(self, path: str, *, timeout: float = 3) -> Answer:
        """GET a path of a server in a pod; the whole of it within ``timeout`` seconds."""
        end = time.monotonic() + timeout
        response, marked = self._http.open(
            "GET", path, None, {"Accept": "*/*"}, None, timeout, stream=True
        )
        body = bytearray()
        try:
            for chunk in response.stream(65536):
                body += chunk
                if len(body) > MAX_BYTES:
                    break
                if time.monotonic() > end:
                    raise TimedOut(f"The answer was not complete within {timeout:.0f} s")
        except (HTTPError, OSError) as error:
            raise transport_error(error, self._connection.host, timeout) from error
        finally:
            response.close()
        told = response.headers.get("Content-Type", "")
        whole = Response(f"GET {path}", response.status, bytes(body), told, marked=marked)
        self._http.demand_genuine(whole)
        return _answer(whole)

    def execute(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, timeout: float
    ) -> str:
        """Run a command over a WebSocket; what it prints to standard error is in a refusal."""
        socket = self._open(namespace, pod, container, command, timeout)
        try:
            return self._listen(socket, time.monotonic() + timeout)
        finally:
            socket.close()

    def _open(
        self, namespace: str, pod: str, container: str, command: Sequence[str], timeout: float
    ) -> WebSocket:
        from websocket import WebSocketBadStatusException, WebSocketException, create_connection

        connection = self._connection
        query = [("container", container), ("stdout", "true"), ("stderr", "true")]
        query += [("command", word) for word in command]
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/exec?{urlencode(query)}"
        options: dict[str, Any] = {"context": connection.tls}
        if connection.server_name:
            options["server_hostname"] = connection.server_name
        headers = [f"{name}: {value}" for name, value in connection.headers()]
        way = None
        if connection.proxy:
            from labgrader.kube import proxy

            way = proxy.tunnel(connection, timeout)
        try:
            return create_connection(
                connection.host.replace("http", "ws", 1) + path,
                timeout=timeout,
                subprotocols=_PROTOCOLS,
                header=headers,
                sslopt=options,
                socket=way,
                enable_multithread=False,
            )
        except WebSocketBadStatusException as error:
            told = Response(f"exec {pod}", error.status_code, error.resp_body or b"")
            raise refusal(told) from error
        except (WebSocketException, OSError) as error:
            raise Unreachable(f"No command can be run in {pod}: {error}") from error

    @staticmethod
    def _listen(socket: WebSocket, end: float) -> str:
        """Collect what comes until the command's status does."""
        from websocket import WebSocketException

        said = {_STDOUT: bytearray(), _STDERR: bytearray()}
        while True:
            socket.settimeout(max(0.05, end - time.monotonic()))
            try:
                data = socket.recv()
            except (WebSocketException, OSError) as error:
                raise TimedOut("The command in the container did not end in time") from error
            frame = data if isinstance(data, bytes) else data.encode()
            if not frame or time.monotonic() > end:
                raise TimedOut("The command in the container did not end in time")
            channel, rest = frame[0], frame[1:]
            if channel == _STATUS:
                return _printed(rest, said)
            if channel in said and len(said[channel]) < MAX_BYTES:
                said[channel] += rest


def _printed(status: bytes, said: dict[int, bytearray]) -> str:
    """Return what was printed, or raise for a command that failed."""
    try:
        outcome = json.loads(status)
    except ValueError:
        outcome = {}
    if outcome.get("status") == "Success":
        return said[_STDOUT].decode("utf-8", "replace")
    error = " ".join(said[_STDERR].decode("utf-8", "replace").split())
    message = error or str(outcome.get("message") or "the command failed")
    raise Rejected(message, status=int(outcome.get("code") or 500))


def _answer(response: Response) -> Answer:
    """Tell the server in the pod from the API server, which speaks in ``Status`` objects."""
    failure = failure_of(response)
    if failure:
        error = refusal(response)
        if isinstance(error, Forbidden):
            raise error
        return Answer(None, " ".join(str(failure.get("message")).split()))
    cut = len(response.data) > MAX_BYTES
    return Answer(response.status, response.data[:MAX_BYTES].decode("utf-8", "replace"), cut)
