"""Writing a report into a file."""

from __future__ import annotations

from pathlib import Path

from labgrader.errors import ReportError


def write(path: Path, text: str) -> None:
    """Write a report into a file.

    Raises:
        ReportError: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        detail = getattr(error, "strerror", None) or str(error)
        raise ReportError(
            f"The report cannot be written to {path}: {detail}", "Name another file"
        ) from error
