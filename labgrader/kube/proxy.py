"""HTTP and SOCKS proxies between this machine and an API server.

Imported only where there is one: most clusters are reached straight.
"""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import unquote, urlsplit

import socks
import urllib3
from urllib3.contrib.socks import SOCKSProxyManager

from labgrader.errors import MissingCapability, Unreachable
from labgrader.kube.kubeconfig import Connection

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_TYPES = {"http": socks.HTTP, "socks5": socks.SOCKS5, "socks5h": socks.SOCKS5}


def pool_of(connection: Connection, **options: Any) -> urllib3.PoolManager:
    """Return a pool of HTTP connections to a server, through its proxy.

    Args:
        options: as ``urllib3.PoolManager`` takes them.
    """
    proxy = connection.proxy
    assert proxy, "only where there is one"
    if urlsplit(proxy).scheme.startswith("socks"):
        return SOCKSProxyManager(proxy, **options)
    parts = urlsplit(proxy)
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        options["proxy_headers"] = urllib3.make_headers(proxy_basic_auth=pair)
    if parts.scheme == "https":  # trusted as the server is, as kubectl does
        options["proxy_ssl_context"] = connection.tls
    return urllib3.ProxyManager(proxy, **options)


def tunnel(connection: Connection, timeout: float) -> socket.socket:
    """Return a socket to the server through its proxy, with TLS where the server has it.

    Raises:
        MissingCapability: the proxy is one that only requests can go through.
        Unreachable: the proxy does not let it through.
    """
    proxy, server = urlsplit(connection.proxy or ""), urlsplit(connection.host)
    if proxy.scheme not in _TYPES:
        raise MissingCapability(
            "Commands cannot be run in pods through an https proxy", "Look at the pod's spec"
        )
    port = server.port or (443 if connection.tls else 80)
    try:
        opened: socket.socket = socks.create_connection(
            (server.hostname, port),
            timeout=timeout,
            proxy_type=_TYPES[proxy.scheme],
            proxy_addr=proxy.hostname,
            proxy_port=proxy.port or _PORTS[proxy.scheme],
            proxy_username=unquote(proxy.username) if proxy.username else None,
            proxy_password=unquote(proxy.password) if proxy.password else None,
        )
        if connection.tls is None:
            return opened
        name = connection.server_name or server.hostname
        return connection.tls.wrap_socket(opened, server_hostname=name)
    except OSError as error:  # PySocks' own errors are OSErrors
        raise Unreachable(
            f"The proxy {proxy.hostname} does not lead to the server: {error}"
        ) from error
