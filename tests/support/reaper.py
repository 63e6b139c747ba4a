"""Ends what a test process that was killed has left running: clusters, terminals, programs.

A process of its own, because the one it watches may end in any way: pytest-xdist kills its workers
at Ctrl-C, before their fixtures can clean up. What tests start is known by its working folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FINISHED = b"finished"
"""What the watched process says before it ends by itself, with all that it started."""

END_SECONDS = 5.0
"""How long a program may take to end before it is killed."""


@contextmanager
def reaper(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that outlives this one, and then ends all that runs below ``folder``."""
    command = [sys.executable, str(Path(__file__).resolve()), str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, cwd="/", start_new_session=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.write(FINISHED)
        process.stdin.close()


def roots(folder: Path) -> set[Path]:
    """Return the folders of the clusters below ``folder`` that have a process."""
    import psutil

    from labgrader.clusters.embedded.layout import CLUSTER_VARIABLE

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
    from labgrader.clusters.embedded.provider import EmbeddedProvider
    from labgrader.errors import LabError
    from labgrader.paths import STATE_VARIABLE

    for root in roots(folder):
        os.environ[STATE_VARIABLE] = str(root.parent.parent)
        sys.stderr.write(f"tests were killed: taking down the cluster {root.name}\n")
        try:
            EmbeddedProvider(root.name).down(purge=True)
        except LabError as error:
            sys.stderr.write(f"it stays: {error.message}\n")


def end_programs(folder: Path) -> None:
    """End every process that works below ``folder``."""
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder):
                process.terminate()
                found.append(process)
        except (psutil.Error, OSError):
            continue
    for process in psutil.wait_procs(found, END_SECONDS)[1]:
        process.kill()


if __name__ == "__main__":
    said = sys.stdin.buffer.read()  # until the other end of the pipe is gone
    end_clusters(Path(sys.argv[1]))
    if said != FINISHED:
        end_programs(Path(sys.argv[1]))
