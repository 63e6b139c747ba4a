"""Whether this machine can have real nodes; if not, everything that is in the way, by name."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from labgrader.clusters.embedded.nodes import cgroups
from labgrader.clusters.embedded.nodes.syscalls import inotify_instances
from labgrader.errors import ProviderError

PACKAGES = {
    "containerd": "containerd",
    "containerd-shim-runc-v2": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "ip": "iproute2",
    "nft": "nftables",
}
"""Programs that the node runs, and the Debian packages that bring them."""

PLUGINS = ("ptp", "host-local", "loopback")
"""The CNI plug-ins that the node runs; in Debian's containernetworking-plugins."""

TOOLS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")

INOTIFY_INSTANCES = 24
"""How many a node's processes hold together, without its pods."""

_INOTIFY_LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
_PLUGIN_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"), Path("/usr/libexec/cni"))
_CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21, "CAP_MKNOD": 27}


@dataclass(frozen=True, slots=True)
class Obstacles:
    """What is in the way of real nodes: ``reasons`` that no package mends, and ``packages``."""

    reasons: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is."""
        return bool(self.reasons or self.packages)

    def __str__(self) -> str:
        """All of it on one line."""
        missing = (
            [f"these packages are missing: {' '.join(self.packages)}"] if self.packages else []
        )
        return "; ".join([*self.reasons, *missing])

    @property
    def next_step(self) -> str:
        """What mends it, or goes round it."""
        if "it needs root" in self.reasons:
            return "Run it with sudo, or use --nodes simulated"
        if self.packages and not self.reasons:
            return f"Install them (`apt-get install {' '.join(self.packages)}`, or `make setup`)"
        return "Use --nodes simulated, or an existing cluster with --context"


def find() -> Obstacles:
    """Look at the machine without changing it."""
    if not sys.platform.startswith("linux"):
        return Obstacles((f"it needs Linux, and this is {sys.platform}",))
    reasons = [] if os.geteuid() == 0 else ["it needs root"]
    packages = {package for program, package in PACKAGES.items() if tool(program) is None}
    if plugin_folder() is None:
        packages.add("containernetworking-plugins")
    reasons += [] if reasons else _not_allowed()
    return Obstacles(tuple(reasons), tuple(sorted(packages)))


def require() -> None:
    """See that real nodes are possible.

    Raises:
        ProviderError: they are not; says everything that is in the way.
    """
    found = find()
    if found:
        raise ProviderError(f"Real nodes are not possible here: {found}", found.next_step)


def tool(name: str) -> Path | None:
    """Return a program's path, also when the user's PATH lacks the system's folders."""
    found = shutil.which(name, path=os.pathsep.join(TOOLS))
    return Path(found) if found else None


def plugin_folder() -> Path | None:
    """Return the folder that holds the CNI plug-ins."""
    complete = (f for f in _PLUGIN_FOLDERS if all((f / name).is_file() for name in PLUGINS))
    return next(complete, None)


def snapshotter(folder: Path) -> str:
    """Return the kind of snapshots that containerd can keep in ``folder``.

    An overlay cannot lie on an overlay, which is what a container's own file system mostly is.
    """
    return "native" if _file_system(folder) in ("overlay", "nfs", "nfs4", "fuse") else "overlayfs"


def _file_system(folder: Path) -> str:
    """Return the type of the file system that holds ``folder``, by the last mount on its way."""
    best, kind = "", ""
    for place, this in _mounts():
        if folder.is_relative_to(place) and len(place) >= len(best):
            best, kind = place, this
    return kind


def _mounts() -> list[tuple[str, str]]:
    """Return place and type of every mount, later ones above earlier ones."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [(line.split()[1], line.split()[2]) for line in lines]


def _not_allowed() -> list[str]:
    """Return what root may not do here (containers take much away from it)."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    held = int(line.split()[1], 16)
    lacking = [name for name, bit in _CAPABILITIES.items() if not held >> bit & 1]
    reasons = [f"root lacks {', '.join(lacking)} here"] if lacking else []
    if not any(place == "/" for place, _ in _mounts()):
        # Its mounts could not be kept from whoever sees the folder that holds it.
        reasons.append("the root folder is no mount (a chroot): bind it to itself before")
    return [*reasons, *filter(None, (cgroups.trouble(), _inotify_trouble()))]


def _inotify_trouble() -> str:
    """Return why containerd and the kubelet could not watch files, or ""."""
    if inotify_instances(INOTIFY_INSTANCES) == INOTIFY_INSTANCES:
        return ""
    limit = _INOTIFY_LIMIT.read_text().strip() if _INOTIFY_LIMIT.exists() else "?"
    return (
        f"this user's inotify instances are nearly all in use (fs.inotify.max_user_instances is "
        f"{limit}): end the programs that hold them, or raise it with sysctl to 512"
    )
