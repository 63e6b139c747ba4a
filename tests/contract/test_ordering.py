"""The order of the tests is the commit's."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.ordering import ROOT, seed_of_commit


def git(folder: Path, *words: str) -> str:
    name = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    command = ["git", "-C", str(folder), *name, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_commit_has_a_seed_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    seeds = []
    for number in range(2):
        git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", f"commit {number}")
        seed, said = seed_of_commit(tmp_path)
        assert seed_of_commit(tmp_path) == (seed, said)
        assert said == f"commit {git(tmp_path, 'rev-parse', 'HEAD')[:8]}"
        seeds.append(seed)
    assert len(set(seeds)) == 2


def test_without_a_commit_there_is_an_order_too(tmp_path: Path) -> None:
    assert seed_of_commit(tmp_path) == (0, "no commit")
    assert (ROOT / "pyproject.toml").is_file()
