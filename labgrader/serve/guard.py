"""Who may come in: whoever has the token, from the page that was served, by its own address.

Everything on this machine, and every web page that its browsers open, can send requests to
loopback. So the token alone is not enough: a page of another origin must not use what a browser
holds (Origin), and no foreign name may be made to point here (Host, against DNS rebinding).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Guard:
    """The secrets of one server at one port.

    ``token`` is in the address that is printed, and in that of the websocket. Downloads open in a
    tab of their own and show the cookie instead. Cookies go to every port of this machine, so it
    is another secret, and good for nothing else.
    """

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    pass_: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def address(self) -> str:
        """What is to be opened."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """The name of the cookie; several servers may run side by side."""
        return f"labgrader-{self.port}"

    def stranger(self, host: str | None, origin: str | None) -> str | None:
        """Return why a request does not come from our own page, None where it may."""
        if host not in (f"{HOST}:{self.port}", f"localhost:{self.port}"):
            return "This server does not answer to that name"
        if origin is not None and origin != f"http://{host}":
            return "Another web page may not use this lab"
        return None

    def knows(self, token: str) -> bool:
        """Whether that is the token; takes as long whatever is wrong with it."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def let_out(self, cookies: Mapping[str, str]) -> bool:
        """Whether the cookie for downloads is there."""
        shown = cookies.get(self.cookie, "")
        return hmac.compare_digest(shown.encode(), self.pass_.encode())

    def headers(self) -> dict[str, str]:
        """Return what every answer carries: nothing is loaded from, or told to, anybody else."""
        sockets = f"ws://{HOST}:{self.port} ws://localhost:{self.port}"
        policy = (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",  # xterm.js sets its colours and sizes by styles
            "font-src 'self'",
            "img-src 'self' data:",
            f"connect-src 'self' {sockets}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
        return {
            "Content-Security-Policy": "; ".join(policy),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
