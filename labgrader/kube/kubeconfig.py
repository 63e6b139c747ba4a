"""From a kubeconfig to a connection, as kubectl takes it; docs/kubeconfig.md has the whole list.

What is not supported is refused by name before anything is sent: acting with other rights than were
meant is worse than not acting.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from urllib.parse import urlsplit

from labgrader.errors import UsageError
from labgrader.kube import credentials, tls
from labgrader.kube.credentials import Headers
from labgrader.kube.kubeconfig_file import KubeconfigEntry, load

PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach one API server.

    Args:
        headers: returns what is sent with each request, credentials and impersonation (a name may
            come more than once); asked anew each time, since tokens expire.
        files: the kubeconfig files that it was read from, for programs of their own.
        insecure: whether anybody could pretend to be this server.
    """

    host: str
    context: str
    tls: SSLContext | None
    headers: Callable[[], Headers]
    server_name: str | None = None
    proxy: str | None = None
    files: tuple[Path, ...] = ()
    insecure: bool = False


def connect(
    path: Path | Sequence[Path],
    context: str | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Connection:
    """Return the connection of ``context`` (default: the current one).

    Args:
        path: one file, or several to be merged.
        tell: gets one line for what a login plug-in says.

    Raises:
        UsageError: the file or the context cannot be used, or asks for what is not supported.
        Forbidden: the credentials that the file speaks of cannot be had.
    """
    merged = load([path] if isinstance(path, Path) else list(path))
    wanted = context or merged.current
    if not wanted:
        raise UsageError(f"{merged.shown} has no current context", "Choose one with --context")
    chosen = merged.entry("contexts", wanted)
    cluster = merged.entry("clusters", chosen.text("cluster"))
    user_name = chosen.text("user")
    user = (
        merged.entry("users", user_name)
        if user_name
        else KubeconfigEntry("no user", {}, chosen.file)
    )
    host = _server(cluster, user)
    login = credentials.of(user, cluster, wanted, tell)
    secure = host.startswith("https://")
    return Connection(
        host=host,
        context=wanted,
        tls=tls.context_of(cluster, user, login) if secure else None,
        headers=login.headers,
        server_name=cluster.text("tls-server-name") or None,
        proxy=_proxy(cluster) or _proxy_of_environment(host),
        files=merged.files,
        insecure=secure and cluster.flag("insecure-skip-tls-verify"),
    )


def _server(cluster: KubeconfigEntry, user: KubeconfigEntry) -> str:
    """Return the server's address, with a scheme and without a slash at its end."""
    server = cluster.text("server").strip()
    if not server:
        raise cluster.refused("it names no server")
    if "://" not in server:
        secure = any(cluster.value.get(key) for key in tls.CLUSTER_KEYS) or any(
            user.value.get(key) for key in tls.USER_KEYS
        )
        server = f"{'https' if secure else 'http'}://{server}"
    _demand_address(cluster, "server", server, ("https", "http"))
    return server.rstrip("/")


def _proxy(cluster: KubeconfigEntry) -> str | None:
    proxy = cluster.text("proxy-url")
    if not proxy:
        return None
    _demand_address(cluster, "proxy-url", proxy, PROXY_SCHEMES)
    # As kubectl: the proxy resolves the server's name.
    return re.sub(r"^socks5:", "socks5h:", proxy)


def _demand_address(
    cluster: KubeconfigEntry, key: str, address: str, schemes: Sequence[str]
) -> None:
    """Raise where an address is not one, or begins with something that is not supported."""
    try:
        parts = urlsplit(address)
        usable = bool(parts.hostname) and (parts.port is None or 0 < parts.port < 65536)
    except ValueError:
        usable = False
    if not usable or any(not one.isprintable() or one == " " for one in address):
        raise cluster.refused(f"{key} {address!r} is not an address")
    if parts.scheme not in schemes:
        raise cluster.refused(
            f"{key} {address!r} begins with {parts.scheme}, which is not supported",
            f"It may begin with {', '.join(schemes)}",
        )


def _proxy_of_environment(host: str) -> str | None:
    """Return the proxy that the environment asks for, as other Kubernetes clients do."""
    if not any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY")):
        return None
    from urllib.request import getproxies, proxy_bypass

    address = urlsplit(host).hostname or ""
    if address in ("localhost", "127.0.0.1", "::1") or proxy_bypass(address):
        return None
    found = getproxies()
    return found.get(host.split("://", 1)[0]) or found.get("all")
