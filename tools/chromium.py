"""A headless Chromium that tests and pictures drive: Debian's, by its own protocol (DevTools).

websocket-client speaks to it, which labgrader needs anyway: no driver program and no further
package. What a page loads and what its websockets receive is kept, because that is what tests ask.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import websocket

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
]
ESCAPES = re.compile(r"\x1b(\[[0-9;?<>=$]*[A-Za-z]|\][^\x07\x1b]*(\x07|\x1b\\)|[=>]|\([A-Z])")


def find() -> str | None:
    """Return Chromium's path, None where it is not installed."""
    return shutil.which("chromium") or shutil.which("chromium-headless-shell")


class Chromium:
    """A browser with a profile of its own; ``with`` ends it and removes that."""

    def __init__(self, size: tuple[int, int] = (1280, 800)) -> None:
        program = find()
        assert program is not None
        self._profile = tempfile.mkdtemp(prefix="labgrader-chromium-")
        options = [f"--user-data-dir={self._profile}", f"--window-size={size[0]},{size[1]}"]
        self._process = subprocess.Popen(
            [program, *FLAGS, *options, "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": self._profile},
            start_new_session=True,
        )
        self._pages: dict[str, Page] = {}
        self._last = 0
        try:
            self._socket = websocket.create_connection(
                self._address(), suppress_origin=True, timeout=60
            )
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        with contextlib.suppress(Exception):
            self._send("Browser.close", {}, None)
            self._process.wait(5)
        self._socket.close()
        self._end()

    def _address(self, seconds: float = 60) -> str:
        """Return where it listens: it writes that into its profile once it does."""
        file, deadline = Path(self._profile) / "DevToolsActivePort", time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self._process.poll() is None, "Chromium ended at once"
            with contextlib.suppress(OSError, ValueError):
                port, path = file.read_text().splitlines()[:2]
                return f"ws://127.0.0.1:{int(port)}{path}"
            time.sleep(0.05)
        raise AssertionError("Chromium did not start")

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # its session is its own: nobody else's
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    def open(self, address: str) -> Page:
        """Open an address in a new page; returns at once."""
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        attached = self.command("Target.attachToTarget", targetId=target, flatten=True)
        page = self._pages[attached["sessionId"]] = Page(self, attached["sessionId"])
        for domain in ("Page", "Network", "Runtime", "Log"):
            page.command(f"{domain}.enable")
        page.command("Page.navigate", url=address)
        return page

    def command(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Have something done, and return its answer."""
        number = self._send(method, parameters, session)
        while (message := self.hear(60)).get("id") != number:
            pass
        assert "error" not in message, f"{method}: {message['error']}"
        result: dict[str, Any] = message["result"]
        return result

    def _send(self, method: str, parameters: dict[str, Any], session: str | None) -> int:
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        self._socket.send(json.dumps({**message, **({"sessionId": session} if session else {})}))
        return self._last

    def hear(self, seconds: float) -> dict[str, Any]:
        """Take one message; events go to their page. Raises ``TimeoutError``."""
        self._socket.settimeout(max(seconds, 0.001))
        try:
            message: dict[str, Any] = json.loads(self._socket.recv())
        except websocket.WebSocketTimeoutException:
            raise TimeoutError from None
        page = self._pages.get(message.get("sessionId", ""))
        if page is not None and "method" in message:
            page.take(message["method"], message["params"])
        return message


class Page:
    """A page: what it asked for, what its websockets said, and hands to type with."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser, self._session = browser, session
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.statuses: dict[str, int] = {}
        self._raw = bytearray()

    def take(self, event: str, what: dict[str, Any]) -> None:
        """Keep what an event says."""
        if event == "Network.requestWillBeSent":
            self.requests.append(what["request"]["url"])
        elif event == "Network.webSocketCreated":
            self.requests.append(what["url"])
        elif event == "Network.responseReceived":
            self.statuses[what["response"]["url"]] = what["response"]["status"]
        elif event == "Network.webSocketFrameReceived" and what["response"]["opcode"] == 2:
            self._raw += base64.b64decode(what["response"]["payloadData"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(what["exceptionDetails"])[:500])
        elif event == "Log.entryAdded":
            self.complaints.append(what["entry"]["text"])

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Have something done in this page, and return its answer."""
        return self._browser.command(method, self._session, **parameters)

    @property
    def painted(self) -> str:
        """What was painted since ``forget``, in the order of painting, without colours."""
        return ESCAPES.sub("", self._raw.decode("utf-8", "replace"))

    def forget(self) -> None:
        """Look only at what is painted from now on."""
        self._raw.clear()

    def until(self, condition: Callable[[], object], what: str, seconds: float = 90) -> None:
        """Wait until ``condition`` holds; it may ask this page's fields."""
        deadline = time.monotonic() + seconds
        while not condition():
            try:
                self._browser.hear(deadline - time.monotonic())
            except TimeoutError:
                raise AssertionError(f"{what}: {self.painted[-3000:]}\n{self.complaints}") from None

    def until_painted(self, pattern: str) -> None:
        """Wait until something that matches was painted."""
        self.until(lambda: re.search(pattern, self.painted), f"never painted: {pattern}")

    def evaluate(self, script: str) -> Any:
        """Return a script's value; a promise is waited for."""
        answer = self.command(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        return answer["result"].get("value")

    def type(self, text: str) -> None:
        """Press one key after the other; a newline is Enter."""
        for letter in text:
            key = (
                {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
                if (letter == "\n")
                else {"key": letter}
            )
            written = {"text": "\r" if letter == "\n" else letter}
            self.command("Input.dispatchKeyEvent", type="keyDown", **key, **written)
            self.command("Input.dispatchKeyEvent", type="keyUp", **key)

    def picture(self) -> bytes:
        """Return what is seen, as PNG."""
        return base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"])
