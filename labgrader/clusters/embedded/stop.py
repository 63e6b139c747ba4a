"""Ending a cluster, in order where possible and by force where not."""

from __future__ import annotations

import psutil

from labgrader.clusters.embedded import processes
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.embedded.nodes import cgroups
from labgrader.clusters.embedded.setup import clean_run_folder
from labgrader.clusters.provider import Progress, silent
from labgrader.errors import ProviderError

STOP_SECONDS = 12.0
"""How long to wait for the supervisor; it kills its components after 8 s."""

CLEANING_SECONDS = 6.0
"""How long to wait for what the supervisor leaves to end by itself."""


def stop(layout: ClusterLayout, progress: Progress = silent) -> None:
    """End every process of the cluster and remove what they leave in the run folder.

    Raises:
        ProviderError: a process survived SIGKILL.
    """
    supervisor = processes.supervisor(layout)
    if supervisor is not None:
        progress("cluster", "stopping")
        _ask_to_end(supervisor)
        # Of a cluster in namespaces of its own, one process outlives them to clean up.
        processes.wait_gone(processes.of_cluster(layout), CLEANING_SECONDS)
    strays = processes.of_cluster(layout)
    if strays:
        progress("cluster", f"ending {len(strays)} processes that have no supervisor")
        processes.end(strays, 3.0)
    left = processes.of_cluster(layout)
    if left:
        raise ProviderError(
            f"These processes do not end: {', '.join(str(p.pid) for p in left)}",
            "Wait for the disk they write to, then run `labgrader cluster down` again",
        )
    if layout.node.is_dir() and (left_groups := cgroups.remove(cgroups.group_of(layout.root))):
        raise ProviderError(
            f"This control group cannot be removed: {left_groups[0]}",
            "See which processes are in it (its file cgroup.procs), end them, then try again",
        )
    clean_run_folder(layout)


def _ask_to_end(supervisor: psutil.Process) -> None:
    try:
        supervisor.terminate()
    except psutil.NoSuchProcess:
        return
    processes.wait_gone([supervisor], STOP_SECONDS)
