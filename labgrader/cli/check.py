"""``labgrader check``: grades the live cluster."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import rich_click as click

from labgrader.cli.options import workbench_options
from labgrader.engine.events import Event
from labgrader.model.errors import ExitCode, LabError
from labgrader.model.result import Report, Verdict
from labgrader.model.task import Criterion
from labgrader.report import as_json, as_text
from labgrader.report.clean import one_line
from labgrader.workbench import Workbench

CODES = {
    Verdict.PASSED: ExitCode.OK,
    Verdict.FAILED: ExitCode.FAILED,
    Verdict.UNJUDGED: ExitCode.UNJUDGED,
}


@click.command()
@click.argument("what", nargs=-1, metavar="[all|taskN|taskN.S|CHECK_ID]...")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--output", type=click.Path(dir_okay=False), help="Write the report to this file.")
@click.option("--plain", is_flag=True, help="One fact a line, no symbols or colours.")
@click.option("--watch", is_flag=True, help="Grade again at every change, until Ctrl-C.")
@click.option("--wait", type=click.FloatRange(min=0), metavar="SECONDS", help="Until it passes.")
@workbench_options
def check(
    workbench: Workbench,
    what: tuple[str, ...],
    form: str,
    output: str | None,
    plain: bool,
    watch: bool,
    wait: float | None,
) -> int:
    """Grade tasks, steps or single checks on the live cluster. Nothing is changed there.

    Exit code 0: everything required passed; 1: something failed; 3: something could not be judged.
    """
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
    return CODES[report.outcome]


class _Printer:
    """Writes reports in the chosen form to the chosen place."""

    def __init__(self, form: str, output: str | None, plain: bool) -> None:
        self._form = form
        self._output = Path(output) if output else None
        self._plain = plain

    def show(self, report: Report) -> None:
        """Write one report."""
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
        return as_text.plain(report) if self._plain else as_text.render(report, colour=colour)


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
