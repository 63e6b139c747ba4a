"""Exit code and last line of a report, by the options of a pipeline."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from labgrader.errors import ExitCode
from labgrader.model.result import CheckResult, Outcome, Report, Verdict, verdict
from labgrader.report.as_json import number

CODES = {
    Verdict.PASSED: ExitCode.OK,
    Verdict.FAILED: ExitCode.FAILED,
    Verdict.UNJUDGED: ExitCode.UNJUDGED,
}


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a run comes to. ``note`` says why, where that is not the outcome of the checks alone."""

    verdict: Verdict
    note: str = ""
    bad_content: bool = False

    @property
    def code(self) -> ExitCode:
        """The exit code, which says the same; bad content comes before any verdict."""
        return ExitCode.USAGE if self.bad_content else CODES[self.verdict]


def conclude(
    report: Report,
    *,
    min_score: float | None = None,
    allowed: Collection[str] = (),
    not_loaded: int = 0,
) -> Conclusion:
    """Return what a report comes to.

    Args:
        not_loaded: how many check files could not be loaded; what others judge stays in the report.
        min_score: points that are enough, whatever failed; without it everything must pass.
        allowed: causes whose unjudged checks are overlooked. Where nothing else was judged, nothing
            has passed either.
    """
    if not_loaded:
        files = "check file" if not_loaded == 1 else "check files"
        note = f"{not_loaded} {files} cannot be loaded"
        found = verdict(list(report.checks))
        worst = Verdict.UNJUDGED if found is Verdict.PASSED else found
        return Conclusion(worst, note, bad_content=True)
    if min_score is not None:
        return _by_score(report, min_score)
    overlooked = [check for check in report.checks if _is_overlooked(check, allowed)]
    found = verdict([check for check in report.checks if check not in overlooked])
    points = sum(check.withheld for check in overlooked if not check.optional)
    if not overlooked:
        return Conclusion(found)
    causes = ", ".join(sorted({check.cause.value for check in overlooked if check.cause}))
    return Conclusion(found, f"{number(round(points, 2))} overlooked ({causes})")


def _by_score(report: Report, enough: float) -> Conclusion:
    earned = report.score.earned
    if earned >= enough:
        return Conclusion(Verdict.PASSED, f"{number(enough)} are enough")
    reachable = earned + report.score.withheld >= enough
    wanted = f"{number(enough)} are needed"
    return Conclusion(Verdict.UNJUDGED if reachable else Verdict.FAILED, wanted)


def _is_overlooked(check: CheckResult, allowed: Collection[str]) -> bool:
    return (
        check.outcome is Outcome.ERROR and check.cause is not None and check.cause.value in allowed
    )
