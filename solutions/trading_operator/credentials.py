"""How to reach the API server: a pod's ServiceAccount, or a kubeconfig."""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

IN_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_KNOWN = {
    *("client-certificate", "client-certificate-data", "client-key", "client-key-data"),
    *("token", "tokenFile"),
}


class NoCredentials(Exception):
    """There is no way to reach an API server; the text is one line that says why."""


@dataclass(frozen=True, slots=True)
class Server:
    """An API server. ``headers`` is asked before every request, for tokens are replaced."""

    url: str
    tls: ssl.SSLContext | None
    headers: Callable[[], Mapping[str, str]]
    hostname: str | None = None


def find(kubeconfig: str | None) -> Server:
    """Return the kubeconfig's server if one is given, else the one around this pod.

    Raises:
        NoCredentials: neither works.
    """
    try:
        if kubeconfig:
            return _from_kubeconfig(Path(kubeconfig))
        return _from_pod()
    except (OSError, ssl.SSLError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        source = kubeconfig or "the ServiceAccount of this pod"
        raise NoCredentials(f"{source} cannot be used: {type(error).__name__}: {error}") from error


def _from_pod() -> Server:
    host = os.environ.get("KUBERNETES_SERVICE_HOST")
    if not host:
        raise NoCredentials("this is no pod (KUBERNETES_SERVICE_HOST is empty): use --kubeconfig")
    host = f"[{host}]" if ":" in host else host
    url = f"https://{host}:{os.environ.get('KUBERNETES_SERVICE_PORT', '443')}"
    tls = ssl.create_default_context(cafile=str(IN_POD / "ca.crt"))
    headers = _bearer(IN_POD / "token")
    headers()  # it must be readable now
    return Server(url, tls, headers)


def _from_kubeconfig(path: Path) -> Server:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    context = _named(data, "context", data["current-context"])
    cluster = _named(data, "cluster", context["cluster"])
    user = _named(data, "user", context["user"]) or {}
    if not set(user) <= _KNOWN:
        raise NoCredentials(f"{path} logs in with {', '.join(set(user) - _KNOWN)}: use a token")
    headers: Callable[[], Mapping[str, str]] = dict
    if "tokenFile" in user:
        headers = _bearer(path.parent / user["tokenFile"])
    elif "token" in user:
        headers = {"Authorization": f"Bearer {user['token']}"}.copy
    url = str(cluster["server"]).rstrip("/")
    tls = _tls(cluster, user, path.parent) if url.startswith("https://") else None
    return Server(url, tls, headers, cluster.get("tls-server-name"))


def _named(data: Mapping[str, Any], kind: str, name: str) -> dict[str, Any]:
    for entry in data[f"{kind}s"]:
        if entry["name"] == name:
            found: dict[str, Any] = entry[kind]
            return found
    raise ValueError(f"no {kind} {name!r}")


def _bearer(file: Path) -> Callable[[], Mapping[str, str]]:
    """Read the token anew each time: the kubelet replaces it about every 50 minutes."""
    return lambda: {"Authorization": f"Bearer {file.read_text(encoding='utf-8').strip()}"}


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any], base: Path) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    elif cluster.get("certificate-authority-data"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        pem = base64.b64decode(cluster["certificate-authority-data"]).decode("ascii")
        context.load_verify_locations(cadata=pem)
    elif cluster.get("certificate-authority"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile=str(base / cluster["certificate-authority"]))
    with ExitStack() as files:
        certificate = _file(user, "client-certificate", base, files)
        key = _file(user, "client-key", base, files)
        if certificate and key:
            context.load_cert_chain(certificate, key)
    return context


def _file(user: Mapping[str, Any], key: str, base: Path, files: ExitStack) -> str | None:
    """Return a file's name; what stands in the kubeconfig itself goes to a private one, briefly."""
    if user.get(f"{key}-data"):
        handle = files.enter_context(tempfile.NamedTemporaryFile("wb"))  # noqa: SIM115 - the stack does
        handle.write(base64.b64decode(user[f"{key}-data"]))
        handle.flush()
        return handle.name
    return str(base / user[key]) if user.get(key) else None
