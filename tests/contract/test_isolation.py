"""Tests share nothing but what they name: tried on tests that write wherever they can."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import labgrader
from labgrader import paths
from tests.support.isolation import CACHE

ROOT = Path(__file__).parent.parent.parent

WRITES = """
import os, tempfile
from pathlib import Path
from labgrader import paths

def look_and_leave():
    seen = [paths.state_root(), Path.home() / "x", Path("x"), Path(tempfile.gettempdir()) / "x"]
    assert not [path for path in seen if path.exists()]
    foreign = [name for name in os.environ if name.startswith(("KUBE", "XDG_STATE"))]
    assert foreign == []
    paths.state_dir()
    for path in seen[1:]:
        path.write_text("x")
    assert Path(tempfile.mkstemp()[1]).parent == Path(os.environ["TMPDIR"])

def test_one():
    look_and_leave()

def test_two():
    look_and_leave()
"""

CHANGES = {
    "environment": "os.environ['SOME_NAME'] = 'x'",
    "folder": "os.chdir('/')",
    "temporary": "tempfile.tempdir = '/'",
    "umask": "os.umask(0o777)",
    "signals": "signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
    "search_path": "sys.path.insert(0, '/nowhere')",
    "arguments": "sys.argv.append('x')",
    "limits": "resource.setrlimit(resource.RLIMIT_NOFILE, (64, HARD))",
    "threads": "threading.Thread(target=END.wait).start()",
    "containers": "dependencies.ADMISSION_CACHE.append('x')",
}
"""What belongs to the process, and a statement that changes it."""

MISBEHAVES = """
import os, resource, signal, sys, tempfile, threading
import pytest
from labgrader.grading import dependencies

dependencies.ADMISSION_CACHE = []
HARD = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
END = threading.Event()

@pytest.fixture(scope="module", autouse=True)
def end():
    yield
    END.set()
"""


def nested(folder: Path, text: str, **variables: str) -> tuple[dict[str, str], str]:
    """Run tests in a process of their own; return the outcome of each, and all that was said."""
    (folder / "test_nested.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p tests.support.isolation\n")
    command = [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", "-p", "no:randomly"]
    done = subprocess.run(
        [*command, f"--rootdir={folder}", f"--basetemp={folder / 'base'}", "test_nested.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    said = done.stdout + done.stderr
    found = re.findall(r"^(PASSED|FAILED|ERROR) test_nested\.py::test_(\w+)", said, re.MULTILINE)
    # A test that ended well, and whose surroundings were then found changed, is named twice.
    return {name: outcome for outcome, name in sorted(found, reverse=True)}, said


def test_a_test_finds_nothing_of_another_and_the_person_keeps_nothing(tmp_path: Path) -> None:
    person = tmp_path / "person"
    mine = {"HOME": person, "TMPDIR": person / "tmp", paths.STATE_VARIABLE: person / "state"}
    mine |= {"XDG_STATE_HOME": person / "xdg", "KUBECONFIG": person / "config"}
    (person / "tmp").mkdir(parents=True)
    outcomes, said = nested(tmp_path, WRITES, **{name: str(path) for name, path in mine.items()})
    assert outcomes == {"one": "PASSED", "two": "PASSED"}, said
    assert [path.relative_to(person) for path in person.rglob("*")] == [Path("tmp")]


def test_who_changes_the_process_fails_and_the_next_test_finds_it_as_it_was(
    tmp_path: Path,
) -> None:
    tests = [f"def test_{name}():\n    {change}\n" for name, change in CHANGES.items()]
    others = "def test_next():\n    assert os.getcwd() != '/' and 'SOME_NAME' not in os.environ\n"
    outcomes, said = nested(tmp_path, "\n\n".join([MISBEHAVES, *tests, others]))
    assert outcomes == {**dict.fromkeys(CHANGES, "ERROR"), "next": "PASSED"}, said
    for name in CHANGES:
        assert f"did not put it back: {name} (" in said


def test_here_it_is_in_force(tmp_path_factory: pytest.TempPathFactory) -> None:
    own = tmp_path_factory.getbasetemp() / "own"
    for place in (paths.state_root(), Path.home(), Path(tempfile.gettempdir()), Path.cwd()):
        assert own in place.parents, place
    assert Path(os.environ["XDG_CACHE_HOME"]) == CACHE


CACHES = {
    "grading/dependencies.py:of_admission",  # a function of its arguments alone
    "toolkit/runbook/parser.py:_read",  # likewise
    "toolkit/network_policies/fields.py:_is_key",  # likewise
    "toolkit/network_policies/fields.py:_is_value",  # likewise
    "learning/sessions/clock.py:_boot",  # this start of the machine
}
"""What labgrader keeps in a process from one call to the next."""


def kept_in(file: Path) -> list[str]:
    """Return the functions with a cache of their own, and the `global` statements."""
    where = file.relative_to(Path(labgrader.__file__).parent).as_posix()
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Global):
            found.append(f"{where}:global {', '.join(node.names)}")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [ast.unparse(one).partition("(")[0] for one in node.decorator_list]
            if {name.rpartition(".")[2] for name in names} & {"cache", "lru_cache"}:
                found.append(f"{where}:{node.name}")
    return found


def test_the_caches_of_the_process_are_known() -> None:
    package = Path(labgrader.__file__).parent
    assert {one for file in package.rglob("*.py") for one in kept_in(file)} == CACHES
