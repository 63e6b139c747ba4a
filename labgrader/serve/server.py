"""The web server of ``labgrader serve``: a page, a websocket per visitor, downloads."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from string import Template

import textual_serve
from aiohttp import WSMsgType, web
from textual_serve.download_manager import DownloadManager

from labgrader.errors import LabError
from labgrader.serve import opening
from labgrader.serve.guard import HOST, Guard
from labgrader.serve.session import Session

PAGE = files("labgrader.serve") / "page"
TYPES = {"page.css": "text/css", "page.js": "text/javascript"}
LARGEST = 1 << 20
"""Bytes of one message from the browser: a paste may be long."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def listen(port: int) -> socket.socket:
    """Return a socket of this machine's loopback interface; port 0 takes a free one.

    Raises:
        LabError: the port is taken, or not for us.
    """
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise LabError(
            f"Port {port} of {HOST} cannot be used: {error.strerror or error}",
            "Choose another with --port, or leave it out for a free one",
        ) from error


def run(server: Server, door: socket.socket) -> None:
    """Serve until this process is told to end; every lab has ended by then."""
    asyncio.run(_serve(server, door))


async def _serve(server: Server, door: socket.socket) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, over.set)
    # No access log: addresses have the token in them.
    asked: opening.Asked = weakref.WeakSet()
    application = server.application()
    application.middlewares.insert(0, opening.noting(asked))
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    assert runner.server is not None
    opened = await loop.create_server(opening.closing(runner.server, asked), sock=door)
    try:
        await over.wait()
    finally:
        opened.close()
        await runner.cleanup()


@dataclass
class Server:
    """What is served.

    Args:
        guard: who may come in.
        command: what starts a lab.
        variables: what its environment has beside ours.
        limit: how many labs may be open at once.
    """

    guard: Guard
    command: Sequence[str]
    variables: dict[str, str]
    limit: int
    sessions: set[Session] = field(default_factory=set)
    downloads: DownloadManager = field(default_factory=DownloadManager)

    def application(self) -> web.Application:
        """Return the routes, all of them behind the guard."""
        application = web.Application(middlewares=[self._at_the_door])
        application.on_response_prepare.append(self._sign)
        application.on_shutdown.append(self._end)
        statics = files(textual_serve) / "static"
        application.add_routes(
            [
                web.get("/", self._index),
                web.get("/page/{name}", self._page),
                web.get("/ws/{token}", self._websocket),
                web.get("/download/{key}", self._download),
                web.static("/static", str(statics)),
            ]
        )
        return application

    @web.middleware
    async def _at_the_door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        reason = self.guard.stranger(request.headers.get("Host"), request.headers.get("Origin"))
        if reason:
            return refused(reason)
        return await handler(request)

    async def _sign(self, request: web.Request, response: web.StreamResponse) -> None:
        del request
        response.headers.update(self.guard.headers())

    async def _end(self, application: web.Application) -> None:
        del application
        await asyncio.gather(*(session.stop() for session in list(self.sessions)))

    async def _index(self, request: web.Request) -> web.StreamResponse:
        if not self.guard.knows(request.query.get("token", "")):
            return refused("This is not the address that labgrader printed: its token is wrong")
        asked = request.query.get("fontsize", "")
        size = min(max(int(asked), 6), 60) if re.fullmatch(r"\d{1,3}", asked) else 16
        page = Template((PAGE / "index.html").read_text("utf-8")).substitute(
            socket=f"ws://{request.host}/ws/{self.guard.token}", size=size
        )
        response = web.Response(text=page, content_type="text/html")
        response.set_cookie(
            self.guard.cookie,
            self.guard.pass_,
            path="/download/",
            httponly=True,
            samesite="Strict",
        )
        return response

    async def _page(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in TYPES:
            raise web.HTTPNotFound(text="There is no such file\n")
        return web.Response(text=(PAGE / name).read_text("utf-8"), content_type=TYPES[name])

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        if not self.guard.knows(request.match_info["token"]):
            return refused("The token is wrong")
        if "Origin" not in request.headers:
            return refused("Only the page of this server may open a lab")
        connection = web.WebSocketResponse(heartbeat=15, max_msg_size=LARGEST)
        await connection.prepare(request)
        if len(self.sessions) >= self.limit:
            text = f"No more than {self.limit} at once: close a lab, or serve with --sessions N."
            await connection.send_bytes(f"{text}\r\n".encode())
            await connection.close()
            return connection
        session = Session(
            self.command,
            self.variables,
            write_bytes=connection.send_bytes,
            write_str=connection.send_str,
            close=connection.close,
            downloads=self.downloads,
        )
        self.sessions.add(session)
        try:
            await session.start(*asked_size(request.query))
            await relay(connection, session)
        finally:
            await session.stop()
            self.sessions.discard(session)
        return connection

    async def _download(self, request: web.Request) -> web.StreamResponse:
        if not self.guard.let_out(request.cookies):
            return refused("The token is wrong")
        key = request.match_info["key"]
        try:
            found = await self.downloads.get_download_metadata(key)
        except KeyError:
            raise web.HTTPNotFound(text="There is no such download\n") from None
        name = re.sub(r"[^\w.-]", "_", found.file_name, flags=re.ASCII)
        response = web.StreamResponse()
        response.headers["Content-Type"] = "application/octet-stream"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        await response.prepare(request)
        async for chunk in self.downloads.download(key):
            await response.write(chunk)
        await response.write_eof()
        return response


def refused(reason: str) -> web.Response:
    """Return a refusal: one plain line."""
    return web.Response(status=403, text=f"labgrader: {reason}.\n")


def asked_size(query: Mapping[str, str]) -> tuple[int, int]:
    """Return columns and rows that the page asks for, within reason."""
    asked = (query.get("width", "80"), query.get("height", "24"))
    columns, rows = (int(text) if re.fullmatch(r"\d{1,4}", text) else 0 for text in asked)
    return within_reason(columns, rows)


def within_reason(columns: int, rows: int) -> tuple[int, int]:
    """Return a size for which a screen can be made."""
    return min(max(columns, 20), 500), min(max(rows, 5), 200)


async def relay(connection: web.WebSocketResponse, session: Session) -> None:
    """Pass on what the page says until it leaves; what is no message of its is left out."""
    async for message in connection:
        if message.type is not WSMsgType.TEXT:
            continue
        try:
            said = message.json()
        except (ValueError, RecursionError):
            continue
        match said:
            case ["stdin", str(keys)]:
                await session.send_bytes(keys.encode("utf-8", "replace"))
            case ["resize", {"width": int(columns), "height": int(rows)}]:
                await session.set_terminal_size(*within_reason(columns, rows))
            case ["ping", str(moment)]:
                await connection.send_json(["pong", moment])
            case ["focus"]:
                await session.focus()
            case ["blur"]:
                await session.blur()
