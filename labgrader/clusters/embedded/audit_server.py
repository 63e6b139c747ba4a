"""Runs a second API server over the same store, to apply an audit policy for a while.

The cluster's own API server reads its policy when it starts, and its log is the lab's record of
what was done; neither may change under a learner's hands. The second one listens on a free port of
127.0.0.1, writes its own log, and ends with this process: its standard input is a pipe of ours.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from labgrader.clusters.embedded import manifests
from labgrader.clusters.embedded.binary import kube_binary
from labgrader.clusters.embedded.boundedlog import telling_line
from labgrader.clusters.embedded.components import apiserver_flags, base_environment
from labgrader.clusters.embedded.files import write_private
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.embedded.pki import Pki
from labgrader.clusters.embedded.ports import free_port
from labgrader.errors import LabError, ProviderError
from labgrader.kube.client import Kube
from labgrader.kube.kubeconfig import connect
from labgrader.kube.waiting import wait_until

READY_SECONDS = 60.0
_STOP_SECONDS = 8.0
_QUIET_SECONDS = 0.5
_WORDS = 4000
"""How much of what the server said is worth reading when it did not start."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the log: what was done, and how much of it was written down."""

    level: str
    verb: str
    resource: str
    namespace: str
    name: str
    user: str
    sent: bool
    answered: bool


class AuditServer:
    """An API server with a policy of its own; use it in a ``with`` statement.

    Args:
        policy: the text of the policy, as a file would hold it.
    """

    def __init__(self, layout: ClusterLayout, policy: str) -> None:
        self._layout = layout
        self._policy = policy
        self._folder = tempfile.TemporaryDirectory(prefix="labgrader-audit-")
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0

    @property
    def kubeconfig(self) -> Path:
        """What to give to kubectl, so that it talks to this server."""
        return self._root / "kubeconfig"

    @property
    def _root(self) -> Path:
        return Path(self._folder.name)

    def __enter__(self) -> Self:
        """Start it, and wait until it answers.

        Raises:
            ProviderError: it does not start; says what it said, such as what is wrong with the
                policy.
        """
        try:
            self._start()
            self._await()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it; nothing of it stays but what was done through it."""
        self._stop()

    def _start(self) -> None:
        layout, pki, port = self._layout, Pki(self._layout.pki), free_port()
        if not (layout.run / "etcd.sock").exists():
            raise ProviderError("The lab's cluster does not run", "Run `labgrader cluster up`")
        address = "127.0.0.1"
        write_private(self._root / "policy.yaml", self._policy.encode())
        server = f"https://{address}:{port}"
        content = manifests.kubeconfig(pki, "admin", server, f"{layout.context}-audit")
        write_private(self.kubeconfig, content)
        flags = (
            *apiserver_flags(layout, pki, address, port),
            # It is a visitor: who looks for API servers must find the cluster's own.
            "--endpoint-reconciler-type=none",
            # The last one counts.
            f"--audit-policy-file={self._root / 'policy.yaml'}",
            f"--audit-log-path={self._root / 'audit.log'}",
        )
        with (self._root / "said").open("wb") as said:
            self._process = subprocess.Popen(  # noqa: S603 - our own binary
                [str(kube_binary()), "kube-apiserver", *flags],
                env={**base_environment(layout), "LABGRADER_LIFELINE": "stdin"},
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
                cwd=layout.run,
            )

    def _await(self) -> None:
        with closing(self.client()) as client:

            def ready() -> bool:
                process = self._process
                if process is None or process.poll() is not None:
                    raise ProviderError(
                        f"The API server does not start with this policy: {self._last_words()}",
                        "Mend the policy; `labgrader explain audit_policy` says what it must be",
                    )
                try:
                    return client.text("/readyz", timeout=2) == "ok"
                except LabError:
                    return False

            if not wait_until(ready, READY_SECONDS):
                raise ProviderError("The API server with this policy did not become ready")

    def client(self) -> Kube:
        """Return a client that talks to this server as the cluster's administrator."""
        return Kube(connect(self.kubeconfig, None))

    def _last_words(self) -> str:
        content = (self._root / "said").read_bytes()[-_WORDS:]
        return telling_line(content) or "it says nothing"

    def entries(self) -> Iterator[AuditEntry]:
        """Yield what was written down since the last call, and who did it by this server."""
        try:
            with (self._root / "audit.log").open("rb") as log:
                log.seek(self._read)
                content = log.read()
        except OSError:
            return
        whole = content[: content.rfind(b"\n") + 1]  # the last line may be half written
        self._read += len(whole)
        for line in whole.splitlines():
            event = json.loads(line)
            if event.get("stage") == "ResponseComplete" and event.get("objectRef"):
                entry = _entry(event)
                if not entry.user.startswith("system:"):  # the server's own housekeeping
                    yield entry

    def _stop(self) -> None:
        process = self._process
        if process is not None:
            if process.stdin:
                process.stdin.close()
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._folder.cleanup()


def _entry(event: dict[str, Any]) -> AuditEntry:
    about = event["objectRef"]
    sub = about.get("subresource")
    return AuditEntry(
        level=str(event.get("level")),
        verb=str(event.get("verb")),
        resource=str(about.get("resource")) + (f"/{sub}" if sub else ""),
        namespace=str(about.get("namespace", "")),
        name=str(about.get("name", "")),
        user=str((event.get("user") or {}).get("username", "")),
        sent="requestObject" in event,
        answered="responseObject" in event,
    )


def settled(server: AuditServer, seconds: float = 3.0) -> list[AuditEntry]:
    """Return what was written down, once nothing more comes; a line is a moment behind its deed."""
    found: list[AuditEntry] = []
    quiet = end = time.monotonic() + seconds
    while time.monotonic() < min(quiet, end):
        more = list(server.entries())
        found.extend(more)
        if more:
            quiet = time.monotonic() + _QUIET_SECONDS
        time.sleep(0.05)
    return found
