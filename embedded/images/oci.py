"""Writes OCI image archives: a few JSON files and some layers in a tar."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Image:
    """What an image is made of: full names, layers from the bottom up, and how it runs."""

    names: tuple[str, ...]
    layers: tuple[Path, ...]
    run: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Blob:
    kind: str
    digest: str
    size: int
    content: bytes | Path

    def described(self) -> dict[str, Any]:
        return {"mediaType": self.kind, "digest": f"sha256:{self.digest}", "size": self.size}


def write_archive(image: Image, arch: str, out: Path) -> str:
    """Write the image to ``out``; return its manifest's digest (``sha256:…``)."""
    layers = [_file_blob(path) for path in image.layers]
    config = _json_blob(
        _CONFIG,
        {
            "architecture": arch,
            "os": "linux",
            "config": image.run,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{b.digest}" for b in layers]},
        },
    )
    content = {"config": config.described(), "layers": [blob.described() for blob in layers]}
    manifest = _json_blob(_MANIFEST, {"schemaVersion": 2, "mediaType": _MANIFEST, **content})
    entries = [
        {**manifest.described(), "annotations": {"io.containerd.image.name": name}}
        for name in image.names
    ]
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": entries}
    with tarfile.open(out, "w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        _add(archive, "index.json", json.dumps(index).encode())
        for blob in dict.fromkeys([manifest, config, *layers]):
            _add(archive, f"blobs/sha256/{blob.digest}", blob.content)
    return f"sha256:{manifest.digest}"


def _json_blob(kind: str, content: dict[str, Any]) -> _Blob:
    raw = json.dumps(content, sort_keys=True).encode()
    return _Blob(kind, hashlib.sha256(raw).hexdigest(), len(raw), raw)


def _file_blob(path: Path) -> _Blob:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return _Blob(_LAYER, digest.hexdigest(), path.stat().st_size, path)


def _add(archive: tarfile.TarFile, name: str, content: bytes | Path) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode = 0o644
    if isinstance(content, bytes):
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    else:
        entry.size = content.stat().st_size
        with content.open("rb") as stream:
            archive.addfile(entry, stream)
