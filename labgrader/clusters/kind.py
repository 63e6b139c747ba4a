"""Clusters by kind, where Docker is. A thin layer: kind does the work."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from labgrader import paths
from labgrader.clusters.provider import ClusterStatus, Progress, silent
from labgrader.errors import ProviderError

IMAGE = "kindest/node:v1.37.2"
UP_SECONDS = 600


class KindProvider:
    """One kind cluster called ``labgrader-<name>``, with a kubeconfig of its own."""

    name = "kind"

    def __init__(self, name: str = "default") -> None:
        self.cluster = f"labgrader-{name}"
        self._folder = paths.clusters_dir() / f"kind-{name}"

    def up(self, progress: Progress = silent) -> ClusterStatus:
        """Create the cluster, or find it."""
        paths.private_dir(self._folder)
        if self.cluster not in self._run("get", "clusters", seconds=30).split():
            progress("kind", f"creating {self.cluster} ({IMAGE})")
            self._run(
                *("create", "cluster", "--name", self.cluster, "--image", IMAGE, "--wait", "300s"),
                *("--kubeconfig", str(self.kubeconfig_path)),
                seconds=UP_SECONDS,
            )
        else:
            self._run(
                *("export", "kubeconfig", "--name", self.cluster),
                *("--kubeconfig", str(self.kubeconfig_path)),
                seconds=30,
            )
        self.kubeconfig_path.chmod(0o600)
        progress("kind", "ready")
        return self.status()

    def down(self, *, purge: bool = False, progress: Progress = silent) -> None:
        """Delete the cluster; kind keeps no data, so ``purge`` only removes the kubeconfig too."""
        progress("kind", f"deleting {self.cluster}")
        self._run("delete", "cluster", "--name", self.cluster, seconds=120)
        if purge:
            shutil.rmtree(self._folder, ignore_errors=True)

    def status(self) -> ClusterStatus:
        """Ask kind whether the cluster is there."""
        there = self.cluster in self._run("get", "clusters", seconds=30).split()
        return ClusterStatus(
            provider="kind",
            name=self.cluster,
            state="running" if there else "absent",
            nodes="real",
            kubeconfig=self.kubeconfig_path if there else None,
            context=f"kind-{self.cluster}",
        )

    def kubeconfig(self) -> Path:
        """Return the kubeconfig's path."""
        if not self.kubeconfig_path.is_file():
            raise ProviderError(
                f"The kind cluster {self.cluster} has no kubeconfig here",
                "Run `labgrader cluster up --provider kind`",
            )
        return self.kubeconfig_path

    def load_image(self, file: Path) -> list[str]:
        """Let kind load the archive into its nodes."""
        self._run("load", "image-archive", str(file), "--name", self.cluster, seconds=UP_SECONDS)
        return [f"Loaded {file} into {self.cluster}"]

    @property
    def kubeconfig_path(self) -> Path:
        """Where the kubeconfig is, or will be."""
        return self._folder / "kubeconfig"

    def _run(self, *arguments: str, seconds: float) -> str:
        tool = shutil.which("kind")
        if tool is None:
            raise ProviderError(
                "The kind command is not on the PATH",
                "Install kind and Docker, or use the embedded cluster: `labgrader cluster up`",
            )
        try:
            done = subprocess.run(  # noqa: S603 - our own arguments
                [tool, *arguments], capture_output=True, text=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise ProviderError(
                f"kind {arguments[0]} took longer than {seconds:.0f} s", "Is Docker healthy?"
            ) from error
        if done.returncode != 0:
            told = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise ProviderError(
                f"kind {' '.join(arguments[:2])} failed: {told[-1] if told else done.returncode}",
                "Is Docker running? Or use the embedded cluster: `labgrader cluster up`",
            )
        return done.stdout
