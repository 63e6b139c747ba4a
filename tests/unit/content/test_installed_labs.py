"""Labs that distributions bring: a broken one is a line of its own, and the others work."""

import sys
from pathlib import Path

import pytest

from labgrader.content import installed_labs as finder
from labgrader.content.installed_labs import GROUP, choose_lab, installed_labs, usable_labs
from labgrader.errors import ContentError

MANIFEST = "format: 1\nid: {id}\nversion: '1'\ntitle: A lab\nnamespace: a\n"


@pytest.fixture
def bring(tmp_path, monkeypatch):
    """Install a distribution with one lab in the folder of a test, as pip would leave it."""
    monkeypatch.setattr(finder.paths, "content_root", lambda: tmp_path / "nothing ships")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *_without_labs()])

    def install(name, manifest, *, announced=None, package=None):
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        entry = f"[{GROUP}]\n{announced or name} = {package or name}\n"
        (info / "entry_points.txt").write_text(entry)
        if manifest is not None:
            tasks = tmp_path / name / "tasks"
            tasks.mkdir(parents=True)
            (tasks / "lab.yaml").write_text(manifest)
            (tmp_path / name / "__init__.py").write_text("raise SystemExit('never imported')\n")

    return install


def _without_labs():
    """Return the import path without the places of distributions that bring labs."""
    found = (Path(place) for place in sys.path)
    return [str(one) for one in found if not any(one.glob("labgrader*.dist-info"))]


BROKEN = {
    "without-manifest": ({"manifest": None}, "The package lab_b is not there"),
    "empty": ({"manifest": ""}, "lab.yaml"),
    "no-yaml": ({"manifest": "id: [unclosed\n"}, "lab.yaml"),
    "newer": ({"manifest": MANIFEST.format(id="lab_b").replace("format: 1", "format: 2")}, "2"),
    "another-id": ({"manifest": MANIFEST.format(id="other")}, "leads to a lab with the id other"),
    "not-for-us": (
        {"manifest": MANIFEST.format(id="lab_b") + "labgrader: '>=99'\n"},
        ">=99",
    ),
    "entry-point": ({"manifest": None, "package": "lab_b:run"}, "is no top-level package"),
}


@pytest.mark.parametrize(("broken", "said"), BROKEN.values(), ids=BROKEN)
def test_a_broken_lab_is_a_line_and_the_others_work(bring, broken, said):
    bring("lab_a", MANIFEST.format(id="lab_a"))
    bring("lab_b", **broken)
    bring("lab_c", MANIFEST.format(id="lab_c"))
    assert [pack.manifest.id for pack in usable_labs()] == ["lab_a", "lab_c"]
    (fault,) = [one for one in installed_labs() if one.fault]
    assert fault.origin == "lab_b 1.0"
    assert said in str(fault.fault)
    assert "\n" not in str(fault.fault)
    assert choose_lab(None, "lab_c").manifest.id == "lab_c"
    with pytest.raises(ContentError, match=said.replace("[", ".")):
        choose_lab(None, "lab_b")


def test_the_second_lab_with_an_id_is_left_out(bring):
    bring("lab_z", MANIFEST.format(id="lab_a"), announced="lab_a")
    bring("lab_a", MANIFEST.format(id="lab_a"))
    (fault,) = [one for one in installed_labs() if one.fault]
    assert "The id lab_a is taken by lab_a 1.0" in str(fault.fault)
    assert choose_lab(None, "lab_a").origin == "lab_a 1.0"
