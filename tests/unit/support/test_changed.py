"""Which tests `make changed` chooses for which change."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import changed
from changed import Tree

FILES = {
    "labgrader/__init__.py": "",
    "labgrader/__main__.py": "def main():\n    from labgrader import shown\n",
    "labgrader/shown.py": "from labgrader.parts import low\n",
    "labgrader/parts/__init__.py": "",
    "labgrader/parts/low.py": "",
    "labgrader/parts/alone.py": "",
    "solutions/trading_operator/__init__.py": "",
    "solutions/task-1/a.yaml": "",
    "checks/one.py": "from labgrader.parts.alone import thing\n",
    "tests/conftest.py": "import labgrader.shown\n",
    "tests/support/help.py": "from labgrader.parts import alone\n",
    "tests/unit/test_low.py": "def test():\n    from labgrader.parts.low import x\n",
    "tests/unit/test_helped.py": "import help\n",
    "tests/unit/test_content.py": "from labgrader.paths import content_root\n",
    "tests/unit/test_nothing.py": "import os\n",
    "tests/tui/conftest.py": "import labgrader.shown\n",
    "tests/tui/test_screen.py": "",
    "tests/contract/test_program.py": 'command = [python, "-m", "labgrader"]\n',
    "tests/contract/test_page.py": 'PAGE = ROOT / "docs" / "page.md"\n',
}
LOW, HELPED = "tests/unit/test_low.py", "tests/unit/test_helped.py"
CONTENT, SCREEN = "tests/unit/test_content.py", "tests/tui/test_screen.py"
PROGRAM = "tests/contract/test_program.py"


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A made-up checkout, and what its modules import by itself."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    import grimp

    graph = grimp.ImportGraph()
    for module in ("", ".__main__", ".shown", ".parts", ".parts.low", ".parts.alone"):
        graph.add_module(f"labgrader{module}")
    for importer, importee in ((".__main__", ".shown"), (".shown", ".parts.low")):
        graph.add_import(importer=f"labgrader{importer}", imported=f"labgrader{importee}")
    return Tree(tmp_path, graph)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("labgrader/parts/low.py", {LOW, SCREEN, PROGRAM}),
        ("labgrader/shown.py", {SCREEN, PROGRAM}),
        ("labgrader/parts/alone.py", {HELPED, CONTENT}),
        ("labgrader/parts/new.py", set()),
        ("solutions/task-1/a.yaml", {CONTENT}),
        ("tests/checks/one/fail.yaml", {CONTENT}),
        ("tests/support/help.py", {HELPED}),
        ("tests/tui/conftest.py", {SCREEN}),
        ("tests/tui/__snapshots__/test_screen/a.raw", {SCREEN}),
        (LOW, {LOW}),
        ("docs/adr/0001-records.md", set()),
        ("docs/page.md", {"tests/contract/test_page.py"}),
    ],
)
def test_a_change_concerns(small: Tree, path: str, expected: set[str]) -> None:
    choice = small.choose([path])
    assert (set(choice.tests), choice.everything) == (expected, "")


@pytest.mark.parametrize("path", ["uv.lock", "tests/conftest.py", "Makefile", "new/thing.txt"])
def test_what_is_not_known_concerns_all(small: Tree, path: str) -> None:
    assert small.choose([LOW, path]).everything == path


def test_the_reason_is_named(small: Tree) -> None:
    assert small.choose(["labgrader/shown.py"]).tests[SCREEN] == "labgrader.shown"


def test_in_this_repository() -> None:
    choice = changed.tree().choose(["labgrader/toolkit/rbac/rules.py"])
    assert not choice.everything
    assert "tests/unit/toolkit/rbac/test_rules.py" in choice.tests
    assert "tests/unit/clusters/embedded/test_pki.py" not in choice.tests
    assert "tests/unit/model/test_task.py" not in choice.tests


def test_a_command_that_is_imported_by_its_name_concerns_who_imports_the_root() -> None:
    choice = changed.tree().choose(["labgrader/cli/quiz.py"])
    assert "tests/unit/author/test_verify.py" in choice.tests
    assert "tests/unit/toolkit/rbac/test_rules.py" not in choice.tests


def test_what_git_does_not_track_yet_is_a_change_too(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, timeout=60)

    git("init", "-q")
    for name in ("kept", "edited"):
        (tmp_path / name).write_text("1")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    (tmp_path / "edited").write_text("2")
    (tmp_path / "added").write_text("1")
    assert changed.changed_since("HEAD", tmp_path) == ["added", "edited"]
