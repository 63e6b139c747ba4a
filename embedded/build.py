"""Builds embedded Kubernetes and the judge of alerts: binaries, CRDs and, with --wheel, a wheel.

    build.py                                   for this machine, into embedded/wheel
    build.py --os linux --arch arm64 --wheel   a wheel for another machine, into embedded/dist
    build.py --check                           gofmt, go vet and go test

The first build takes about ten minutes and 4 GB of disk; one that was made before, a second.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

from kubebuild.cache import KUBE, RULES, Cache, cache_key, place
from kubebuild.compiling import build_binary, build_rules
from kubebuild.errors import BuildError
from kubebuild.extras import write_crds, write_licences, write_versions
from kubebuild.packing import DATA, PROJECT, build_wheel, check_version
from kubebuild.toolchain import ROOT, Go, Target, find_go

_TARGETS = (Target("linux", "amd64"), Target("linux", "arm64"), Target("darwin", "arm64"))


def main() -> int:
    """Run the build; every failure becomes one line and an exit code."""
    options = _parse()
    try:
        go = find_go()
        return _check(go) if options.check else _build(go, options)
    except BuildError as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\nbuild.py: stopped; what was compiled so far is kept, run it again to go on.",
            file=sys.stderr,
        )
        return 130


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--os", help="build for this system: linux or darwin (default: this one)")
    parser.add_argument(
        "--arch", help="build for this processor: amd64 or arm64 (default: this one)"
    )
    parser.add_argument(
        "--out", type=Path, help="put binary, CRDs and versions here (default: the wheel's data)"
    )
    parser.add_argument("--wheel", action="store_true", help="make the wheel too, in embedded/dist")
    parser.add_argument("--check", action="store_true", help="only run gofmt, go vet and go test")
    return parser.parse_args()


def _build(go: Go, options: argparse.Namespace) -> int:
    started = time.monotonic()
    target = Target(options.os or go.host.os, options.arch or go.host.arch)
    if target not in _TARGETS:
        asked = f"{target.os}/{target.arch}"
        known = ", ".join(f"{t.os}/{t.arch}" for t in _TARGETS)
        raise BuildError(f"embedded Kubernetes is not built for {asked}: choose one of {known}.")
    out = options.out or (PROJECT / DATA if target == go.host else None)
    if out is None and not options.wheel:
        raise BuildError(
            "a foreign binary does not belong in this checkout: add --out DIR or --wheel."
        )
    check_version(go)
    rules, _ = Cache(RULES).get(
        cache_key(go, target, RULES), lambda folder: _make_rules(go, target, folder)
    )
    build, hit = Cache(KUBE).get(
        cache_key(go, target, KUBE), lambda folder: _make(go, target, folder)
    )
    if out is not None:
        place(rules, out)
        place(build, out)
        how = "Taken from the build cache" if hit else "Built"
        print(f"{how} in {time.monotonic() - started:.1f} s: {out / 'bin' / 'labgrader-kube'}")
    if options.wheel:
        wheel = build_wheel([rules, build], ROOT / "dist")
        print(f"Wheel, {wheel.stat().st_size / 1e6:.0f} MB: {wheel}")
    return 0


def _make(go: Go, target: Target, folder: Path) -> None:
    """Everything that the wheel carries, into an empty folder."""
    binary = folder / "bin" / "labgrader-kube"
    binary.parent.mkdir()
    build_binary(go, target, binary)
    write_crds(go, folder / "crds")
    write_licences(go, target, folder / "LICENSES")
    write_versions(go, binary, folder / "versions.json")


def _make_rules(go: Go, target: Target, folder: Path) -> None:
    """The program that asks Prometheus' own code, into an empty folder."""
    binary = folder / "bin" / "labgrader-rules"
    binary.parent.mkdir()
    build_rules(go, target, binary)
    write_licences(go, target, folder / "LICENSES-rules", ROOT / "rules")


def _check(go: Go) -> int:
    """Check the Go code with the build's settings: others would compile everything again.

    Only what stands without Kubernetes: go vet of the rest would analyse everything that is linked
    in, which takes longer than the build that has just compiled it.
    """
    unformatted = subprocess.run(
        [str(Path(go.run("env", "GOROOT").strip()) / "bin" / "gofmt"), "-l", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    if unformatted:
        raise BuildError(f"gofmt would change {', '.join(unformatted)}: run `gofmt -w` on them.")
    parts = [(ROOT, "./internal/..."), (ROOT / "rules", ".")]
    for action, (folder, packages) in product(("vet", "test"), parts):
        done = subprocess.run(
            [go.path, action, packages], cwd=folder, env=go.environment(), check=False
        )
        if done.returncode != 0:
            raise BuildError(
                f"go {action} found the mistakes above in embedded/: mend them, check again."
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
