"""Takes down the clusters of a test process that was killed.

A process of its own, because the one it watches may end in any way: pytest-xdist kills its workers
at Ctrl-C, before their fixtures can clean up.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def reaper(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that outlives this one, and then ends all clusters below ``folder``."""
    command = [sys.executable, str(Path(__file__).resolve()), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def roots(folder: Path) -> set[Path]:
    """Return the folders of the clusters below ``folder`` that have a process."""
    import psutil

    from labgrader.cluster.embedded.layout import CLUSTER_VARIABLE

    found = set()
    for process in psutil.process_iter():
        try:
            root = Path(process.environ().get(CLUSTER_VARIABLE, "/"))
        except psutil.Error:
            continue
        if root.is_relative_to(folder):
            found.add(root)
    return found


def end_clusters(folder: Path) -> None:
    """Stop and remove every cluster below ``folder``; what cannot be is named, the rest goes on."""
    from labgrader.cluster.embedded.provider import EmbeddedProvider
    from labgrader.model.errors import LabError
    from labgrader.paths import STATE_VARIABLE

    for root in roots(folder):
        os.environ[STATE_VARIABLE] = str(root.parent.parent)
        sys.stderr.write(f"tests were killed: taking down the cluster {root.name}\n")
        try:
            EmbeddedProvider(root.name).down(purge=True)
        except LabError as error:
            sys.stderr.write(f"it stays: {error.message}\n")


if __name__ == "__main__":
    sys.stdin.buffer.read()  # until the other end of the pipe is gone
    end_clusters(Path(sys.argv[1]))
