"""Kubeconfigs that need more than a certificate or a token, by way of ``kubernetes.config``."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kubernetes import config
from kubernetes.client import Configuration

from labgrader.cluster.kubeconfig import Connection
from labgrader.model.errors import Forbidden


def connect(path: Path, context: str, user: Mapping[str, Any]) -> Connection:
    """Return the connection of ``context``; runs its exec plug-in or auth provider.

    Raises:
        Forbidden: no credentials came out. The library would go on without any, and every answer
            would then look like a missing permission.
    """
    settings = Configuration()
    try:
        config.load_kube_config(str(path), context, settings, persist_config=False)
    except (config.ConfigException, OSError, ValueError) as error:
        raise _refused(path, context, str(error)) from error
    if not settings.api_key and not settings.cert_file and not settings.username:
        plugin = (user.get("exec") or {}).get("command", "")
        raise _refused(path, context, f"{plugin or 'the login'} gave no credentials")
    return Connection(
        host=settings.host.rstrip("/"),
        context=context,
        tls=_tls(settings),
        headers=lambda: _headers(settings),
        server_name=settings.tls_server_name,
        proxy=settings.proxy,
    )


def _refused(path: Path, context: str, detail: str) -> Forbidden:
    told = " ".join(detail.split())
    return Forbidden(
        f"No credentials for context {context} of {path}: {told}",
        "Log in again (see that `kubectl get ns` works), then retry",
    )


def _headers(settings: Any) -> Mapping[str, str]:
    token = settings.get_api_key_with_prefix("BearerToken", alias="authorization")
    if token:
        return {"Authorization": token}
    if settings.username:
        return {"Authorization": settings.get_basic_auth_token()}
    return {}


def _tls(settings: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ssl_ca_cert or None)
    if not settings.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    return context
