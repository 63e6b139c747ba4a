"""What tests of real nodes share: a cluster, small manifests, and the search for traces."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from labgrader.clusters.embedded import processes
from labgrader.clusters.embedded.binary import kube_binary
from labgrader.clusters.embedded.nodes import cgroups, images, requirements
from labgrader.clusters.embedded.provider import EmbeddedProvider
from labgrader.errors import LabError


def impossible() -> str:
    """Return why this machine cannot run these tests, or ""."""
    obstacles = requirements.find()
    if obstacles:
        return f"real nodes are not possible here: {obstacles}"
    if not images.built():
        return "the lab's images are not built: run `make images` as root on Debian"
    try:
        kube_binary()
    except LabError as error:
        return str(error)
    return ""


@dataclass(frozen=True)
class RealLab:
    """A provider of a cluster with a real node, and what tests ask of it."""

    provider: EmbeddedProvider

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl as the learner would; return what it prints."""
        done = subprocess.run(
            [self.provider.layout.bin / "kubectl", *arguments],
            env={"KUBECONFIG": str(self.provider.kubeconfig()), "HOME": "/nonexistent"},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def apply(self, *objects: dict[str, Any]) -> None:
        """Create or change objects."""
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))

    def get(self, *arguments: str) -> Any:
        """Return what ``kubectl get … -o json`` finds."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def run_to_end(self, pod: dict[str, Any]) -> str:
        """Run a pod until its containers have ended well; return what it said; remove it."""
        name = pod["metadata"]["name"]
        self.apply(pod)
        try:
            self.wait(f"pod/{name}", "jsonpath={.status.phase}=Succeeded")
            return self.kubectl("logs", name)
        finally:
            self.kubectl("delete", "pod", name, "--now", "--ignore-not-found")

    def wait(self, what: str, until: str, seconds: int = 60) -> None:
        """Wait until ``kubectl wait`` is content."""
        self.kubectl("wait", what, f"--for={until}", f"--timeout={seconds}s")

    def pid(self, component: str) -> int:
        """Return the component's process, as this machine sees it."""
        pid = next(c.pid for c in self.provider.status().components if c.name == component)
        assert pid is not None
        return pid

    def init(self) -> psutil.Process:
        """Return the first process of the cluster's namespaces, which is its supervisor."""
        found = processes.supervisor(self.provider.layout)
        assert found is not None
        assert processes.inner_pid(found.pid) == 1
        return found


def pod(
    name: str, image: str, *command: str, mounts: dict[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    """Return a pod of one container that runs once; ``mounts``: claims and where they are seen."""
    mounts = mounts or {}
    container: dict[str, Any] = {"name": "main", "image": image}
    if command:
        container["command"] = list(command)
    container["volumeMounts"] = [{"name": c, "mountPath": p} for c, p in mounts.items()]
    volumes = [{"name": c, "persistentVolumeClaim": {"claimName": c}} for c in mounts]
    base = {"restartPolicy": "Never", "containers": [container], "volumes": volumes}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {**base, "terminationGracePeriodSeconds": 0, **spec},
    }


def claim(name: str) -> dict[str, Any]:
    """Return a claim on a volume of the default class."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for what must become true; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.05)


def spaces(process: psutil.Process) -> frozenset[str]:
    """Return the namespaces of a process, those which a real node's cluster has of its own."""
    try:
        links = [
            Path(f"/proc/{process.pid}/ns/{k}").readlink() for k in ("net", "mnt", "pid", "ipc")
        ]
    except OSError:
        return frozenset()
    return frozenset(str(link) for link in links)


@dataclass(frozen=True)
class Traces:
    """What can be seen on this machine of one cluster, apart from its folder."""

    processes: frozenset[str] = frozenset()
    mounts: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    tables: str = ""
    groups: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


_MARK = ("labgrader", "containerd", "runc", "kubelet", "cni", "pods", "containers")
_PLACES = ("/run", "/var/run", "/var/lib", "/var/log", "/opt", "/etc")
_SETTINGS = ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops", "net/ipv4/ip_forward")


class Detective:
    """Looks for what a cluster may have left or changed, also while others run beside it."""

    def __init__(self, lab: RealLab) -> None:
        self._root = lab.provider.layout.root
        self._spaces: frozenset[str] = frozenset()

    def remember(self, init: psutil.Process) -> None:
        """Note the namespaces of the running cluster, to know its processes by them."""
        self._spaces |= spaces(init) - spaces(psutil.Process())

    def look(self) -> Traces:
        """Return all traces that are there now."""
        group = cgroups.group_of(self._root)
        nft = [str(requirements.tool("nft")), "list", "tables"]
        return Traces(
            processes=frozenset(self._processes()),
            mounts=tuple(Path("/proc/mounts").read_text().splitlines()),
            links=tuple(sorted(p.name for p in Path("/sys/class/net").iterdir())),
            tables=subprocess.run(nft, capture_output=True, text=True, check=True).stdout,
            groups=tuple(
                str(top / group)
                for top in (cgroups.TOP, *cgroups.TOP.glob("*/"))
                if (top / group).exists()
            ),
            folders=tuple(
                str(path)
                for place in _PLACES
                for path in sorted(Path(place).iterdir())
                if any(mark in path.name for mark in _MARK)
            ),
            settings=tuple((Path("/proc/sys") / name).read_text() for name in _SETTINGS),
        )

    def _processes(self) -> Iterator[str]:
        for process in psutil.process_iter():
            try:
                line = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if str(self._root) in line or spaces(process) & self._spaces:
                yield f"{process.pid} {line[:80]}"
