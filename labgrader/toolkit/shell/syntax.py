"""Checks the syntax of shell scripts with ``sh -n``; runs nothing of them."""

from __future__ import annotations

import re
import shutil
import subprocess

from labgrader.errors import MissingCapability

SECONDS = 5.0
MAX_CHARACTERS = 200_000
_SHEBANG = re.compile(r"#!\s*(?:\S*/env\s+)?(?:\S*/)?(\w+)")


def shell_of(script: str) -> str:
    """Return which shell a script names in its first line; ``sh`` where it names none."""
    match = _SHEBANG.match(script)
    return match[1] if match else "sh"


def syntax_error(script: str) -> str:
    """Return what a shell complains about; empty where it can read the whole script.

    Raises:
        MissingCapability: the shell that it is written for is not on this machine.
    """
    shell = shell_of(script)
    program = shutil.which(shell if shell in ("sh", "bash", "dash", "ash") else "sh")
    program = program or (shutil.which("sh") if shell in ("ash", "dash") else None)
    if program is None:
        raise MissingCapability(f"There is no {shell} here to read the script", f"Install {shell}")
    if len(script) > MAX_CHARACTERS:
        return f"it has more than {MAX_CHARACTERS} characters"
    try:
        done = subprocess.run(  # noqa: S603 - it reads the script and runs nothing
            [program, "-n"],
            input=script.encode(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "a shell does not come to its end"
    return " ".join(done.stderr.decode(errors="replace").split())[:200] if done.returncode else ""
