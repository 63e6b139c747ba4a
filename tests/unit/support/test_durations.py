"""The table of seconds at the end of a test run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support import durations

PHASES = [
    ("tests/unit/test_a.py::test_one", "setup", 0.5),
    ("tests/unit/test_a.py::test_one", "call", 1.0),
    ("tests/unit/test_a.py::test_one", "teardown", 0.25),
    ("tests/cluster/test_cases.py::test_case[a/b]", "setup", 8.0),
    ("tests/cluster/test_cases.py::test_case[a/b]", "call", 2.0),
    ("tests/cluster/test_cases.py::test_case[a/c]", "setup", 0.0),
    ("tests/cluster/test_cases.py::test_case[a/c]", "call", 3.0),
    ("elsewhere/test_x.py::test_x", "setup", 0.1),
]


def test_groups_are_added_up_and_the_longest_comes_first() -> None:
    found = durations.rows(PHASES)
    assert [(row.name, row.tests, row.seconds) for row in found] == [
        ("cluster, cases", 2, 13.0),
        ("units", 1, 1.75),
        ("others", 1, 0.1),
    ]
    assert (found[0].setup, found[0].call, found[0].teardown) == (8.0, 5.0, 0.0)


def test_the_slowest_are_named_with_all_their_phases() -> None:
    (first, second, *_) = durations.slowest(PHASES)
    assert first == (10.0, "tests/cluster/test_cases.py::test_case[a/b]")
    assert second == (3.0, "tests/cluster/test_cases.py::test_case[a/c]")


def test_a_run_with_workers_ends_with_the_table_and_pytests_own_last_line(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_a(): pass\ndef test_b(): pass\n")
    folder = Path(durations.__file__).parents[2]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "2",
        "-p",
        "tests.support.durations",
        "--seconds-by-group",
    ]
    done = subprocess.run(
        [
            *command,
            "-p",
            "tests.support.durations",
            "-p",
            "no:randomly",
            "-c",
            "/dev/null",
            "--rootdir",
            str(tmp_path),
            "test_it.py",
        ],
        cwd=tmp_path,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    lines = done.stdout.splitlines()
    (row,) = [line for line in lines if line.startswith("others ")]
    assert row.split()[1] == "2", done.stdout
    assert "2 passed" in lines[-1]
