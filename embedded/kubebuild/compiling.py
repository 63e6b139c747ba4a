"""Compiles the binaries and shows how far it is: ten silent minutes look like a hang."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from .errors import BuildError
from .toolchain import ROOT, Go, Target, explain

_COLD = 500  # packages; more than that and the build counts as a cold one
_GIGABYTE = 1 << 30
_LINE_EVERY = 10  # per cent, where the output is not a terminal


def build_binary(go: Go, target: Target, out: Path) -> None:
    """Compile everything into one file at out."""
    _compile(go, target, "embedded Kubernetes", ROOT, _link_flags(go), out)


def build_rules(go: Go, target: Target, out: Path) -> None:
    """Compile the program that judges alerts, on Prometheus' module; a few minutes at most."""
    _compile(go, target, "the judge of alerts", ROOT / "rules", "-s -w", out)


def _compile(go: Go, target: Target, what: str, module: Path, flags: str, out: Path) -> None:
    print(f"Building {what} for {target.os}/{target.arch} with Go {go.version}.", flush=True)
    print("Looking at what must be downloaded and compiled ...", flush=True)
    stale = _stale_packages(go, target, module)
    _check_space(go, out, len(stale))
    started = time.monotonic()
    process = subprocess.Popen(
        [go.path, "build", "-v", "-ldflags", flags, "-o", str(out), "."],
        cwd=module,
        env=go.environment(target),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        other = _follow(process.stderr or [], stale)
        if process.wait() != 0:
            raise BuildError(explain("go build", "\n".join(other)))
    finally:
        process.kill()
        process.wait()
    out.chmod(0o755)
    seconds = time.monotonic() - started
    print(f"Compiled and linked in {seconds:.0f} s, {out.stat().st_size / 1e6:.0f} MB.", flush=True)


def _stale_packages(go: Go, target: Target, module: Path) -> set[str]:
    stale = "{{if .Stale}}{{.ImportPath}}{{end}}"
    return set(go.run("list", "-deps", "-f", stale, ".", cwd=module, target=target).split())


def _check_space(go: Go, out: Path, stale: int) -> None:
    needed = 4 if stale > _COLD else 1
    for place in {Path(go.run("env", "GOCACHE").strip()), out.parent}:
        there = next(path for path in (place, *place.parents) if path.exists())
        free = shutil.disk_usage(there).free
        if free < needed * _GIGABYTE:
            raise BuildError(
                f"{there} has {free / _GIGABYTE:.1f} GB free and the build needs {needed}: "
                "free some, or point GOCACHE and XDG_CACHE_HOME to a larger disk."
            )


def _link_flags(go: Go) -> str:
    """Version strings, without which the server says v0.0.0.

    The date is the release's and not today's, so that builds are repeatable.
    """
    module = json.loads(go.run("list", "-m", "-json", "k8s.io/kubernetes"))
    major, minor, _ = module["Version"].removeprefix("v").split(".", 2)
    values = {
        "gitVersion": module["Version"],
        "gitMajor": major,
        "gitMinor": minor,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": module["Time"],
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return " ".join(
        ["-s -w", *(f"-X {p}.{key}={value}" for p in packages for key, value in values.items())]
    )


def _follow(lines: Iterable[str], stale: set[str]) -> list[str]:
    """Count the packages that go names as it compiles them, and return what else it said."""
    done, shown, other = 0, -_LINE_EVERY, []
    terminal = sys.stdout.isatty()
    for line in lines:
        name = line.strip()
        if name not in stale:
            other.append(name)
            continue
        done += 1
        percent = 100 * done // len(stale)
        text = f"compiling: {percent:3d} % ({done} of {len(stale)} packages)"
        if done == len(stale):
            text += ", now linking"
        if terminal:
            print(f"\r\x1b[K{text}", end="", flush=True)
        elif percent >= shown + _LINE_EVERY or done == len(stale):
            shown = percent - percent % _LINE_EVERY
            print(text, flush=True)
    if terminal and done:
        print(flush=True)
    return other
