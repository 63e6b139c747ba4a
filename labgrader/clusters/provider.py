"""The protocol that every source of clusters follows: embedded, existing, kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

Progress = Callable[[str, str], None]
"""Called as ``progress(component, message)`` while a cluster starts or stops."""


def silent(component: str, message: str) -> None:
    """Be a ``Progress`` that nobody watches."""


@dataclass(frozen=True, slots=True)
class ComponentStatus:
    """One process of a cluster.

    ``state`` is ``running``, ``backing-off`` or ``stopped``; ``pss_bytes`` is its proportional
    share of memory (None where the platform does not tell); ``last_exit`` says how it last ended.
    """

    name: str
    state: str
    pid: int | None = None
    restarts: int = 0
    last_exit: str = ""
    pss_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """What is known of a cluster.

    ``state`` is ``running``, ``degraded``, ``stopped`` or ``absent``.
    """

    provider: str
    name: str
    state: str
    nodes: str = "simulated"
    server: str = ""
    server_version: str = ""
    kubeconfig: Path | None = None
    context: str = ""
    components: tuple[ComponentStatus, ...] = field(default=())
    note: str = ""


class Provider(Protocol):
    """A source of clusters. Errors are ``errors.LabError``, one line each."""

    name: str

    def up(self, progress: Progress = silent) -> ClusterStatus:
        """Start the cluster, or find it running; return when it is ready to be used."""
        ...

    def down(self, *, purge: bool = False, progress: Progress = silent) -> None:
        """Stop it; with ``purge`` its data, keys and kubeconfig go too."""
        ...

    def status(self) -> ClusterStatus:
        """Look, without changing anything."""
        ...

    def kubeconfig(self) -> Path:
        """Return the path of the kubeconfig file; raise when there is none."""
        ...

    def load_image(self, file: Path) -> list[str]:
        """Bring the images of an archive into the cluster; return what to tell the user."""
        ...
