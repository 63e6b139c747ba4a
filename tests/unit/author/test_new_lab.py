"""`labgrader author new lab`: a whole lab, which keeps every rule as it is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from labgrader.author.lint import lint
from labgrader.author.new_lab import LONGEST, SKELETON
from labgrader.author.scaffold import new_check
from labgrader.cli import root as cli
from labgrader.content.lab_folder import LabFolder
from labgrader.content.lab_pack import open_pack
from labgrader.errors import ExitCode

ODD_NAMES = ("hello", "a", "team-9-quotas", "yes", "null", "true", "x" * LONGEST)
"""What is a name is one also where YAML would read a boolean or nothing."""


@pytest.mark.parametrize("name", ODD_NAMES)
def test_it_keeps_every_rule_as_it_is(tmp_path: Path, name: str) -> None:
    assert cli.run(["author", "new", "lab", name, "--into", str(tmp_path)]) == ExitCode.OK
    package = tmp_path / name / f"labgrader_lab_{name.replace('-', '_')}"
    assert lint(package) == ([], [])
    manifest = open_pack(package).manifest
    assert (manifest.id, manifest.namespace, manifest.points) == (name, name, 10)
    data = tomllib.loads((tmp_path / name / "pyproject.toml").read_text())
    assert data["project"]["entry-points"]["labgrader.labs"] == {name: package.name}


def test_it_is_written_into_the_current_folder() -> None:
    here = Path.cwd()
    assert cli.run(["author", "new", "lab", "hello"]) == ExitCode.OK
    names = [path.relative_to(SKELETON) for path in SKELETON.rglob("*.in")]
    written = [path for path in (here / "hello").rglob("*") if path.is_file()]
    assert len(written) == len(names) == 14
    assert not [path for path in written if re.search("@[A-Z]+@", path.read_text())]
    folder = LabFolder(here / "hello" / "labgrader_lab_hello")
    assert {path.parent.name for path in folder.case_files} == {"greeting"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Hello", "lowercase letters"),
        ("1st", "a letter first"),
        ("a_b", "single -"),
        ("a--b", "single -"),
        ("a-", "single -"),
        ("../a", "lowercase"),
        ("", "lowercase"),
        ("x" * (LONGEST + 1), f"at most {LONGEST}"),
        ("default", "namespace of Kubernetes"),
        ("kube-system", "namespace of Kubernetes"),
    ],
)
def test_a_bad_name_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    assert cli.run(["author", "new", "lab", "--into", str(tmp_path), name]) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_exists_is_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["author", "new", "lab", "hello", "--into", str(tmp_path)]
    (tmp_path / "hello").mkdir()
    assert cli.run(command) == ExitCode.OK  # an empty folder loses nothing
    path = tmp_path / "hello" / "README.md"
    path.write_text("mine")
    capsys.readouterr()
    assert cli.run(command) == ExitCode.USAGE
    assert "already exists" in capsys.readouterr().err
    assert path.read_text() == "mine"
    (tmp_path / "other").write_text("a file")
    assert cli.run([*command[:3], "other", *command[4:]]) == ExitCode.USAGE


def test_a_new_check_of_it_loads(tmp_path: Path) -> None:
    cli.run(["author", "new", "lab", "hello", "--into", str(tmp_path)])
    package = tmp_path / "hello" / "labgrader_lab_hello"
    new_check(package, "farewell")
    rules = {finding.rule for finding in lint(package)[0]}
    assert rules == {"docstring", "orphan", "words"}  # TODO, and no criterion yet
