"""The pages about the house are true: packages, imports, and where the words have their code."""

from __future__ import annotations

import importlib
import re
import subprocess
from pathlib import Path

import grimp
import pytest

import architecture
from labgrader.content.check_files import forbidden_imports
from labgrader.content.installed_labs import usable_labs
from labgrader.content.lab_pack import LabPack

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CODE = "\n".join(re.findall(r"\|([^|]*)\|$", GLOSSARY, re.MULTILINE))
HOMES = sorted(set(re.findall(r"`([A-Za-z_./-]+)`", CODE)))


@pytest.fixture(scope="module")
def edges() -> architecture.Edges:
    return architecture.rooms(grimp.build_graph("labgrader", cache_dir=None))


def test_the_picture_shows_the_imports(edges: architecture.Edges) -> None:
    drawn = architecture.picture(architecture.reduced(edges))
    assert architecture.page_with(drawn, PAGE) == PAGE, "run `make architecture`"


def test_what_follows_from_other_imports_is_left_out() -> None:
    edges = {name: frozenset(below) for name, below in {"a": "bc", "b": "c", "c": ""}.items()}
    assert architecture.reduced(edges) == {"a": {"b"}, "b": {"c"}, "c": frozenset()}


def test_every_package_has_its_line(edges: architecture.Edges) -> None:
    table = PAGE.partition("| package |")[2].partition("\n\n")[0]
    first = {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line[:40])}
    assert set(edges) <= first


@pytest.mark.parametrize("home", HOMES)
def test_the_glossary_names_code_that_is_there(home: str) -> None:
    if "/" in home:
        assert list(ROOT.glob(home.rstrip("/")))
        return
    found = importlib.import_module("labgrader")
    for part in home.removeprefix("labgrader.").split("."):
        if not hasattr(found, part):
            importlib.import_module(f"{found.__name__}.{part}")
        found = getattr(found, part)


def test_contributing_names_what_is_there() -> None:
    targets = set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in re.findall(r"`make ([a-z -]+)`|^make ([a-z]+)", CONTRIBUTING, re.MULTILINE):
        assert set("".join(line).split()) <= targets, line
    inside = r"`((?:labgrader|tests|tasks|checks|docs|solutions)/[\w./-]+)`"
    for path in re.findall(inside, CONTRIBUTING):
        assert (ROOT / path.replace("task-N", "task-1")).exists(), path


def test_checks_import_what_they_may() -> None:
    files = list((ROOT / "checks").rglob("*.py"))
    assert len(files) > 30
    found = {str(file): list(forbidden_imports(file.read_text())) for file in files}
    assert not {file: names for file, names in found.items() if names}


def names_of(lab: LabPack) -> set[str]:
    """Return the names of its own that a lab's manifest tells."""
    known = lab.manifest
    names = {known.id, known.namespace, *known.namespaces, *known.recorded_groups}
    names |= {str(sample["kind"]) for sample in known.samples}
    if (operator := known.operator) is not None:
        names |= {operator.package, operator.account, operator.lease, operator.settings}
    return names - {""}


@pytest.mark.parametrize("lab", usable_labs(), ids=lambda lab: lab.manifest.id)
def test_neither_the_product_nor_its_kubernetes_knows_a_lab(lab: LabPack) -> None:
    """Else the next lab needs a change of the product."""
    names = names_of(lab)
    assert len(names) > 2
    listed = ["git", "-C", str(ROOT), "ls-files", "labgrader", "embedded"]
    files = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split()
    assert len(files) > 300
    found = {}
    for file in files:
        text = (ROOT / file).read_text(encoding="utf-8")
        found[file] = {name for name in names if re.search(rf"\b{re.escape(name)}\b", text)}
    assert not {file: names for file, names in found.items() if names}
