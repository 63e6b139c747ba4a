"""The pages about the house are true: packages, imports, and where the words have their code."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import grimp
import pytest

import architecture
from labgrader.content.check_files import forbidden_imports

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
