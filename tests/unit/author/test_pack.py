"""`labgrader author pack`: the wheel of a lab, whole or not at all."""

from __future__ import annotations

import shutil
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from labgrader.author.new_lab import new_lab
from labgrader.author.pack import pack
from labgrader.cli import root as cli
from labgrader.content.installed_labs import installed_labs
from labgrader.content.lab_folder import LabFolder
from labgrader.errors import ContentError, ExitCode, LabError, UsageError

WHEEL = "labgrader_lab_hello-0.1-py3-none-any.whl"
PACKAGE = "labgrader_lab_hello"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The distribution folder of a new lab."""
    new_lab(tmp_path, "hello")
    return tmp_path / "hello"


@pytest.fixture
def bare(made: Path, tmp_path: Path) -> Path:
    """The same lab as a folder without pyproject.toml."""
    root = tmp_path / "bare"
    shutil.copytree(made / PACKAGE, root)
    (root / "__init__.py").unlink()
    (root / "checks" / "__pycache__").mkdir(exist_ok=True)
    (root / "checks" / "__pycache__" / "greeting.cpython-311.pyc").write_bytes(b"x")
    return root


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def test_every_file_of_the_lab_is_in_the_wheel(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "out"
    command = ["author", "pack", "--content", str(made / PACKAGE), "-o", str(out)]
    assert cli.run(command) == ExitCode.OK
    assert capsys.readouterr().out == f"wrote {out / WHEEL}\n"
    files = [path for path in made.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    lab = {path.relative_to(made).as_posix() for path in files if PACKAGE in path.parts}
    assert lab | {f"{PACKAGE}/tests/checks/greeting/fail-absent.yaml"} <= names(out / WHEEL)


def test_a_bare_folder_gives_the_same_files(made: Path, bare: Path, tmp_path: Path) -> None:
    """Its metadata is the manifest's; a relative path is as good as another."""
    whole, _ = pack(made, tmp_path / "whole")
    wheel, notes = pack(bare, tmp_path / "out")
    assert (names(whole), notes) == (names(wheel), [])
    with zipfile.ZipFile(wheel) as archive:
        info = "labgrader_lab_hello-0.1.dist-info"
        metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
        assert "hello = labgrader_lab_hello" in archive.read(f"{info}/entry_points.txt").decode()
    assert (metadata["Name"], metadata["Version"]) == ("labgrader-lab-hello", "0.1")
    assert metadata["Requires-Dist"] == "labgrader>=0.1"
    assert metadata["Summary"] == "Hello: a lab for labgrader"


def test_the_folder_may_be_relative(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert pack(Path("bare"), Path("out"))[0] == Path("out") / WHEEL
    assert pack(Path("hello"), Path("out"))[0].is_file()


def test_the_wheel_is_found_where_it_is_unpacked(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pip unpacks it; its cases come along."""
    wheel, _ = pack(bare, tmp_path / "out")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    monkeypatch.syspath_prepend(str(site))
    [found] = [one for one in installed_labs() if one.id == "hello"]
    assert found.pack is not None
    assert found.origin == "labgrader-lab-hello 0.1"
    assert len(LabFolder(found.pack.folder.root).case_files) == 4
    assert PACKAGE not in sys.modules


def test_lint_comes_first(made: Path, tmp_path: Path) -> None:
    edit(made / PACKAGE / "tasks" / "lab.yaml", "points: 10", "points: 11")
    with pytest.raises(ContentError, match=r"Not packed: .*lab.yaml:8: points: .*make 10"):
        pack(made, tmp_path / "out")
    assert not (tmp_path / "out").exists()


WRONG = [
    ('packages = ["@"]', 'packages = ["@"]\nexclude = ["solutions"]', "would lack solutions/"),
    ('hello = "@"', 'hallo = "@"', "no entry point hello in labgrader.labs"),
    ('dynamic = ["version"]', "", "hatchling cannot build it"),
    ("[project]", "[project", "is not valid TOML"),
]


@pytest.mark.parametrize(("before", "after", "said"), WRONG)
def test_a_wheel_that_would_not_work_is_not_written(
    made: Path, tmp_path: Path, before: str, after: str, said: str
) -> None:
    edit(made / "pyproject.toml", before.replace("@", PACKAGE), after.replace("@", PACKAGE))
    with pytest.raises(ContentError, match=said) as caught:
        pack(made, tmp_path / "out")
    assert caught.value.next_step
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_what_git_ignores_is_missed(made: Path, tmp_path: Path) -> None:
    (made / ".gitignore").write_text("breaks.yaml\n")
    with pytest.raises(ContentError, match=r"would lack solutions/breaks.yaml.*ignored by git"):
        pack(made, tmp_path / "out")


def test_another_build_system_is_named(made: Path, tmp_path: Path) -> None:
    edit(made / "pyproject.toml", '"hatchling.build"', '"setuptools.build_meta"')
    with pytest.raises(UsageError, match=r"built by setuptools.build_meta.*pip wheel --no-deps"):
        pack(made / PACKAGE, tmp_path / "out")


def test_two_labs_in_a_distribution(made: Path, tmp_path: Path) -> None:
    edit(made / "pyproject.toml", 'hello = "', 'other = "other"\nhello = "')
    with pytest.raises(UsageError, match="brings several labs"):
        pack(made, tmp_path / "out")
    assert pack(made / PACKAGE, tmp_path / "out")[0].is_file()


def test_a_lab_without_cases_is_packed_with_a_note(bare: Path, tmp_path: Path) -> None:
    shutil.rmtree(bare / "tests")
    wheel, [note] = pack(bare, tmp_path / "out")
    assert "`author verify` cannot test" in note
    assert not any("/tests/" in name for name in names(wheel))


def test_an_older_wheel_is_replaced_and_a_file_in_the_way_is_said(
    bare: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / WHEEL).write_text("old")
    assert zipfile.is_zipfile(pack(bare, out)[0])
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match=r"cannot be written.*Choose another with -o"):
        pack(bare, tmp_path / "file")


def test_without_hatchling_it_says_what_to_install(
    made: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "hatchling.builders.wheel", None)
    command = ["author", "pack", "--content", str(made), "-o", str(tmp_path / "out")]
    assert cli.run(command) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "pip install 'labgrader[author]'" in err


def test_what_is_no_lab(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["author", "pack", "--content", str(tmp_path)]) == ExitCode.USAGE
    assert cli.run(["author", "pack", "--content", "/nonexistent"]) == ExitCode.USAGE
    assert cli.run(["author", "pack", "--lab", "hallo"]) == ExitCode.USAGE
    assert cli.run(["author", "pack", "--lab", "a", "--content", "b"]) == ExitCode.USAGE
    assert capsys.readouterr().err.count("\n") == 4
