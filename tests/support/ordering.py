"""The order of a run: random, and the same wherever the same commit is tested."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def seed_of_commit(root: Path = ROOT) -> tuple[int, str]:
    """Return a seed, and where it comes from; where git does not tell the commit it is 0."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0, "no git"
    commit = done.stdout.strip()
    return (int(commit[:8], 16), f"commit {commit[:8]}") if commit else (0, "no commit")
