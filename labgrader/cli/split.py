"""``labgrader start --split``: the lab, and the learner's shell beside it, by tmux."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

from labgrader.app.workbench import Workbench
from labgrader.errors import LabError, UsageError
from labgrader.paths import STATE_VARIABLE
from labgrader.tui.shell import DENIED

SHARE = "40%"
"""How much of the window's width is the shell's."""
_OTHERWISE = "Or open a second terminal: `labgrader cluster shell`"


def split(workbench: Workbench, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Put a shell beside this pane of tmux; outside of tmux, become a tmux with both.

    Args:
        arguments: those of this `labgrader`, with which the lab is opened in a new tmux.

    Raises:
        LabError: there is no tmux, no terminal, or no room.
    """
    if environ.get(DENIED) or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("--split needs a terminal", "Leave it out, or use it in one")
    tmux = shutil.which("tmux", path=environ.get("PATH"))
    if tmux is None:
        raise LabError("--split needs tmux, which is not installed", f"Install it. {_OTHERWISE}")
    if environ.get("TMUX"):
        _beside(tmux, workbench, environ)
    else:
        _both(tmux, workbench, arguments)


def _beside(tmux: str, workbench: Workbench, environ: Mapping[str, str]) -> None:
    """Open the shell's pane; this one stays the chosen one, and the lab opens in it."""
    # The new pane's environment is that of the tmux server, not this one.
    state = environ.get(STATE_VARIABLE)
    known = ["-e", f"{STATE_VARIABLE}={state}"] if state else []
    done = subprocess.run(  # noqa: S603 - the tmux that this runs in
        [tmux, "split-window", "-d", *_pane(workbench, known)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"tmux cannot split this window: {done.stderr.strip()}", _OTHERWISE)


def _both(tmux: str, workbench: Workbench, arguments: Sequence[str]) -> None:
    """Replace this process by a tmux of its own, with the lab and the shell."""
    lab = [sys.executable, "-m", "labgrader", *(one for one in arguments if one != "--split")]
    new = ["new-session", "-s", "lab", "-c", os.getcwd(), *lab]  # noqa: PTH109 - as it is called
    shell = [";", "split-window", *_pane(workbench, []), ";", "select-pane", "-L"]
    shell += [";", "set-option", "destroy-unattached", "on"]  # it ends with its terminal
    # A socket of its own: the learner's other sessions, and what is set for them, stay apart.
    command = [tmux, "-u", "-L", f"labgrader-{os.getpid()}", *new, *shell]
    sys.stdout.flush()
    os.execv(tmux, command)  # noqa: S606 - no shell in between is meant


def _pane(workbench: Workbench, more: Sequence[str]) -> list[str]:
    """Return tmux's options and the command for the shell's pane, right of the lab."""
    options = workbench.target.options
    shell = [sys.executable, "-m", "labgrader", "cluster", "shell", *options]
    return ["-h", "-l", SHARE, "-c", os.getcwd(), *more, *shell]  # noqa: PTH109
