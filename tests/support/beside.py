"""An environment beside this one, into which pip installs what a person would."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

_COMMAND = """\
#!/bin/sh
exec '{python}' -m labgrader "$@"
"""


def environment_beside(folder: Path) -> Path:
    """Make a virtual environment with pip that finds this labgrader; return its ``bin``.

    What is installed there does not reach the environment that the tests run in.
    """
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
    python = folder / "bin" / "python"
    own = sysconfig.get_path("purelib", vars={"base": str(folder)})
    here = sysconfig.get_path("purelib")
    Path(own, "beside.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    command = folder / "bin" / "labgrader"
    command.write_text(_COMMAND.format(python=python))
    command.chmod(0o755)
    return folder / "bin"
