"""Keeps finished builds by a key over all their inputs; being stopped at any moment does no harm.

A finished build is a folder that got its name by one rename; whatever else lies here is left over
from a build that was killed, and the next one that holds the lock removes it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import BuildError
from .toolchain import ROOT, Go, Target

_KEEP = 3
_UNFINISHED = "unfinished-"
RULES = "rules"
KUBE = "kube"
_INPUTS = {
    RULES: ("rules/go.mod", "rules/go.sum", "rules/*.go", "build.py", "kubebuild/*.py"),
    KUBE: (
        "go.mod",
        "go.sum",
        "*.go",
        "internal/**/*.go",
        "crds/*.go",
        "crds/go.*",
        "build.py",
        "kubebuild/*.py",
    ),
}


def cache_key(go: Go, target: Target, what: str) -> str:
    """Equal for equal inputs; Go's own version and the target count as inputs, tests do not."""
    digest = hashlib.sha256(f"{go.version} {target.os} {target.arch}\n".encode())
    files = {
        path
        for pattern in _INPUTS[what]
        for path in ROOT.glob(pattern)
        if not path.name.endswith("_test.go")
    }
    for path in sorted(files):
        digest.update(f"{path.relative_to(ROOT).as_posix()} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


class Cache:
    """The folder of finished builds of one thing."""

    def __init__(self, what: str) -> None:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        self.folder = Path(base) / "labgrader" / what
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BuildError(
                f"the build cache {self.folder} cannot be made ({error.strerror}): "
                "set XDG_CACHE_HOME to a folder that you may write."
            ) from error

    def get(self, key: str, make: Callable[[Path], None]) -> tuple[Path, bool]:
        """The finished build of this key, made if it is not there, and whether it was."""
        finished = self.folder / key
        hit = (
            finished.is_dir()
        )  # asked before the lock: a hit need not wait for a build of something else
        if not hit:
            with self._lock():
                hit = finished.is_dir()  # or the build that was waited for made it
                if not hit:
                    self._make(finished, make)
                self._prune(finished)
        os.utime(finished)
        return finished, hit

    def _make(self, finished: Path, make: Callable[[Path], None]) -> None:
        unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self.folder))
        try:
            make(unfinished)
            unfinished.rename(finished)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One build at a time; the system gives the lock back when its holder is killed."""
        with (self.folder / "lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("Another build of the same is running: waiting for it.", flush=True)
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _prune(self, newest: Path) -> None:
        """Remove what killed builds left, and all but the last used builds. Needs the lock."""
        others = [path for path in self.folder.iterdir() if path.is_dir() and path != newest]
        unfinished = [path for path in others if path.name.startswith(_UNFINISHED)]
        finished = sorted(
            (p for p in others if p not in unfinished),
            key=lambda p: p.stat().st_mtime,
            reverse=True,
        )
        for path in [*unfinished, *finished[_KEEP - 1 :]]:
            shutil.rmtree(path, ignore_errors=True)


def place(build: Path, out: Path) -> None:
    """Copy a finished build, each file by one rename, versions.json last: the rest is there then.

    A copy and no link: a tool that writes into the file at out must not change the cache.
    """
    for source in sorted(
        (p for p in build.rglob("*") if p.is_file()), key=lambda p: p.name == "versions.json"
    ):
        goal = out / source.relative_to(build)
        goal.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".new-", dir=goal.parent)
        os.close(handle)
        try:
            shutil.copyfile(source, name)
            shutil.copymode(source, name)
            Path(name).replace(goal)
        finally:
            Path(name).unlink(missing_ok=True)
