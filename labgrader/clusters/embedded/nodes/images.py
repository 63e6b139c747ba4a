"""Images without a registry: from files into a running cluster's containerd."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from labgrader.clusters.embedded import processes
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.clusters.embedded.nodes import requirements
from labgrader.clusters.embedded.nodes.files import CONTAINERD_SOCKET
from labgrader.clusters.provider import Progress
from labgrader.errors import LabError, ProviderError

IMPORT_SECONDS = 300
_START_SECONDS = 30.0
_POLL_SECONDS = 0.025
_NEXT = (
    "Make them with `make images` (root on Debian), or bring your own with `labgrader image load`"
)


@dataclass(frozen=True, slots=True)
class Image:
    """One of the lab's images: its full name, the digest of its manifest, and its file."""

    name: str
    digest: str
    file: Path


def folder() -> Path:
    """Return where the set-up keeps the images that it has built."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "labgrader" / "images"


def built() -> list[Image]:
    """Return the lab's images for this machine, [] where they were not built."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    place = folder()
    try:
        listed = json.loads((place / f"{machine}.json").read_bytes())["images"]
        found = [Image(i["name"], i["digest"], place / i["file"]) for i in listed]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [image for image in found if image.file.is_file()]


class Store:
    """The images of one running cluster with a real node.

    Raises:
        ProviderError: there is no such cluster, or its containerd does not answer.
    """

    def __init__(self, layout: ClusterLayout, alive: Callable[[], bool] = lambda: True) -> None:
        program = requirements.tool("ctr")
        if program is None:
            raise ProviderError("The ctr command is missing", "Install Debian's package containerd")
        self._program = program
        self._layout = layout
        self._socket = _socket(layout, alive)

    def names(self) -> dict[str, str]:
        """Return the digest of every image by its full name."""
        lines = self._run("images", "list", seconds=30).splitlines()[1:]
        return {line.split()[0]: line.split()[2] for line in lines if len(line.split()) > 2}

    def load(self, file: Path) -> None:
        """Import the images in an OCI or Docker archive."""
        kind = requirements.snapshotter(self._layout.node)
        options = ("--snapshotter", kind)
        self._run("images", "import", *options, str(file), seconds=IMPORT_SECONDS)

    def _run(self, *arguments: str, seconds: float) -> str:
        command = [str(self._program), "--address", str(self._socket), "--namespace", "k8s.io"]
        try:
            done = subprocess.run(  # noqa: S603 - our own arguments
                [*command, *arguments], capture_output=True, text=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise ProviderError(
                f"containerd took longer than {seconds:.0f} s", "Is the disk very slow, or full?"
            ) from error
        if done.returncode != 0:
            told = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            raise ProviderError(
                f"containerd refused: {told[-1]}", "Look at `labgrader cluster logs containerd`"
            )
        return done.stdout


def load_missing(store: Store, progress: Progress) -> None:
    """Import those of the lab's images that the cluster does not have yet."""
    wanted = built()
    if not wanted:
        progress("images", f"the lab's own images are not built. {_NEXT}")
        return
    there = store.names()
    missing = [image for image in wanted if there.get(image.name) != image.digest]
    for image in missing:
        store.load(image.file)
    if missing:
        progress("images", f"loaded {', '.join(image.name for image in missing)}")


def load(layout: ClusterLayout, file: Path) -> list[str]:
    """Import an archive into a running cluster; return the names that are new or changed.

    Raises:
        LabError: it is no archive, or the cluster is not there.
    """
    check_archive(file)
    if sys.platform.startswith("linux") and os.geteuid() != 0:
        raise ProviderError("Only root can load images into a real node", "Run it with sudo")
    store = Store(layout)
    before = store.names()
    store.load(file)
    return sorted(name for name, digest in store.names().items() if before.get(name) != digest)


def check_archive(file: Path) -> None:
    """See that a file is an archive of images.

    Raises:
        LabError: it is not; says why.
    """
    try:
        with tarfile.open(file) as archive:
            names = {name.removeprefix("./") for name in archive.getnames()}
    except (OSError, tarfile.TarError) as error:
        raise LabError(f"{file} cannot be read as an archive: {error}", _HOW) from error
    if not {"index.json", "manifest.json"} & names:
        raise LabError(f"{file} holds no image (neither index.json nor manifest.json)", _HOW)


_HOW = "Make one with `docker save -o FILE IMAGE`, or `skopeo copy … oci-archive:FILE`"


def _socket(layout: ClusterLayout, alive: Callable[[], bool]) -> Path:
    """Return containerd's socket as the host sees it; wait for it while the cluster starts."""
    deadline = time.monotonic() + _START_SECONDS
    while alive() and time.monotonic() < deadline:
        init = processes.supervisor(layout)
        if init is None:
            break
        found = Path(f"/proc/{init.pid}/root{CONTAINERD_SOCKET}")
        if processes.inner_pid(init.pid) == 1 and found.exists():
            return found
        time.sleep(_POLL_SECONDS)
    raise ProviderError(
        f"The cluster '{layout.name}' has no running containerd",
        "Start it: `labgrader cluster up --nodes real`",
    )
