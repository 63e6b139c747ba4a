"""A grading's report on standard output and in files, in the formats that were asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from labgrader.cli import output
from labgrader.cli.verdict import Conclusion
from labgrader.model.result import Report
from labgrader.report import as_json, as_text

FORMATS = ("text", "json", "junit")


@dataclass(frozen=True, slots=True)
class Printer:
    """Writes reports.

    Args:
        form: the format on standard output; text where files are written.
        files: the format and path of each file.
        plain: one fact a line.
        conclude: says what a report comes to: the text's last line.
        shown: returns what may be shown of a report.
    """

    form: str
    files: Sequence[tuple[str, Path]]
    plain: bool
    conclude: Callable[[Report], Conclusion]
    shown: Callable[[Report], Report]

    def show(self, report: Report) -> None:
        """Write one report everywhere.

        Raises:
            ReportError: one of them cannot be written; the others are.
        """
        report = self.shown(report)
        failed = None
        for form, path in self.files:
            try:
                output.write_file(path, self._render(report, form, colour=False))
            except output.ReportError as error:
                failed = error
        form = "text" if self.files else self.form
        colour = sys.stdout is not None and sys.stdout.isatty()
        output.write(self._render(report, form, colour=colour))
        if failed is not None:
            raise failed

    def _render(self, report: Report, form: str, *, colour: bool) -> str:
        if form == "json":
            return as_json.render(report)
        if form == "junit":
            from labgrader.report import as_junit

            return as_junit.render(report)
        found = self.conclude(report)
        if self.plain:
            return as_text.plain(report, verdict=found.verdict, note=found.note)
        return as_text.render(report, colour=colour, verdict=found.verdict, note=found.note)


def outputs_of(given: Sequence[str], form: str) -> list[tuple[str, Path]]:
    """Return format and path of each ``--output``; a plain path takes ``--format``'s."""
    found = []
    for one in given:
        name, equals, path = one.partition("=")
        if equals and path and name in FORMATS:
            found.append((name, Path(path)))
        else:
            found.append((form, Path(one)))
    return found
