"""Makes layers: equal inputs give equal bytes, so that an image changes with its content only."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

_UNUSED = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/lintian",
    "usr/share/bug",
    "usr/share/perl5",
    "usr/share/pixmaps",
    "usr/share/applications",
    "usr/share/bash-completion",
    "usr/share/python3/debian_defaults",
    "var/cache/apt",
    "var/lib/apt",
    "var/lib/dpkg/info",
    "etc/init.d",
    "etc/logrotate.d",
    "lib/systemd",
    "dev",
)


class Layer:
    """The entries of one layer, by path without a leading slash; later ones replace earlier."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[tarfile.TarInfo, bytes]] = {}

    def folder(self, path: str, mode: int = 0o755, owner: int = 0) -> None:
        """Add a folder."""
        self._put(path, tarfile.DIRTYPE, mode, owner)

    def file(self, path: str, content: bytes, mode: int = 0o644, owner: int = 0) -> None:
        """Add a file."""
        self._put(path, tarfile.REGTYPE, mode, owner, content)

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        entry = self._put(path, tarfile.SYMTYPE, 0o777, 0)
        entry.linkname = target

    def tree(self, folder: Path, goal: str, skip: Iterable[str] = ("__pycache__",)) -> None:
        """Add what a folder of this machine holds, below ``goal``, as root's."""
        unwanted = set(skip)
        for path in sorted(folder.rglob("*")):
            inner = path.relative_to(folder)
            if unwanted & set(inner.parts):
                continue
            name = f"{goal}/{inner.as_posix()}"
            if path.is_dir():
                self.folder(name)
            else:
                self.file(name, path.read_bytes(), 0o755 if path.stat().st_mode & 0o100 else 0o644)

    def archive(self, source: Path) -> None:
        """Add what a tar holds, without documentation and what else no program reads."""
        with tarfile.open(source) as archive:
            for entry in archive:
                name = entry.name.removeprefix("./").strip("/")
                if not name or any(name == u or name.startswith(f"{u}/") for u in _UNUSED):
                    continue
                stream = archive.extractfile(entry) if entry.isreg() else None
                entry.name = name
                self._entries[name] = (_plain(entry), stream.read() if stream else b"")

    def content(self, path: str) -> bytes:
        """Return a file's content."""
        return self._entries[path][1]

    def paths(self) -> list[str]:
        """Return all paths, sorted."""
        return sorted(self._entries)

    def write(self, out: Path) -> None:
        """Write the layer as a tar."""
        with tarfile.open(out, "w", format=tarfile.PAX_FORMAT) as archive:
            # A hard link's target must come before it, and its name may sort behind.
            for name in sorted(self._entries, key=lambda n: (self._entries[n][0].islnk(), n)):
                entry, content = self._entries[name]
                archive.addfile(entry, io.BytesIO(content))

    def _put(
        self, path: str, kind: bytes, mode: int, owner: int, content: bytes = b""
    ) -> tarfile.TarInfo:
        for parent in reversed(PurePosixPath(path).parents[:-1]):
            if str(parent) not in self._entries:
                self._put(str(parent), tarfile.DIRTYPE, 0o755, 0)
        entry = tarfile.TarInfo(path)
        entry.type, entry.mode, entry.size = kind, mode, len(content)
        entry.uid = entry.gid = owner
        self._entries[path] = (entry, content)
        return entry


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Return the entry without what differs from one build to the next."""
    entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.pax_headers = {}
    if entry.islnk():
        entry.linkname = entry.linkname.removeprefix("./")
    return entry
