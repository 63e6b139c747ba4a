"""Checks the machine before anything is started: open files, loopback.

Without it the components would start again and again, and `up` would wait in vain.
"""

from __future__ import annotations

import resource
import socket

from labgrader.errors import MachineError

OPEN_FILES = 256
"""etcd and the API server hold 85 each at rest; with 192 the API server does not become ready."""

OPEN_FILES_OF_A_NODE = 1024
"""containerd and the kubelet hold more with each pod."""

_LOOPBACK = "127.0.0.1"
_ANSWER_SECONDS = 5.0


def require(*, real_nodes: bool = False) -> None:
    """See that this machine can run a cluster.

    Raises:
        MachineError: it cannot; says why, and what changes that.
    """
    needed = OPEN_FILES_OF_A_NODE if real_nodes else OPEN_FILES
    allowed = open_files()
    if allowed < needed:
        raise MachineError(
            f"A process may open only {allowed} files here, and the cluster needs {needed}",
            f"Raise the hard limit (`ulimit -Hn {needed}` as root), or use a new login shell",
        )
    trouble = _loopback_trouble()
    if trouble:
        raise MachineError(
            f"The loopback address {_LOOPBACK} cannot be used: {trouble}",
            "Bring the loopback interface up: `ip link set lo up` as root",
        )


def open_files() -> int:
    """Return how many files a component may open: Go programs use the hard limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 30 if hard == resource.RLIM_INFINITY else hard


def _loopback_trouble() -> str:
    """Return why no connection to this machine itself can be made, or ""."""
    try:
        with socket.create_server((_LOOPBACK, 0)) as server:
            socket.create_connection(server.getsockname(), _ANSWER_SECONDS).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""
