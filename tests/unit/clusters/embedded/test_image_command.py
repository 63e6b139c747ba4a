"""``labgrader image load``: who does it, and what is said where nothing is to be done."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from labgrader.cli.image import image
from labgrader.clusters.kind import KindProvider


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("LABGRADER_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "image.tar").touch()
    return tmp_path / "image.tar"


def test_simulated_nodes_need_no_images_and_it_takes_one_line_to_say_so(file):
    done = CliRunner().invoke(image, ["load", str(file)])
    assert done.exit_code == 0
    assert done.stdout == ""
    assert "needs no images" in done.stderr
    assert done.stderr.count("\n") == 1


def test_kind_loads_archives_itself(file, monkeypatch):
    asked = []
    monkeypatch.setattr(KindProvider, "_run", lambda self, *words, seconds: asked.append(words))
    done = CliRunner().invoke(image, ["load", str(file), "--provider", "kind", "--name", "x"])
    assert done.exit_code == 0
    assert asked == [("load", "image-archive", str(file), "--name", "labgrader-x")]


def test_a_file_that_is_not_there_is_a_wrong_call(file):
    assert CliRunner().invoke(image, ["load", str(file) + "x"]).exit_code == 2
