"""The command line. ``main`` is the only place where errors become text and exit codes."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Run ``labgrader`` and exit with a code of the contract."""
    if sys.argv[1:] == ["--version"]:  # the most frequent call in pipelines: 30 ms instead of 100
        from labgrader import __version__

        sys.stdout.write(f"labgrader {__version__}\n")
        sys.exit(0)
    if hasattr(os, "umask"):  # nothing that we make is for others to write
        os.umask(os.umask(0o077) | 0o022)
    if sys.argv[1:2] == ["check"] and hasattr(os, "fork"):
        from labgrader.cli import watchdog

        watchdog.enter()
    # What is imported and read at the start is there to stay: looking for cycles in it is in vain.
    gc.set_threshold(20_000, 20, 20)
    from labgrader.cli.root import run

    sys.exit(run(sys.argv[1:]))
