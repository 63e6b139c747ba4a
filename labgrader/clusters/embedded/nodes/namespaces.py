"""Linux namespaces of a cluster with a real node; its supervisor is their init.

``enter`` turns one process into two. The one that returns is process 1 of new PID, mount, network
and IPC namespaces: its end, however it comes, ends every process, mount, link and table in there.
The other one stays outside, waits for that, and removes the control groups, which are all that
would be left. Nobody depends on it: killed, its work is done by the next ``up`` or ``down``.

Standard library only: the supervisor imports this.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

from labgrader.clusters.embedded.child import DOOR
from labgrader.clusters.embedded.nodes import cgroups
from labgrader.clusters.embedded.nodes.syscalls import (
    BIND,
    NEW_IPC,
    NEW_MOUNTS,
    NEW_NETWORK,
    NEW_PIDS,
    PRIVATE,
    RECURSIVE,
    mount,
    unshare,
)

_LIBRARY = Path("/var/lib")
_MASKED = (_LIBRARY, Path("/var/log"))
_SCRATCH = Path("/run/labgrader")

# What a kubelet wants the kernel to be like. It is shown these values and finds nothing to change:
# they are not in a namespace, and the host's must stay as they are.
_TUNABLES = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def open_door(port: int) -> None:
    """Listen on ``port`` of the host's loopback, as descriptor ``DOOR``.

    A socket belongs to the network namespace in which it was made, so this one leads from the host
    into the cluster.

    Raises:
        OSError: the port is taken.
    """
    door = socket.create_server(("127.0.0.1", port), backlog=256)
    handle = door.detach()
    if handle != DOOR:
        os.dup2(handle, DOOR)
        os.close(handle)


def enter(root: Path, facts: dict[str, Any]) -> None:
    """Return as process 1 of new namespaces that hold the cluster at ``root``.

    Args:
        facts: ``address`` of the node, ``binds`` (folder of the cluster to a place below /var/lib).

    Raises:
        OSError: the system refuses (the process is not root's, or something is not mounted).
    """
    group = cgroups.group_of(root)
    cgroups.remove(group, 0)
    cgroups.make(group)
    unshare(NEW_PIDS)
    inner = os.fork()
    if inner:
        _wait_outside(inner, group)
    unshare(NEW_MOUNTS | NEW_NETWORK | NEW_IPC)
    _mounts(root, facts["binds"])
    _network(facts["address"])


def reap(known: set[int]) -> None:
    """Collect ended processes that have no other parent than this one, except the ``known``."""
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if found is None or found.si_pid in known:
            return
        os.waitpid(found.si_pid, 0)


def _wait_outside(inner: int, group: str) -> None:
    """Outlive the namespaces, clean up, and end."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Else `up` would take the pipe for alive, and the port would stay taken.
    nothing = os.open(os.devnull, os.O_RDWR)
    for handle in (0, DOOR):
        os.dup2(nothing, handle)
    os.waitpid(inner, 0)
    cgroups.remove(group)
    os._exit(0)


def _mounts(root: Path, binds: dict[str, str]) -> None:
    """Give the cluster its own /proc and /run, and a /var/lib whose changes nobody else sees."""
    mount("none", Path("/"), flags=PRIVATE | RECURSIVE)
    mount("proc", Path("/proc"), "proc")
    own = os.open(root, os.O_PATH)
    mount("tmpfs", Path("/run"), "tmpfs", options="mode=755")
    for folder in _MASKED:
        _overlay(folder)
    # The cluster's folder may lie below one of those; it is the one that must be the real one.
    if any(root.is_relative_to(folder) for folder in (Path("/run"), *_MASKED)):
        root.mkdir(parents=True, exist_ok=True)
        mount(f"/proc/self/fd/{own}", root, flags=BIND | RECURSIVE)
    os.close(own)
    for source, place in binds.items():
        target = _LIBRARY / place
        target.mkdir(parents=True, exist_ok=True)
        mount(str(root / source), target, flags=BIND)
    for name, value in _TUNABLES.items():
        _show(name, value)
    os.chdir(root / "run")


def _overlay(folder: Path) -> None:
    """Let ``folder`` look as it is, and take changes that end with the namespace."""
    layer = _SCRATCH / folder.name
    upper, work = layer / "changed", layer / "work"
    upper.mkdir(parents=True)
    work.mkdir()
    upper.chmod(0o755)
    options = f"lowerdir={folder},upperdir={upper},workdir={work}"
    mount("overlay", folder, "overlay", options=options)


def _show(name: str, value: str) -> None:
    """Put a file with ``value`` over a kernel setting."""
    shown = _SCRATCH / "tunables" / name.replace("/", ".")
    shown.parent.mkdir(exist_ok=True)
    shown.write_text(f"{value}\n")
    with contextlib.suppress(FileNotFoundError):
        mount(str(shown), Path("/proc/sys") / name, flags=BIND)


def _network(address: str) -> None:
    """Bring loopback up with the node's address on it, and let packets pass between pods."""
    # An address that is not a loopback address, on the loopback link: no other kind of link has to
    # exist in the kernel, and none has to be removed.
    places = ("/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip")
    ip = next(place for place in places if Path(place).exists())
    for arguments in (("link", "set", "lo", "up"), ("addr", "add", f"{address}/32", "dev", "lo")):
        command = [ip, *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
        if done.returncode != 0:
            raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
