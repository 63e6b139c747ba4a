"""Builds the lab's images; what was built before is taken from the cache.

    python -m images.build                 for this machine
    python -m images.build --arch arm64    for another one (needs no emulation)

Root on Debian only; elsewhere it says so and succeeds, because simulated nodes need no images.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import ImageError
from .oci import Image, write_archive
from .recipes import ROOT, Part, Recipe, recipes

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_CODE = ("oci.py", "layers.py", "debian.py")


def main() -> int:
    """Build what is missing; every failure becomes one line and an exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--arch", choices=sorted(_MACHINES.values()), help="default: this machine")
    parser.add_argument("--kubectl", type=Path, help="the multi-call binary for that processor")
    options = parser.parse_args()
    reason = _impossible() or ("" if options.arch else _useless())
    if reason:
        print(f"The lab's images are not built, because {reason}.")
        return 0
    try:
        return _build(options.arch or _this_machine(), options.kubectl)
    except ImageError as error:
        print(f"images: {error}", file=sys.stderr)
        return 1


def _impossible() -> str:
    """Return why images cannot be built here, or ""."""
    if not Path("/etc/debian_version").exists():
        return "this is no Debian"
    if os.geteuid() != 0:
        return "unpacking Debian packages with their owners needs root"
    if shutil.which("mmdebstrap") is None:
        return "the package mmdebstrap is missing (`make setup` as root installs it)"
    return ""


def _useless() -> str:
    """Return why this machine could do nothing with images, or ""."""
    sys.path.insert(0, str(ROOT))
    from labgrader.clusters.embedded.nodes import requirements

    obstacles = requirements.find()
    return f"real nodes are not possible here: {obstacles}" if obstacles else ""


def _this_machine() -> str:
    machine = os.uname().machine
    if machine not in _MACHINES:
        raise ImageError(f"there are no images for {machine}: choose one with --arch.")
    return _MACHINES[machine]


def _build(arch: str, kubectl: Path | None) -> int:
    started = time.monotonic()
    binary = kubectl or ROOT / "embedded/wheel/src/labgrader_kube/_data/bin/labgrader-kube"
    if not binary.is_file():
        raise ImageError("the embedded Kubernetes is not built: run `make kube` first.")
    shelf = Shelf(arch)
    with shelf.locked():
        listed = [shelf.image(recipe) for recipe in recipes(binary)]
        shelf.write_list(listed)
        shelf.prune()
    total = sum((shelf.folder / entry["file"]).stat().st_size for entry in listed)
    how = f"{shelf.made} built" if shelf.made else "nothing to build"
    print(
        f"Images for {arch}: {len(listed)}, {total / 1e6:.0f} MB, {how}, "
        f"{time.monotonic() - started:.1f} s: {shelf.folder}"
    )
    return 0


class Shelf:
    """The folder of finished layers and images. A file has its name when it is whole."""

    def __init__(self, arch: str) -> None:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        self.folder = Path(base) / "labgrader" / "images"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.made = 0
        self._arch = arch
        self._used: set[str] = set()
        here = Path(__file__).parent
        self._code = b"".join((here / name).read_bytes() for name in _CODE)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one build at a time work here; killed ones leave no lock."""
        with (self.folder / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def image(self, recipe: Recipe) -> dict[str, str]:
        """Return the entry of an image, built if it is not there."""
        keys = " ".join(part.key for part in recipe.parts)
        key = self._key(f"{recipe.names} {recipe.run} {keys}")
        short = recipe.names[0].rpartition("/")[2].replace(":", "-")
        archive = self.folder / f"{short}-{self._arch}-{key}.tar"
        note = archive.with_suffix(".digest")
        if not (archive.is_file() and note.is_file()):
            layers = tuple(self._layer(part) for part in recipe.parts)
            whole = archive.with_suffix(".new")
            digest = write_archive(Image(recipe.names, layers, recipe.run), self._arch, whole)
            note.write_text(digest)
            whole.replace(archive)
            self.made += 1
        self._used |= {archive.name, note.name}
        self._used |= {self._layer_name(part) for part in recipe.parts}
        return {"name": recipe.names[0], "digest": note.read_text(), "file": archive.name}

    def write_list(self, listed: list[dict[str, str]]) -> None:
        """Say which images are the lab's now."""
        goal = self.folder / f"{self._arch}.json"
        new = goal.with_suffix(".new")
        new.write_text(json.dumps({"images": listed}, indent=1) + "\n")
        new.replace(goal)

    def prune(self) -> None:
        """Remove what no image of this processor uses any more."""
        for path in self.folder.glob(f"*-{self._arch}-*"):
            if path.name not in self._used:
                path.unlink(missing_ok=True)

    def _layer(self, part: Part) -> Path:
        path = self.folder / self._layer_name(part)
        if not path.is_file():
            print(f"Building the layer {part.name} ...", flush=True)
            with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
                new = Path(scratch) / "layer"
                part.make(self._arch, Path(scratch)).write(new)
                new.replace(path)
        return path

    def _layer_name(self, part: Part) -> str:
        return f"layer-{part.name}-{self._arch}-{self._key(part.key)}.tar"

    def _key(self, inputs: str) -> str:
        return hashlib.sha256(self._code + f"{self._arch} {inputs}".encode()).hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())
