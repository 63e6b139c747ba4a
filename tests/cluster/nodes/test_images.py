"""Images without a registry: the lab's own, and those that a learner brings."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from labgrader.cli.image import image
from labgrader.clusters.embedded.nodes import images
from labgrader.errors import LabError
from tests.support.real_nodes import pod

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "embedded"))
from images.layers import Layer
from images.oci import Image, write_archive

pytestmark = [pytest.mark.cluster, pytest.mark.nodes]


def test_every_image_of_the_lab_starts_by_its_plain_name(real_lab):
    said = real_lab.run_to_end(pod("plain", "busybox:1.35", "sh", "-c", "busybox | head -1"))
    assert said.startswith("BusyBox v1.35")
    script = "kubectl version --client && test -x /bin/bash && id -u"
    said = real_lab.run_to_end(pod("kubectl", "labgrader/kubectl:1.37", "sh", "-c", script))
    assert "Client Version: v1." in said
    assert said.endswith("65532\n")


def test_the_operators_image_has_all_that_it_imports(real_lab):
    script = "import getpass, aiohttp, trading_operator; print(getpass.getuser())"
    command = ("python3", "-c", script)
    image_name = "labgrader/trading-operator:1.0"
    said = real_lab.run_to_end(
        pod("imports", image_name, *command, securityContext={"runAsNonRoot": True})
    )
    assert said.strip() == "nonroot"


def test_an_archive_is_loaded_and_runs(real_lab, tmp_path, monkeypatch):
    busybox = next(i for i in images.built() if "busybox" in i.name)
    with tarfile.open(busybox.file) as archive:
        blobs = [m for m in archive.getmembers() if m.name.startswith("blobs/") and m.size > 10**6]
        stream = archive.extractfile(blobs[0])
        assert stream
        (tmp_path / "base").write_bytes(stream.read())
    layer = Layer()
    layer.file("greeting", b"hello from a file\n")
    layer.write(tmp_path / "top")
    name = "docker.io/learner/greeter:0.1"
    run = {"Cmd": ["/bin/cat", "/greeting"]}
    parts = (tmp_path / "base", tmp_path / "top")
    architecture = busybox.file.name.split("-")[-2]
    write_archive(Image((name,), parts, run), architecture, tmp_path / "greeter.tar")

    monkeypatch.setenv("LABGRADER_STATE_DIR", str(real_lab.provider.layout.root.parent.parent))
    arguments = ["load", str(tmp_path / "greeter.tar"), "--name", "nodes"]
    done = CliRunner().invoke(image, arguments, catch_exceptions=False)
    assert f"Loaded {name}" in done.stderr
    assert "there already" in CliRunner().invoke(image, arguments).stderr
    assert real_lab.run_to_end(pod("greets", "learner/greeter:0.1")) == "hello from a file\n"


def test_what_is_no_image_is_refused_in_one_line(real_lab, tmp_path):
    (tmp_path / "text").write_text("no archive")
    with pytest.raises(LabError, match="cannot be read as an archive") as error:
        real_lab.provider.load_image(tmp_path / "text")
    assert "docker save" in error.value.next_step
    with tarfile.open(tmp_path / "empty.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("x"), io.BytesIO())
    with pytest.raises(LabError, match="holds no image"):
        real_lab.provider.load_image(tmp_path / "empty.tar")
