"""A grading's report on standard output and in files, in the formats that were asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labgrader.cli import output
from labgrader.cli.exit_code import Conclusion
from labgrader.errors import ReportError
from labgrader.model.result import CheckResult, Report, TaskResult
from labgrader.report import as_json, as_text, files

FORMATS = ("text", "json", "junit")


@dataclass(frozen=True, slots=True)
class Printer:
    """Writes reports.

    Args:
        form: the format on standard output; text where files are written.
        files: the format and path of each file.
        plain: one fact a line.
        conclude: says what a report comes to: the text's last line.
        reasons: whether to show more than outcomes and points.
    """

    form: str
    files: Sequence[tuple[str, Path]]
    plain: bool
    conclude: Callable[[Report], Conclusion]
    reasons: bool = True

    def show(self, report: Report) -> None:
        """Write one report everywhere.

        Raises:
            ReportError: one of them cannot be written; the others are.
        """
        report = report if self.reasons else verdicts_only(report)
        failed = None
        for form, path in self.files:
            try:
                files.write(path, self._render(report, form, colour=False))
            except ReportError as error:
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


def verdicts_only(report: Report) -> Report:
    """Return the report with outcomes and points, and nothing of why and how to fix it."""
    return replace(report, tasks=tuple(_bare_task(task) for task in report.tasks))


def _bare_task(task: TaskResult) -> TaskResult:
    return replace(task, checks=tuple(_bare(check) for check in task.checks))


def _bare(check: CheckResult) -> CheckResult:
    items = tuple(
        replace(i, name=f"condition {n}", reason="", conditions=())
        for n, i in enumerate(check.items, 1)
    )
    return replace(
        check, reason="", expected="", actual="", fix="", erratum=None, items=items, evidence=()
    )
