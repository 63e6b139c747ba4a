"""``labgrader check``: grades the live cluster."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import rich_click as click

from labgrader.cli import guard
from labgrader.cli.memory import remember
from labgrader.cli.options import complete_names, workbench_options
from labgrader.cli.verdict import exit_code
from labgrader.engine.events import Event
from labgrader.model.errors import Cause, LabError
from labgrader.model.modes import Mode
from labgrader.model.result import CheckResult, Report, TaskResult, Verdict
from labgrader.model.task import Criterion
from labgrader.report import as_json, as_text
from labgrader.report.clean import one_line
from labgrader.workbench import Workbench


@click.command()
@click.argument(
    "what", nargs=-1, metavar="[all|taskN|taskN.S|CHECK_ID]...", shell_complete=complete_names
)
@click.option("--format", "form", type=click.Choice(["text", "json", "junit"]), default="text")
@click.option("--output", type=click.Path(dir_okay=False), help="Write the report to this file.")
@click.option("--plain", is_flag=True, help="One fact a line, no symbols or colours.")
@click.option("--watch", is_flag=True, help="Grade again at every change, until Ctrl-C.")
@click.option("--wait", type=click.FloatRange(min=0), metavar="SECONDS", help="Until it passes.")
@click.option(
    "--read-only", is_flag=True, help="No probe writes and no jobs, not even bounded ones."
)
@click.option("--min-score", type=float, metavar="N", help="Exit 0 from N points on.")
@click.option(
    "--allow-unjudged",
    "allowed",
    type=click.Choice([cause.value for cause in Cause]),
    multiple=True,
    help="Overlook checks that could not be judged for this reason.",
)
@workbench_options
def check(
    workbench: Workbench,
    what: tuple[str, ...],
    form: str,
    output: str | None,
    plain: bool,
    watch: bool,
    wait: float | None,
    read_only: bool,
    min_score: float | None,
    allowed: tuple[str, ...],
) -> int:
    """Grade tasks, steps or single checks on the live cluster. Nothing is changed there.

    Exit code 0: everything required passed; 1: something failed; 3: something could not be judged.
    """
    workbench.read_only = read_only
    criteria = workbench.catalog.select(what)
    printer = _Printer(form, output, plain)
    if watch:
        report = _watch(workbench, criteria, printer)
    elif wait is not None:
        report = _wait(workbench, criteria, wait)
    else:
        report = workbench.grade(criteria, _nobody)
    if not watch:
        printer.show(report)
    remember(lambda book: book.note_grading(report))
    return exit_code(report, min_score=min_score, allowed=allowed)


class _Printer:
    """Writes reports in the chosen form to the chosen place."""

    def __init__(self, form: str, output: str | None, plain: bool) -> None:
        self._form = form
        self._output = Path(output) if output else None
        self._plain = plain
        self._verdicts = guard.mode() is Mode.TIMED

    def show(self, report: Report) -> None:
        """Write one report; a timed session shows verdicts without reasons."""
        report = verdicts_only(report) if self._verdicts else report
        if self._output is None:
            sys.stdout.write(self._render(report, colour=sys.stdout.isatty()))
            sys.stdout.flush()
            return
        try:
            self._output.write_text(self._render(report, colour=False), encoding="utf-8")
        except OSError as error:
            raise LabError(
                f"The report cannot be written to {self._output}: {error.strerror}",
                "Name another file with --output",
            ) from error

    def _render(self, report: Report, *, colour: bool) -> str:
        if self._form == "json":
            return as_json.render(report)
        if self._form == "junit":
            from labgrader.report import as_junit

            return as_junit.render(report)
        return as_text.plain(report) if self._plain else as_text.render(report, colour=colour)


def verdicts_only(report: Report) -> Report:
    """Return the report with outcomes and points, and nothing of why and how to fix it."""
    return replace(report, tasks=tuple(_bare_task(task) for task in report.tasks))


def _bare_task(task: TaskResult) -> TaskResult:
    return replace(task, checks=tuple(_bare(check) for check in task.checks))


def _bare(check: CheckResult) -> CheckResult:
    items = tuple(
        replace(i, name=f"condition {n}", reason="") for n, i in enumerate(check.items, 1)
    )
    return replace(
        check, reason="", expected="", actual="", fix="", erratum=None, items=items, evidence=()
    )


def _nobody(event: Event) -> None:
    """Listen to nothing."""


def _link(error: LabError | None) -> None:
    said = f"the cluster cannot be seen: {error}" if error else "the cluster answers again"
    click.echo(f"labgrader: {one_line(said)}", err=True)


def _watch(workbench: Workbench, criteria: list[Criterion], printer: _Printer) -> Report:
    """Print a report whenever a result changed, until Ctrl-C."""
    shown: list[object] = []

    def show(report: Report) -> bool:
        state = [(c.id, c.outcome, c.reason, c.earned) for c in report.checks]
        if state != shown:
            shown[:] = state
            printer.show(report)
        return False

    live = workbench.live(
        criteria,
        _nobody,
        on_link=_link,
        on_change=lambda change: click.echo(f"~ {one_line(change.text)}", err=True),
    )
    try:
        return live.run(show)
    finally:
        live.close()


def _wait(workbench: Workbench, criteria: list[Criterion], seconds: float) -> Report:
    """Grade at every change until everything passes or the time is over."""
    import threading

    live = workbench.live(criteria, _nobody, on_link=_link)
    timer = threading.Timer(seconds, live.close)
    timer.daemon = True
    timer.start()
    started = time.monotonic()
    try:
        report = live.run(lambda report: report.outcome is Verdict.PASSED)
    finally:
        timer.cancel()
        live.close()
    if report.outcome is not Verdict.PASSED:
        waited = time.monotonic() - started
        click.echo(f"labgrader: not passed after {waited:.0f} s", err=True)
    return report
