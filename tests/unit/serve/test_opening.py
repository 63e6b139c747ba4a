"""Connections to `labgrader serve` by which nothing comes do not stay."""

from __future__ import annotations

import asyncio
import weakref

import pytest
from aiohttp import web

from labgrader.serve import opening

HALF = b"GET / HTTP/1.1\r\nHost: a"
WHOLE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(("sent", "stays"), [(b"", False), (HALF, False), (WHOLE, True)])
async def test_a_connection_without_a_request_is_closed(
    monkeypatch: pytest.MonkeyPatch, sent: bytes, stays: bool
) -> None:
    monkeypatch.setattr(opening, "SECONDS", 1.0 if stays else 0.2)  # a busy machine is slow
    asked: opening.Asked = weakref.WeakSet()

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="here")

    application = web.Application(middlewares=[opening.noting(asked)])
    application.router.add_get("/", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    assert runner.server is not None
    loop = asyncio.get_running_loop()
    server = await loop.create_server(opening.closing(runner.server, asked), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    try:
        writer.write(sent)
        if stays:
            assert b"here" in await reader.readuntil(b"here")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 1.5)
        else:
            assert await asyncio.wait_for(reader.read(1), 20) == b""
    finally:
        writer.close()
        server.close()
        await runner.cleanup()
