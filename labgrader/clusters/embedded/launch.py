"""Starting a supervisor, and staying tied to it until the cluster is ready."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import labgrader
from labgrader.clusters.embedded.components import base_environment
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.embedded.processes import SUPERVISOR
from labgrader.clusters.embedded.readiness import PortTaken
from labgrader.clusters.embedded.supervisor import DOOR_TAKEN, READY
from labgrader.errors import ProviderError


class Tether:
    """The pipe between ``up`` and the supervisor that it started.

    While it is open without ``release``, the end of this process is the end of the cluster: so
    neither Ctrl-C nor ``kill -9`` of ``up`` leaves half a cluster behind.
    """

    def __init__(self, writer: int) -> None:
        self._writer = writer

    def alive(self) -> bool:
        """Tell whether the supervisor still runs (the pipe's other end is open)."""
        poll = select.poll()
        poll.register(self._writer, 0)
        return not poll.poll(0)

    def release(self) -> None:
        """Let the cluster live on without this process."""
        try:
            os.write(self._writer, READY)
        except BrokenPipeError:
            return

    def cut(self) -> None:
        """Close the pipe; unless released before, the supervisor now stops the cluster."""
        os.close(self._writer)


def launch(layout: ClusterLayout) -> Tether:
    """Start the supervisor of the plan that is in the run folder.

    ``-S`` keeps site-packages out: what the supervisor may import is the standard library and,
    through PYTHONPATH, labgrader itself.

    Raises:
        PortTaken: a real node's cluster cannot have the port on the host that the plan names.
    """
    reader, writer = os.pipe()
    environment = base_environment(layout)
    environment["PYTHONPATH"] = str(Path(labgrader.__file__).resolve().parent.parent)
    command = [sys.executable, "-S", "-P", "-m", SUPERVISOR, str(layout.root)]
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        with os.fdopen(os.open(layout.log("supervisor"), flags, 0o600), "ab") as log:
            subprocess.run(  # noqa: S603 - our own module, by our own interpreter
                command,
                check=True,
                stdin=reader,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=environment,
                cwd=layout.run,
                start_new_session=True,
            )
    except subprocess.CalledProcessError as error:
        os.close(writer)
        if error.returncode == DOOR_TAKEN:
            raise PortTaken from error
        raise ProviderError(
            "The supervisor could not start", f"Look at {layout.log('supervisor')}"
        ) from error
    except BaseException:
        os.close(writer)
        raise
    finally:
        os.close(reader)
    return Tether(writer)
