"""What a fresh process imports: the fast paths stay fast, the engine knows no client or UI."""

from __future__ import annotations

import subprocess
import sys

import pytest


def modules_after(statement: str) -> set[str]:
    """Return the top-level modules of a fresh interpreter after ``statement``."""
    code = f"import sys\n{statement}\nprint(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split("\n")[-2].split())


HEAVY = {"textual", "rich", "kubernetes", "urllib3", "jsonschema", "cryptography", "psutil"}


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        ("import labgrader", HEAVY | {"click", "yaml", "ssl"}),
        ("import labgrader.api", HEAVY | {"click"}),
        ("import labgrader.grading.runner, labgrader.grading.live", HEAVY | {"click"}),
        ("import labgrader.clusters.embedded.supervisor", HEAVY | {"click", "yaml"}),
        ("import labgrader.app.workbench", HEAVY - {"urllib3"}),
    ],
)
def test_what_is_not_imported(statement: str, forbidden: set[str]) -> None:
    assert not modules_after(statement) & forbidden


def test_this_test_can_fail() -> None:
    assert "yaml" in modules_after("import yaml")


def test_version_imports_nothing_else() -> None:
    statement = (
        "sys.argv = ['labgrader', '--version']\n"
        "from labgrader.cli import main\n"
        "try:\n    main()\nexcept SystemExit as done:\n    assert done.code == 0"
    )
    assert not modules_after(statement) & (HEAVY | {"click", "yaml"})
