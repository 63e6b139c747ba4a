"""Speaks with the API server. Every write passes one gate: only who leads may write."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import aiohttp

from trading_operator import MANAGER
from trading_operator.credentials import Server
from trading_operator.kinds import Object

SECONDS = 10.0
SILENCE = 90.0
"""A watch that says nothing for so long is dead: bookmarks come about once a minute."""
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"


class ApiError(Exception):
    """The API server refused. ``status`` is the HTTP code; the text is the server's own."""

    def __init__(self, status: int, message: str, body: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        causes = ((body or {}).get("details") or {}).get("causes") or ()
        self.namespace_ends = any(c.get("reason") == "NamespaceTerminating" for c in causes)


class Unreachable(Exception):
    """No answer, or none in time. Whether a write arrived is not known."""


class NotLeading(Exception):
    """Another may lead by now: nothing was written."""


class Api:
    """One API server.

    Args:
        time_left: seconds that a write which begins now may take; 0 or less refuses it. A write
            that has begun is given up when they are over. None: no gate (for the Lease itself).
        seconds: how long an answer may take.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        server: Server,
        time_left: Callable[[], float] | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._session, self._server = session, server
        self._time_left, self._seconds = time_left, seconds

    def leader_only(self, time_left: Callable[[], float]) -> Api:
        """Return the same server behind a gate."""
        return Api(self._session, self._server, time_left)

    def with_timeout(self, seconds: float) -> Api:
        """Return the same server, with less time for each answer."""
        return Api(self._session, self._server, seconds=seconds)

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Object:
        """Read. Raises ``ApiError`` and ``Unreachable``, as all methods do."""
        return await self._call("GET", path, query=query)

    async def create(self, path: str, body: Object, *, dry_run: bool = False) -> Object:
        """POST an object to its collection, or only ask whether that would do."""
        query = {"fieldManager": MANAGER, **({"dryRun": "All"} if dry_run else {})}
        return await self._call("POST", path, body, query)

    async def replace(self, path: str, body: Object) -> Object:
        """PUT an object; its ``resourceVersion`` must still be the current one (else 409)."""
        return await self._call("PUT", path, body, query={"fieldManager": MANAGER})

    async def merge(self, path: str, body: Object) -> Object:
        """Send a merge patch."""
        return await self._call("PATCH", path, body, {"fieldManager": MANAGER}, MERGE)

    async def apply(self, path: str, body: Object) -> Object:
        """Apply on the server: ``body`` becomes so; what we applied before and not now goes."""
        query = {"fieldManager": MANAGER, "force": "true"}
        return await self._call("PATCH", path, body, query, APPLY)

    async def delete(self, path: str, uid: str) -> Object:
        """Delete this very object, not one of the same name; what belongs to it follows."""
        options = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        return await self._call("DELETE", path, options)

    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[Object]:
        """Yield the events of a watch until the server ends it."""
        patience = aiohttp.ClientTimeout(sock_connect=SECONDS, sock_read=SILENCE)
        try:
            async with self._session.get(
                self._server.url + path,
                params={**query, "watch": "1", "allowWatchBookmarks": "true"},
                headers=self._headers(),
                ssl=self._server.tls or False,
                server_hostname=self._server.hostname,
                timeout=patience,
            ) as response:
                if response.status != 200:
                    raise _refusal(response.status, await response.read())
                rest = b""
                async for chunk in response.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in filter(None, lines):
                        yield json.loads(line)
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            raise Unreachable(f"watch {path}: {type(error).__name__} {error}") from error

    async def _call(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        query: Mapping[str, str] | None = None,
        kind: str = "application/json",
    ) -> Object:
        seconds = self._seconds
        if self._time_left and method != "GET":
            seconds = min(seconds, self._time_left())
            if seconds <= 0:
                raise NotLeading(f"{method} {path}")
        try:
            async with self._session.request(
                method,
                self._server.url + path,
                params=query or {},
                data=None if body is None else json.dumps(body),
                headers={**self._headers(), "Content-Type": kind},
                ssl=self._server.tls or False,
                server_hostname=self._server.hostname,
                timeout=aiohttp.ClientTimeout(total=seconds),
            ) as response:
                data = await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(f"{method} {path}: {type(error).__name__} {error}") from error
        if response.status >= 400:
            raise _refusal(response.status, data)
        return _parsed(data)

    def _headers(self) -> Mapping[str, str]:
        try:
            return self._server.headers()
        except OSError as error:
            raise Unreachable(f"the token cannot be read: {error}") from error


def _parsed(data: bytes) -> Object:
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Unreachable("the server's answer is no JSON object")
    return found


def _refusal(status: int, data: bytes) -> ApiError:
    try:
        body = json.loads(data)
        return ApiError(status, " ".join(str(body["message"]).split()), body)
    except (ValueError, TypeError, KeyError):
        return ApiError(status, f"HTTP {status}: {data[:200]!r}")


async def or_none(answer: Awaitable[Object]) -> Object | None:
    """Await a call; None instead of 404."""
    try:
        return await answer
    except ApiError as error:
        if error.status != 404:
            raise
        return None
