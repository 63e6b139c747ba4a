"""From a report to an exit code, with what a pipeline said it can live with."""

from __future__ import annotations

from collections.abc import Collection

from labgrader.model.errors import ExitCode
from labgrader.model.result import Outcome, Report, Verdict, verdict

CODES = {
    Verdict.PASSED: ExitCode.OK,
    Verdict.FAILED: ExitCode.FAILED,
    Verdict.UNJUDGED: ExitCode.UNJUDGED,
}


def exit_code(
    report: Report, *, min_score: float | None = None, allowed: Collection[str] = ()
) -> ExitCode:
    """Return the exit code.

    Args:
        min_score: points that are enough, whatever failed; without it everything must pass.
        allowed: causes whose unjudged checks are overlooked. Where nothing else was judged, nothing
            has passed either.
    """
    if min_score is not None:
        if report.score.earned >= min_score:
            return ExitCode.OK
        reachable = report.score.earned + report.score.withheld >= min_score
        return ExitCode.UNJUDGED if reachable else ExitCode.FAILED
    counted = [
        check
        for check in report.checks
        if not (check.outcome is Outcome.ERROR and check.cause and check.cause.value in allowed)
    ]
    return CODES[verdict(counted)]
