"""An HTTP proxy before the API server: counts what passes, and can be switched off."""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

import aiohttp
from aiohttp import web


@dataclass(slots=True)
class Proxy:
    """Listens on a free loopback port; the caller's ``Authorization`` is handed on."""

    server: str
    tls: ssl.SSLContext
    down: bool = False
    writes: list[str] = field(default_factory=list)
    url: str = ""
    _ready: threading.Event = field(default_factory=threading.Event)
    _loop: asyncio.AbstractEventLoop | None = None
    _stop: asyncio.Event | None = None
    _session: aiohttp.ClientSession | None = None
    _thread: threading.Thread | None = None
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop
        assert self._stop
        assert self._thread
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def work(self) -> list[str]:
        """Return the writes but those of the Lease."""
        return [write for write in self.writes if "/leases" not in write]

    def cut(self) -> None:
        """Answer nobody any more, and end what is open."""
        self.down = True
        assert self._loop
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._open])

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        async with aiohttp.ClientSession() as session:
            self._session = session
            app.router.add_route("*", "/{tail:.*}", self._pass)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._ready.set()
            await self._stop.wait()
            await runner.cleanup()
        await asyncio.sleep(0.2)  # TLS connections that were cut need a moment to close

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        if self.down:
            return web.Response(status=503)
        task = asyncio.current_task()
        assert task
        self._open.add(task)
        try:
            return await self._forward(request)
        except asyncio.CancelledError:
            if request.transport:
                request.transport.abort()
            raise
        finally:
            self._open.discard(task)

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        assert self._session
        if request.method != "GET":
            self.writes.append(f"{request.method} {request.path}")
        kept = ("Authorization", "Content-Type", "Accept")
        async with self._session.request(
            request.method,
            self.server + request.path_qs,
            headers={key: request.headers[key] for key in kept if key in request.headers},
            data=await request.read() or None,
            ssl=self.tls,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as answer:
            response = web.StreamResponse(status=answer.status)
            response.content_type = answer.content_type
            await response.prepare(request)
            with suppress(ConnectionResetError):
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
            return response
