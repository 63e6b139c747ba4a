"""Writing what a command has to say, and what to do where that fails.

A reader that closes its end of a pipe (``| head``) has seen enough: nothing is said, and the
command keeps its exit code. What cannot be written otherwise is told in one line, with exit code 4.
"""

from __future__ import annotations

import contextlib
import os
import sys

from labgrader.errors import ReportError


def prepare_streams() -> None:
    """Let marks that a stream cannot encode be replaced instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def write(text: str) -> None:
    """Write text to standard output, all of it.

    Raises:
        ReportError: it is closed, or full.
    """
    try:
        if sys.stdout is None:
            raise ReportError("Standard output is closed: the report cannot be written")
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        silence()
    except (OSError, ValueError) as error:
        silence()
        detail = getattr(error, "strerror", None) or str(error)
        raise ReportError(f"The report cannot be written to standard output: {detail}") from error


def flush() -> None:
    """Write what is still buffered; raises as ``write``."""
    if sys.stdout is not None:
        write("")


def silence() -> None:
    """Send what is still buffered for standard output nowhere, so that its end cannot fail."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
