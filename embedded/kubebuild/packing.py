"""Makes the wheel in a copy of its project: no foreign binary ever lands in the checkout."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from .cache import place
from .errors import BuildError
from .toolchain import ROOT, Go

PROJECT = ROOT / "wheel"
DATA = Path("src") / "labgrader_kube" / "_data"


def check_version(go: Go) -> None:
    """Compare the wheel's version with go.mod, which is not there once the wheel is installed."""
    module = go.run("list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes").strip()
    source = (PROJECT / "src/labgrader_kube/__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^KUBERNETES_VERSION = "(.+)"$', source, re.MULTILINE)
    if not match or f"v{match[1]}" != module:
        raise BuildError(
            f"embedded/go.mod has Kubernetes {module} but KUBERNETES_VERSION in embedded/wheel "
            f"is {match[1] if match else 'nothing'}: make them equal."
        )


def build_wheel(builds: Iterable[Path], out: Path) -> Path:
    """Pack finished builds, the one with the versions last, and return the wheel."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        project = Path(scratch) / "wheel"
        shutil.copytree(
            PROJECT, project, ignore=shutil.ignore_patterns("_data", "__pycache__", "dist")
        )
        for build in builds:
            place(build, project / DATA)
        done = subprocess.run(
            [*_builder(Path(scratch)), str(project)],
            cwd=scratch,
            capture_output=True,
            text=True,
            check=False,
        )
        made = list(Path(scratch).glob("*.whl"))
        if done.returncode != 0 or len(made) != 1:
            last = (
                done.stderr.strip() or done.stdout.strip() or "no reason was given"
            ).splitlines()[-1]
            reason = re.sub(r"https?://\S+", "<address>", last)
            raise BuildError(f"the wheel in embedded/wheel was not built: {reason}")
        return made[0].replace(out / made[0].name)


def _builder(scratch: Path) -> list[str]:
    """Prefer uv to pip; both write the wheel into the current folder.

    With uv the build backend is the one in the lock file, checked by its hash.
    """
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    if Path(uv).exists():
        pinned = scratch / "backend.txt"
        backend = [uv, "export", "--quiet", "--locked", "--only-group", "build"]
        subprocess.run([*backend, "--output-file", str(pinned)], cwd=PROJECT.parent, check=True)
        hashed = ["--build-constraints", str(pinned), "--require-hashes"]
        return [uv, "build", "--wheel", "--out-dir", ".", *hashed]
    return [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", "."]
