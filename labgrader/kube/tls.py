"""TLS settings of a kubeconfig: certificate authority and client certificate."""

from __future__ import annotations

import re
import ssl
import tempfile
from contextlib import ExitStack

from labgrader.errors import UsageError
from labgrader.kube.credentials import Login
from labgrader.kube.kubeconfig_file import KubeconfigEntry
from labgrader.util.machine import machine_errors

CLUSTER_KEYS = ("certificate-authority", "certificate-authority-data", "insecure-skip-tls-verify")
USER_KEYS = (
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
)

_CERTIFICATE = re.compile(
    rb"-----BEGIN (?:TRUSTED )?CERTIFICATE-----.+?-----END (?:TRUSTED )?CERTIFICATE-----", re.DOTALL
)
_ENCRYPTED = (b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED")


def context_of(cluster: KubeconfigEntry, user: KubeconfigEntry, login: Login) -> ssl.SSLContext:
    """Return the TLS context of a connection.

    A private key touches the disk only as a file of mode 0600, for a moment.

    Raises:
        UsageError: something in it cannot be used; says what.
    """
    context = _trust(cluster)
    certificate = login.certificate or user.content("client-certificate")
    key = login.key or user.content("client-key")
    if bool(certificate) != bool(key):
        lacks, has = (
            ("client-key", "client-certificate")
            if certificate
            else (
                "client-certificate",
                "client-key",
            )
        )
        raise user.refused(f"it has a {has} and no {lacks}")
    if any(mark in key for mark in _ENCRYPTED):
        raise user.refused(
            "the client key is protected by a passphrase, which is not supported",
            "As with kubectl, store it without: `openssl pkey -in KEY -out KEY.plain`",
        )
    if certificate:
        _show(context, certificate, key, user)
    return context


def _trust(cluster: KubeconfigEntry) -> ssl.SSLContext:
    """Return a context with the authorities that the cluster names, or those of the machine."""
    authorities = cluster.content("certificate-authority")
    if cluster.flag("insecure-skip-tls-verify"):
        if authorities:
            raise cluster.refused(
                "it names a certificate authority and insecure-skip-tls-verify",
                "Remove one of them; kubectl refuses both together as well",
            )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if not authorities:  # reading the machine's takes 50 ms: only where they are asked
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # An intermediate authority, or the server's own certificate, is enough, as for kubectl.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # Only the certificates: what stands around them may be in any encoding.
    blocks = b"\n".join(_CERTIFICATE.findall(authorities)).decode("latin-1")
    try:
        context.load_verify_locations(cadata=blocks)
    except (ssl.SSLError, ValueError) as error:
        raise cluster.refused("certificate-authority holds no usable certificate") from error
    return context


def _show(context: ssl.SSLContext, certificate: bytes, key: bytes, user: KubeconfigEntry) -> None:
    """Let the context show a client certificate."""
    try:
        with machine_errors(), ExitStack() as stack:
            files = [stack.enter_context(tempfile.NamedTemporaryFile("wb")) for _ in range(2)]
            for file, content in zip(files, (certificate, key), strict=True):
                file.write(content)
                file.flush()
            context.load_cert_chain(files[0].name, files[1].name, password=_no_passphrase)
    except UsageError:
        raise
    except (OSError, ssl.SSLError, ValueError) as error:
        raise user.refused(
            "the client certificate and key cannot be used together",
            "Get a fresh kubeconfig; for the lab's own cluster: `labgrader cluster up`",
        ) from error


def _no_passphrase() -> bytes:
    """Answer in place of OpenSSL's prompt, which would wait at a terminal that nobody sees."""
    raise ValueError("a passphrase is not supported")
