"""The lab's own end of ``labgrader serve``: Textual's web driver, on a lifeline, with a terminal.

Two things Textual's driver does not do. It goes on when the server is gone; this one ends the lab
when its standard input ends. And it cannot be suspended; this one can: the lab's standard streams
become a terminal of their own (a pty), which shows on the page and gets the page's keys.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
from codecs import getincrementaldecoder
from contextlib import suppress
from functools import partial
from threading import Event, Lock, Thread, Timer
from typing import Any

from textual import events, messages
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers._byte_stream import ByteStream
from textual.drivers.web_driver import WebDriver
from textual.geometry import Size

from labgrader.serve import BROWSER

GRACE = 3.0
"""Seconds for the lab to end by itself once its server is gone."""
TICK = 0.1
"""Seconds after which an escape key that was pressed alone counts as such."""
OWN = ("COLUMNS", "ROWS", "TEXTUAL_DRIVER", "TEXTUAL_COLOR_SYSTEM", BROWSER)
"""What is meant for this process and not for those that it starts."""


class BrowserDriver(WebDriver):
    """Speaks to ``session.Session`` over pipes that nothing else in the process can touch."""

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        for name in OWN:
            os.environ.pop(name, None)
        self._sending = Lock()
        self._terminal: _Terminal | None = None
        self._from_server, self.fileno = os.dup(0), os.dup(1)
        self._write = partial(self._send)
        with open(os.devnull, "r+b") as nothing:  # noqa: PTH123 - a stray print breaks no packet
            os.dup2(nothing.fileno(), 0)
            os.dup2(nothing.fileno(), 1)

    @property
    def can_suspend(self) -> bool:
        """Whether something else can have the screen for a while."""
        return True

    def start_application_mode(self) -> None:
        """Take the screen; leave Ctrl-C and Ctrl-Z to what runs in the shell."""
        super().start_application_mode()
        # Textual's driver thinks that nobody looks until the page is clicked, and shows no keys.
        self._app.call_later(self._app.post_message, events.AppFocus())
        for number in (signal.SIGINT, signal.SIGTSTP):
            # A handler that does nothing, not SIG_IGN: a child would inherit that one.
            signal.signal(number, lambda number, frame: None)

    def suspend_application_mode(self) -> None:
        """Lend the screen to whatever uses the standard streams."""
        self._disable_mouse_support()
        self._disable_bracketed_paste()
        self.write("\x1b[?1049l\x1b[?25h\x1b[m\x1b[2J\x1b[H")
        if self._terminal is None:
            self._terminal = _Terminal(self.write)
        self._terminal.resize(*self._columns_and_rows())
        self._terminal.lend()

    def resume_application_mode(self) -> None:
        """Take the screen back."""
        assert self._terminal is not None
        self._terminal.take_back()
        self.write("\x1b[?1049h\x1b[?25l")
        self._enable_mouse_support()
        self._enable_bracketed_paste()
        size = Size(*self._columns_and_rows())
        self._app.post_message(events.Resize(size, size))

    def _columns_and_rows(self) -> tuple[int, int]:
        return self._size or (80, 24)

    def _send(self, packet: bytes) -> int:
        """Write a packet as a whole; where nobody reads it any more, that is no error."""
        with self._sending, suppress(BrokenPipeError):
            rest = memoryview(packet)
            while rest:
                rest = rest[os.write(self.fileno, rest) :]
        return len(packet)

    def run_input_thread(self) -> None:
        """Take what the server sends, until the lab or the server ends."""
        parser = XTermParser(debug=self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        stream = ByteStream()
        while not self.exit_event.is_set():
            if select.select([self._from_server], [], [], TICK)[0]:
                data = os.read(self._from_server, 65536)
                if not data:
                    self._server_is_gone()
                    return
                for kind, payload in stream.feed(data):
                    if kind != "D":
                        self._on_meta(kind, payload)
                    elif self._terminal is not None and self._terminal.lent:
                        self._terminal.type(payload)
                    else:
                        for event in parser.feed(decode(payload)):
                            self.process_message(event)
            for event in parser.tick():
                self.process_message(event)

    def on_meta(self, packet_type: str, payload: dict[str, object]) -> None:
        """Take a message of the server's; a shell is to know the new size, too."""
        super().on_meta(packet_type, payload)
        if packet_type == "resize" and self._terminal is not None:
            self._terminal.resize(*self._columns_and_rows())

    def _server_is_gone(self) -> None:
        """End the lab, and a shell in it as where a terminal closes; at last the process."""
        last = Timer(GRACE, os._exit, (1,))
        last.daemon = True
        last.start()
        self._app.post_message(messages.ExitApp())
        if self._terminal is not None and self._terminal.lent:
            os.kill(os.getpid(), signal.SIGHUP)


_END = b"\0"
"""Written when a terminal is taken back; nothing is seen of it."""

_SHOWN_SECONDS = 2.0
"""How long what was written may take to be read."""


class _Terminal:
    """A pty that can stand in for the process's standard streams.

    It is kept once it is made: to close it would hang up on its session, which is this process.

    Args:
        show: takes what is to be seen while it is lent.
    """

    def __init__(self, show: Any) -> None:
        self.lent = False
        self._show = show
        self._shown = Event()
        self._master, self._slave = pty.openpty()
        with suppress(OSError):  # not the leader of a session: shells do without job control
            fcntl.ioctl(self._slave, termios.TIOCSCTTY, 0)
        os.set_blocking(self._master, False)
        self._kept = [os.dup(number) for number in range(3)]
        Thread(target=self._pass_on, name="labgrader-shell", daemon=True).start()

    def resize(self, columns: int, rows: int) -> None:
        """Have that many columns and rows; what runs there is told (SIGWINCH)."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def lend(self) -> None:
        """Be the standard streams."""
        for number in range(3):
            os.dup2(self._slave, number)
        self.lent = True

    def take_back(self) -> None:
        """Have the standard streams as they were, once all that was written is shown."""
        self._shown.clear()
        # What was written before it is read before it; a terminal that is stopped takes nothing.
        if select.select([], [self._slave], [], 0)[1]:
            os.write(self._slave, _END)
            self._shown.wait(_SHOWN_SECONDS)
        self.lent = False
        for number, kept in enumerate(self._kept):
            os.dup2(kept, number)

    def type(self, keys: bytes) -> None:
        """Type; where nothing reads for seconds, the rest is lost, as with a full type-ahead."""
        rest = memoryview(keys)
        while rest and select.select([], [self._master], [], 5)[1]:
            with suppress(BlockingIOError):
                rest = rest[os.write(self._master, rest) :]

    def _pass_on(self) -> None:
        decode = getincrementaldecoder("utf-8")("replace").decode
        while True:
            select.select([self._master], [], [])
            with suppress(BlockingIOError):
                data = os.read(self._master, 65536)
                text = decode(data.removesuffix(_END))
                if self.lent:
                    self._show(text)
                if data.endswith(_END):
                    self._shown.set()
