"""Closes connections by which no whole request comes: they would stay open for ever."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.typedefs import Middleware

SECONDS = 20.0
"""How long a connection may stay without a whole request: a browser sends one at once."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Asked = weakref.WeakSet[asyncio.BaseTransport]
"""The transports of connections by which a whole request came."""


def noting(asked: Asked) -> Middleware:
    """Note the connections by which a whole request came."""

    @web.middleware
    async def note(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.transport is not None:
            asked.add(request.transport)
        return await handler(request)

    return note


def closing(make: Callable[[], BaseProtocol], asked: Asked) -> Callable[[], BaseProtocol]:
    """Return what makes a connection, and closes it where no request comes by it in time."""

    def close(connection: BaseProtocol) -> None:
        transport = connection.transport
        if transport is not None and transport not in asked:
            transport.close()

    def connected() -> BaseProtocol:
        connection = make()
        asyncio.get_running_loop().call_later(SECONDS, close, connection)
        return connection

    return connected
