"""Credentials from an exec plug-in (client.authentication.k8s.io), such as a cloud's login."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from labgrader.errors import Forbidden, UsageError
from labgrader.kube.kubeconfig_file import KubeconfigEntry

LIMIT_SECONDS = 30.0
INTERACTIVE_SECONDS = 300.0
"""How long a plug-in may take: alone, and where somebody at a terminal may have to answer it."""

VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
MOST_BYTES = 1_000_000
MOST_LINE, MOST_LINES = 1000, 20
"""How much of what it says is passed on, in bytes a line and lines."""

_EARLY = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Credential:
    """What a plug-in returned: a token, or a certificate with its key (PEM)."""

    token: str = ""
    certificate: bytes = b""
    key: bytes = b""
    expires: datetime | None = None


@dataclass(slots=True)
class Plugin:
    """One user's plug-in; keeps its last credential until that expires."""

    user: KubeconfigEntry
    command: str
    arguments: list[str]
    environment: Mapping[str, str]
    interactive: bool
    info: Mapping[str, Any]
    hint: str
    tell: Callable[[str], None]
    _last: Credential | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(
        cls, user: KubeconfigEntry, cluster: KubeconfigEntry, tell: Callable[[str], None]
    ) -> Plugin:
        """Read the plug-in of a user.

        Raises:
            UsageError: its description cannot be used.
            Forbidden: the program is not installed; names the hint that comes with it.
        """
        settings = KubeconfigEntry(f"{user.name}: exec", user.mapping("exec"), user.file)
        version, command = settings.text("apiVersion"), settings.text("command")
        if version not in VERSIONS:
            raise user.refused(
                f"exec.apiVersion {version!r} is not supported",
                f"It may be {' or '.join(VERSIONS)}",
            )
        if not command:
            raise user.refused("exec names no command")
        hint = " ".join(settings.text("installHint").split())[:300]
        return cls(
            user=user,
            command=_program(command, user, hint),
            arguments=settings.strings("args"),
            environment=_variables(settings),
            interactive=_interactive(settings),
            info=_cluster_info(cluster) if settings.flag("provideClusterInfo") else {},
            hint=hint,
            tell=tell,
        )

    def credential(self) -> Credential:
        """Return a credential that is still good; runs the program where there is none.

        Raises:
            Forbidden: it failed, took too long, or returned none.
        """
        with self._lock:
            last = self._last
            if last is None or (last.expires and last.expires - _EARLY < datetime.now(UTC)):
                self._last = last = self._parsed(self._run())
            return last

    def _run(self) -> bytes:
        limit = INTERACTIVE_SECONDS if self.interactive else LIMIT_SECONDS
        request = {
            "kind": "ExecCredential",
            "apiVersion": self.user.value["exec"]["apiVersion"],
            "spec": {"interactive": self.interactive, **self.info},
        }
        environment = {
            **os.environ,
            **self.environment,
            "KUBERNETES_EXEC_INFO": json.dumps(request),
        }
        try:
            process = subprocess.Popen(  # noqa: S603 - the kubeconfig names it, as for kubectl
                [self.command, *self.arguments],
                env=environment,
                stdin=None if self.interactive else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=not self.interactive,
            )
        except (OSError, ValueError) as error:
            raise self._failed(f"it cannot be run: {getattr(error, 'strerror', error)}") from error
        out, lines = bytearray(), [""]
        readers = [
            threading.Thread(target=_collect, args=(process.stdout, out), daemon=True),
            threading.Thread(target=self._relay, args=(process.stderr, lines), daemon=True),
        ]
        for reader in readers:
            reader.start()
        try:
            code = process.wait(timeout=limit)
        except subprocess.TimeoutExpired as error:
            raise self._failed(f"it did not end within {limit:.0f} s") from error
        finally:
            if process.poll() is None:
                _end(process, group=not self.interactive)
            for reader in readers:
                reader.join(timeout=1)
        if code != 0:
            said = f": {lines[-1][:200]}" if lines[-1] else ""
            raise self._failed(f"it ended with exit code {code}{said}")
        return bytes(out)

    def _relay(self, stream: IO[bytes], lines: list[str]) -> None:
        """Pass on what the plug-in says to people while it runs; keep the last line."""
        name = Path(self.command).name
        with stream:
            while line := stream.readline(MOST_LINE):
                text = line.decode("utf-8", "replace").strip()
                if text and len(lines) < MOST_LINES:
                    lines.append(text)
                    self.tell(f"{name}: {text}")

    def _parsed(self, out: bytes) -> Credential:
        try:
            body = json.loads(out)
        except (ValueError, RecursionError) as error:
            raise self._failed("what it printed is not JSON") from error
        status = body.get("status") if isinstance(body, dict) else None
        if not isinstance(status, dict) or body.get("kind") != "ExecCredential":
            raise self._failed("it printed no ExecCredential with a status")
        if body.get("apiVersion") != self.user.value["exec"]["apiVersion"]:
            raise self._failed(f"it answered in another apiVersion, {body.get('apiVersion')!r}")
        found = {key: status.get(key) or "" for key in (*_FIELDS, "expirationTimestamp")}
        if not all(isinstance(one, str) for one in found.values()):
            raise self._failed("a field of its status is not a string")
        token, certificate, key = (found[name] for name in _FIELDS)
        if not token and not (certificate and key):
            raise self._failed("it gave no credentials")
        expires = self._moment(found["expirationTimestamp"])
        return Credential(token, certificate.encode(), key.encode(), expires)

    def _moment(self, stamp: str) -> datetime | None:
        if not stamp:
            return None
        try:
            moment = datetime.fromisoformat(stamp)
        except ValueError as error:
            raise self._failed(f"its expirationTimestamp {stamp!r} is not a time") from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def _failed(self, why: str) -> Forbidden:
        told = f"; {self.hint}" if self.hint else ""
        return self.user.no_credentials(f"{self.command}: {why}{told}")


