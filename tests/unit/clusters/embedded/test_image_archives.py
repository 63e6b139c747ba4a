"""The lab's images: archives that are the same each time, with what an installation would add."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "embedded"))

from images.debian import applets, finish
from images.errors import ImageError
from images.layers import Layer
from images.oci import Image, write_archive


def _layer(tmp_path: Path, name: str, text: str) -> Path:
    layer = Layer()
    layer.file("etc/deep/file", text.encode(), 0o600, owner=7)
    layer.link("bin/sh", "/bin/busybox")
    layer.write(tmp_path / name)
    return tmp_path / name


def test_equal_inputs_give_equal_bytes(tmp_path):
    first, second = _layer(tmp_path, "a", "x"), _layer(tmp_path, "b", "x")
    assert first.read_bytes() == second.read_bytes()
    with tarfile.open(first) as archive:
        names = archive.getnames()
        assert names.index("etc") < names.index("etc/deep") < names.index("etc/deep/file")
        found = archive.getmember("etc/deep/file")
        assert (found.mode, found.uid, found.mtime) == (0o600, 7, 0)


def test_an_archive_names_every_blob_by_its_digest(tmp_path):
    layer = _layer(tmp_path, "layer", "x")
    names = ("docker.io/library/a:1", "docker.io/library/b:1")
    digest = write_archive(Image(names, (layer,), {"Cmd": ["sh"]}), "arm64", tmp_path / "out.tar")
    blobs = {}
    with tarfile.open(tmp_path / "out.tar") as archive:
        for member in archive:
            stream = archive.extractfile(member)
            assert stream
            blobs[member.name] = stream.read()
    index = json.loads(blobs.pop("index.json"))
    assert json.loads(blobs.pop("oci-layout"))["imageLayoutVersion"] == "1.0.0"
    for name, content in blobs.items():
        assert name == f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"
    found = [m["annotations"]["io.containerd.image.name"] for m in index["manifests"]]
    assert found == list(names)
    assert {m["digest"] for m in index["manifests"]} == {digest}
    manifest = json.loads(blobs[f"blobs/{digest.replace(':', '/')}"])
    config = json.loads(blobs[f"blobs/{manifest['config']['digest'].replace(':', '/')}"])
    assert (config["architecture"], config["config"]) == ("arm64", {"Cmd": ["sh"]})
    assert config["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]


def _archive(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size, entry.mtime, entry.uname = len(content), 12345, "somebody"
            archive.addfile(entry, io.BytesIO(content))
    return path


_BUSYBOX = b"code\0[\0[[\0cat\0sh\0\0more"


def test_packages_lose_their_documentation_and_get_users_and_a_shell(tmp_path):
    layer = Layer()
    source = {
        "bin/busybox": _BUSYBOX,
        "bin/cat": b"own",
        "usr/share/doc/x/copyright": b"-",
        "usr/share/ca-certificates/mozilla/A.crt": b"ONE\n",
        "usr/share/ca-certificates/mozilla/B.crt": b"TWO\n",
    }
    layer.archive(_archive(tmp_path / "root.tar", source))
    finish(layer)
    assert not [path for path in layer.paths() if path.startswith("usr/share/doc")]
    assert b"nonroot:x:65532:65532" in layer.content("etc/passwd")
    assert layer.content("etc/ssl/certs/ca-certificates.crt") == b"ONE\nTWO\n"
    assert "bin/sh" in layer.paths()
    assert layer.content("bin/cat") == b"own", "a program of its own is not replaced"
    layer.write(tmp_path / "out")
    with tarfile.open(tmp_path / "out") as archive:
        assert {member.mtime for member in archive} == {0}
        assert {member.uname for member in archive} == {""}
        assert archive.getmember("tmp").mode == 0o1777


def test_commands_are_read_from_the_busybox_itself():
    assert applets(_BUSYBOX) == ["[", "[[", "cat", "sh"]
    with pytest.raises(ImageError, match="no table"):
        applets(b"something else")
