"""``labgrader check``: grades the live cluster."""

from __future__ import annotations

from functools import partial

import rich_click as click

from labgrader.app.workbench import Workbench
from labgrader.cli import guard
from labgrader.cli.exit_code import conclude
from labgrader.cli.options import complete_names, workbench_options
from labgrader.cli.printer import FORMATS, Printer, outputs_of
from labgrader.cli.session_notes import remember
from labgrader.cli.waiting import Waiting
from labgrader.errors import Cause, LabError
from labgrader.grading.events import Event
from labgrader.model.modes import Mode
from labgrader.model.result import Report, Verdict
from labgrader.model.task import Criterion
from labgrader.report.clean import one_line


@click.command()
@click.argument(
    "what", nargs=-1, metavar="[all|taskN|taskN.S|CHECK_ID]...", shell_complete=complete_names
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="text")
@click.option(
    "--output",
    "outputs",
    multiple=True,
    metavar="FORMAT=FILE",
    help="Write the report to a file as well; may come several times. The text is shown all the"
    " same. A plain FILE gets it in the format of --format.",
)
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
    outputs: tuple[str, ...],
    plain: bool,
    watch: bool,
    wait: float | None,
    read_only: bool,
    min_score: float | None,
    allowed: tuple[str, ...],
) -> int:
    """Grade tasks, steps or single checks on the live cluster. Nothing is changed there.

    Exit code 0: everything required passed; 1: something failed; 3: something could not be judged;
    4: labgrader itself could not work, such as a report that cannot be written.
    """
    workbench.read_only = read_only
    criteria = workbench.catalog.select(what)
    faults = len(workbench.catalog.faults)
    conclusion = partial(conclude, min_score=min_score, allowed=allowed, not_loaded=faults)
    reasons = guard.mode() is not Mode.TIMED
    printer = Printer(form, outputs_of(outputs, form), plain, conclusion, reasons)
    if watch:
        report = _watch(workbench, criteria, printer)
    elif wait is not None:
        report = _wait(workbench, criteria, wait, reasons=reasons)
    else:
        report = workbench.grade(criteria, _nobody)
    remember(report.lab, lambda all_sessions: all_sessions.note_grading(report))
    if not watch:
        printer.show(report)
    return conclusion(report).code


def _nobody(event: Event) -> None:
    """Listen to nothing."""


def _link(error: LabError | None) -> None:
    said = f"the cluster cannot be seen: {error}" if error else "the cluster answers again"
    click.echo(f"labgrader: {one_line(said)}", err=True)


def _watch(workbench: Workbench, criteria: list[Criterion], printer: Printer) -> Report:
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


def _wait(
    workbench: Workbench, criteria: list[Criterion], seconds: float, *, reasons: bool
) -> Report:
    """Grade at every change until everything passes or the time is over; tell of both meanwhile."""
    import threading

    told = Waiting(seconds, reasons=reasons)
    live = workbench.live(criteria, told.listen, on_link=_link)
    timer = threading.Timer(seconds, live.close)
    timer.daemon = True
    timer.start()
    try:
        with told:
            report = live.run(lambda report: report.outcome is Verdict.PASSED)
    finally:
        timer.cancel()
        live.close()
    told.end(report)
    return report