_FIELDS = ("token", "clientCertificateData", "clientKeyData")


def _program(command: str, user: KubeconfigEntry, hint: str) -> str:
    """Return the path of the command: relative to the file, or from the PATH."""
    found = str(user.file.parent / command) if os.sep in command else shutil.which(command) or ""
    if found and Path(found).is_file():
        return found
    told = f": {hint}" if hint else ""
    raise Forbidden(
        f"No credentials for {user.name} of {user.file}: {command} is not installed{told}",
        "Install it, or use another context",
    )


def _variables(settings: KubeconfigEntry) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in settings.value.get("env") or []:
        name, value = (one.get("name"), one.get("value")) if isinstance(one, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(value, str):
            raise settings.refused("env must be a list of names and values")
        found[name] = value
    return found


def _interactive(settings: KubeconfigEntry) -> bool:
    """Whether the plug-in may ask somebody at the terminal."""
    mode = settings.text("interactiveMode") or "IfAvailable"
    if mode not in ("Never", "IfAvailable", "Always"):
        raise settings.refused(f"interactiveMode {mode!r} is not supported")
    terminal = sys.stdin is not None and sys.stdin.isatty()
    if mode == "Always" and not terminal:
        raise UsageError(
            f"{settings.file}: {settings.name}: the login needs a terminal"
            " (interactiveMode: Always)",
            "Run it in a terminal, or use another context",
        )
    return mode != "Never" and terminal


def _cluster_info(cluster: KubeconfigEntry) -> dict[str, Any]:
    """Return what a plug-in is told about the cluster, where it asks for that."""
    authorities = cluster.content("certificate-authority")
    told = {
        "server": cluster.text("server"),
        "tls-server-name": cluster.text("tls-server-name"),
        "insecure-skip-tls-verify": cluster.flag("insecure-skip-tls-verify"),
        "certificate-authority-data": b64encode(authorities).decode(),
        "proxy-url": cluster.text("proxy-url"),
    }
    return {"cluster": {key: value for key, value in told.items() if value}}


def _collect(stream: IO[bytes], out: bytearray) -> None:
    """Read to the end; keep no more than a credential can be."""
    with stream:
        while chunk := stream.read(65536):
            if len(out) < MOST_BYTES:
                out += chunk


def _end(process: subprocess.Popen[bytes], *, group: bool) -> None:
    """End a plug-in, and what it started where that is in a group of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
