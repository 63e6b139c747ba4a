"""Finding and ending a cluster's processes, also when every file about them is wrong.

A process belongs to a cluster when its environment says so. psutil remembers each process' start
time and refuses to signal another one that got the same pid.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from labgrader.clusters.embedded.files import read_json
from labgrader.clusters.embedded.layout import CLUSTER_VARIABLE, ClusterLayout

SUPERVISOR = "labgrader.clusters.embedded.supervisor"
"""The module that ``python -m`` runs; how a supervisor is recognized."""

_SUPERVISORS = (SUPERVISOR, "labgrader.cluster.embedded.supervisor")
"""The second is that of 0.1: a cluster outlives the upgrade, and is still to be found and ended."""

_KILLED_SECONDS = 5.0
_POLL_SECONDS = 0.02

_GONE = (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied, OSError)


def of_cluster(layout: ClusterLayout) -> list[psutil.Process]:
    """Return every process of this cluster, supervisor included."""
    return [process for process in psutil.process_iter() if _belongs(process, layout)]


def supervisor(layout: ClusterLayout) -> psutil.Process | None:
    """Return the cluster's supervisor if one runs; the status file only makes this quicker."""
    pid = read_json(layout.status).get("supervisor")
    if isinstance(pid, int) and pid > 1:
        for process in _known(pid):
            if _supervises(process, layout):
                return process
    found = [process for process in psutil.process_iter() if _supervises(process, layout)]
    # A supervisor in namespaces of its own is process 1 there; what waits for it outside is not.
    return next((p for p in found if inner_pid(p.pid) == 1), next(iter(found), None))


def components(layout: ClusterLayout, pids: Iterable[object]) -> dict[object, psutil.Process]:
    """Return the processes of this cluster which have these ``pids`` for their supervisor."""
    wanted = {pid for pid in pids if isinstance(pid, int) and pid > 0}
    init = supervisor(layout)
    if init is None or inner_pid(init.pid) == init.pid:
        known = {pid: next(iter(_known(pid)), None) for pid in wanted}
        return {pid: p for pid, p in known.items() if p is not None and _belongs(p, layout)}
    # In namespaces of its own; a component there is the supervisor's child, whatever it looks like.
    try:
        children = init.children()
    except psutil.Error:
        return {}
    return {inner: child for child in children if (inner := inner_pid(child.pid)) in wanted}


def inner_pid(pid: int) -> int:
    """Return the pid which a process has in the innermost PID namespace that holds it."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return pid
    line = next((line for line in text.splitlines() if line.startswith("NSpid:")), "")
    return int(line.split()[-1]) if line else pid


def end(processes: list[psutil.Process], seconds: float) -> None:
    """Ask the processes to end; kill those which have not after ``seconds``."""
    for process in processes:
        _signal(process, kill=False)
    alive = wait_gone(processes, seconds)
    for process in alive:
        _signal(process, kill=True)
    wait_gone(alive, _KILLED_SECONDS)


def wait_gone(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait up to ``seconds`` for the processes to end; return those which have not.

    Not ``psutil.wait_procs``: it waits for the parent to collect them, which an init may put off.
    """
    deadline = time.monotonic() + seconds
    while alive := [process for process in processes if not _over(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_SECONDS)
    return alive


def pss_bytes(pid: int) -> int | None:
    """Return the proportional set size of a process in bytes; None where it cannot be told."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return None


def _over(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _known(pid: int) -> Iterator[psutil.Process]:
    try:
        yield psutil.Process(pid)
    except psutil.Error:
        return


def _belongs(process: psutil.Process, layout: ClusterLayout) -> bool:
    try:
        return process.environ().get(CLUSTER_VARIABLE) == str(layout.root)
    except psutil.AccessDenied:
        return _names(process, layout)
    except _GONE:
        return False


def _names(process: psutil.Process, layout: ClusterLayout) -> bool:
    """Tell whether a process of root's is the cluster's supervisor, by what everybody may see."""
    try:
        *_, module, root = ("", "", *process.cmdline())
        return module in _SUPERVISORS and root == str(layout.root)
    except _GONE:
        return False


def _supervises(process: psutil.Process, layout: ClusterLayout) -> bool:
    try:
        named = not set(_SUPERVISORS).isdisjoint(process.cmdline())
        return named and _belongs(process, layout)
    except _GONE:
        return False


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        if kill:
            process.kill()
        else:
            process.terminate()
    except _GONE:
        return
