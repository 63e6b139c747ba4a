"""One visitor's lab: a process, and what goes to and fro between it and the websocket.

The packets are those of textual-serve (``D`` for the screen and keys, ``M`` for messages, ``P`` for
pieces of downloads). The process lives on its standard input: when this server is gone, however it
went, that ends, and so does the lab (``driver``).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Sequence

from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from labgrader.report.clean import one_line
from labgrader.serve import BROWSER

READY = b"__GANGLION__\n"
"""What Textual's driver says before its first packet."""
GRACE = 3.0
"""Seconds that a lab has to end by itself."""


class Session(AppService):
    """A lab's process. ``start`` it, feed it, ``stop`` it.

    Args:
        command: program and arguments.
        variables: what its environment has beside this server's own.
    """

    def __init__(
        self,
        command: Sequence[str],
        variables: dict[str, str],
        *,
        write_bytes: Callable[[bytes], Awaitable[None]],
        write_str: Callable[[str], Awaitable[None]],
        close: Callable[[], Awaitable[object]],
        downloads: DownloadManager,
    ) -> None:
        async def closed() -> None:
            await close()

        super().__init__(
            command[0],
            write_bytes=write_bytes,
            write_str=write_str,
            close=closed,
            download_manager=downloads,
        )
        self._command = list(command)
        self._variables = variables
        self._downloads = downloads

    async def start(self, width: int, height: int) -> None:
        """Start the process with a screen of that many columns and rows."""
        environ = {
            **os.environ,
            **self._variables,
            BROWSER: "1",
            "TEXTUAL_DRIVER": "labgrader.serve.driver:BrowserDriver",
            "TEXTUAL_COLOR_SYSTEM": "truecolor",
            "TERM": "xterm-256color",
            "COLUMNS": str(width),
            "ROWS": str(height),
        }
        # A session of its own: Ctrl-C at the server is not meant for it, and it may have a terminal
        # of its own later (a shell's).
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environ,
            start_new_session=True,
        )
        self._stdin = self._process.stdin
        self._task = asyncio.create_task(self.run())

    async def run(self) -> None:
        """Pass on what the lab says until it ends; where it failed, say so on the page."""
        process = self._process
        assert process is not None
        assert process.stderr is not None
        complaints = asyncio.create_task(process.stderr.read())
        try:
            await self._listen(process)
            if await process.wait():
                await self._say_last(await complaints)
            await self.remote_close()
        finally:
            complaints.cancel()

    async def _listen(self, process: Process) -> None:
        stdout = process.stdout
        assert stdout is not None
        takers = {b"D": self.on_data, b"M": self.on_meta, b"P": self.on_packed}
        with contextlib.suppress(asyncio.IncompleteReadError, LookupError, ValueError):
            while (line := await stdout.readline()) != READY:
                if not line:
                    return
            while True:
                taker = takers[await stdout.readexactly(1)]
                size = int.from_bytes(await stdout.readexactly(4), "big")
                packet = await stdout.readexactly(size)
                # Read on when the visitor has left: the lab could not end with a full pipe.
                with contextlib.suppress(ConnectionError):
                    await taker(packet)

    async def _say_last(self, complaints: bytes) -> None:
        """Show the last line of what the lab complained about: its errors are one line each."""
        lines = complaints.decode("utf-8", "replace").strip().splitlines()
        text = one_line(lines[-1]) if lines else "The lab ended unexpectedly"
        with contextlib.suppress(ConnectionError):
            await self.remote_write_bytes(f"\x1b[?1049l\x1b[2J\x1b[H{text}\r\n".encode())

    async def stop(self) -> None:
        """End the process: it is asked, then hung up on as by a terminal, at last killed."""
        process, task = self._process, self._task
        if process is None or task is None:
            return
        self._task = None
        try:
            for attempt in (self._ask_to_end, self._hang_up):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(GRACE):
                        await attempt()
                        await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await process.wait()
        with contextlib.suppress(ConnectionError):
            await self.remote_close()

    async def _ask_to_end(self) -> None:
        await self._downloads.cancel_app_downloads(self.app_service_id)
        await self.send_meta({"type": "quit"})

    async def _hang_up(self) -> None:
        """Be gone for the lab: one that lends its screen to a shell hears nothing else."""
        self.stdin.close()
