"""From a kubeconfig to a connection.

Certificate and token kubeconfigs are read here with the fast YAML loader; everything else (exec
plug-ins, auth providers, several merged files) is handed to ``kubernetes.config``, whose import
costs ten times as much. See docs/adr/0004-client.md.
"""

from __future__ import annotations

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from labgrader.model.errors import Forbidden, UsageError
from labgrader.model.machine import machine_errors

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KNOWN_USER_KEYS = {
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
    "token",
    "tokenFile",
}


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach one API server. ``headers`` is asked before each request (tokens expire)."""

    host: str
    context: str
    tls: ssl.SSLContext | None
    headers: Callable[[], Mapping[str, str]]
    server_name: str | None = None
    proxy: str | None = None


def read(path: Path) -> dict[str, Any]:
    """Parse a kubeconfig file that has contexts; errors as for ``parse``."""
    data = parse(path)
    if not isinstance(data.get("contexts"), list):
        raise UsageError(f"{path} is no kubeconfig: it has no contexts", "Name another file")
    return data


def parse(path: Path) -> dict[str, Any]:
    """Parse a kubeconfig file, which may be a part of one.

    Raises:
        UsageError: it is not there, cannot be read, or is no kubeconfig.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        detail = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"The kubeconfig {path} cannot be read: {detail}",
            "Name another with --kubeconfig, or start the lab's own: `labgrader cluster up`",
        ) from error
    try:
        data = yaml.load(text, Loader=Loader)  # noqa: S506 - the C twin of the safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise UsageError(
            f"The kubeconfig {path} is no YAML{where}", "Mend it, or name another"
        ) from error
    if not isinstance(data, dict):
        raise UsageError(f"{path} is no kubeconfig: it has no contexts", "Name another file")
    return data


def connect(path: Path, context: str | None = None) -> Connection:
    """Return the connection of ``context`` (default: the file's current one).

    Raises:
        UsageError: the file or the context is not usable.
        Forbidden: the credentials that the file speaks of cannot be had.
    """
    data = read(path)
    wanted = context or data.get("current-context")
    if not wanted:
        raise UsageError(f"{path} has no current context", "Choose one with --context")
    entry = _named(data, "contexts", wanted, path)["context"]
    cluster = _named(data, "clusters", entry.get("cluster"), path)["cluster"]
    user = _named(data, "users", entry.get("user"), path).get("user") or {}
    if not set(user) <= _KNOWN_USER_KEYS:
        from labgrader.cluster import kubeconfig_library

        return kubeconfig_library.connect(path, wanted, user)
    return Connection(
        host=_server(cluster, path),
        context=wanted,
        tls=_tls(cluster, user, path.parent),
        headers=_bearer(user, path.parent),
        server_name=cluster.get("tls-server-name"),
        proxy=cluster.get("proxy-url") or _proxy_for(_server(cluster, path)),
    )


def find(data: Mapping[str, Any], kind: str, name: object) -> dict[str, Any] | None:
    """Return the entry of that name of ``contexts``, ``clusters`` or ``users``, if there is one."""
    entries = data.get(kind)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name:
            inner = entry.get(kind[:-1])
            if isinstance(inner, dict) or kind == "users":
                return entry
    return None


def _named(data: Mapping[str, Any], kind: str, name: object, path: Path) -> dict[str, Any]:
    found = find(data, kind, name)
    if found is not None:
        return found
    entries = data.get(kind)
    known = [str(e.get("name")) for e in entries or () if isinstance(e, dict)]
    raise UsageError(
        f"{path} has no {kind[:-1]} {name!r} (it has: {', '.join(known) or 'none'})",
        "Choose one with --context" if kind == "contexts" else "Mend the file",
    )


def _server(cluster: Mapping[str, Any], path: Path) -> str:
    server = cluster.get("server")
    if not isinstance(server, str) or not server.startswith(("https://", "http://")):
        raise UsageError(f"{path} names no server for this cluster", "Mend the file")
    return server.rstrip("/")


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any], base: Path) -> ssl.SSLContext | None:
    """Build the TLS context; the private key touches the disk only as a 0600 file, briefly."""
    if cluster["server"].startswith("http://"):
        return None
    try:
        context = _trust(cluster, base)
        with machine_errors(), ExitStack() as stack:
            cert = _file(user, "client-certificate", base, stack)
            key = _file(user, "client-key", base, stack)
            if cert and key:
                context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError, binascii.Error, ValueError) as error:
        raise UsageError(
            f"The certificates of this kubeconfig cannot be used: {error}",
            "Get a fresh kubeconfig; for the lab's own cluster: `labgrader cluster up`",
        ) from error
    return context


def _trust(cluster: Mapping[str, Any], base: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif cluster.get("certificate-authority-data"):
        pem = base64.b64decode(cluster["certificate-authority-data"]).decode("ascii")
        context.load_verify_locations(cadata=pem)
    elif cluster.get("certificate-authority"):
        context.load_verify_locations(cafile=str(base / cluster["certificate-authority"]))
    else:  # the machine's own authorities, which take 50 ms to read: only where they are asked
        context = ssl.create_default_context()
    return context


def _file(user: Mapping[str, Any], key: str, base: Path, stack: ExitStack) -> str | None:
    inline = user.get(f"{key}-data")
    if inline:
        handle = tempfile.NamedTemporaryFile("wb")  # noqa: SIM115 - the stack closes it; 0600
        stack.enter_context(handle)
        handle.write(base64.b64decode(inline))
        handle.flush()
        return handle.name
    return str(base / user[key]) if user.get(key) else None


def _bearer(user: Mapping[str, Any], base: Path) -> Callable[[], Mapping[str, str]]:
    if user.get("token"):
        fixed = {"Authorization": f"Bearer {user['token']}"}
        return lambda: fixed
    if user.get("tokenFile"):
        file = base / user["tokenFile"]

        def from_file() -> Mapping[str, str]:
            try:
                return {"Authorization": f"Bearer {file.read_text(encoding='utf-8').strip()}"}
            except OSError as error:
                raise Forbidden(
                    f"The token file {file} cannot be read: {error.strerror}", "Log in again"
                ) from error

        return from_file
    return dict


def _proxy_for(host: str) -> str | None:
    """Return the proxy that the environment asks for, as other Kubernetes clients do."""
    if not any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY")):
        return None
    from urllib.request import getproxies, proxy_bypass

    address = host.split("://", 1)[1].split("/", 1)[0].rsplit(":", 1)[0].strip("[]")
    if address in ("localhost", "127.0.0.1", "::1") or proxy_bypass(address):
        return None
    found = getproxies()
    return found.get(host.split("://", 1)[0]) or found.get("all")
