"""``--format text``: for a person at a terminal, and (``plain``) for a screen reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import click

from labgrader.model.result import CheckResult, Outcome, Report, TaskResult, Verdict
from labgrader.report.as_json import number
from labgrader.report.clean import one_line

MARKS = {Outcome.PASSED: "✔", Outcome.FAILED: "✘", Outcome.BLOCKED: "◌", Outcome.ERROR: "?"}
COLOURS = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "red",
    Outcome.BLOCKED: "yellow",
    Outcome.ERROR: "magenta",
}
ITEMS_SHOWN = 6
_WIDTH = 62

Style = Callable[..., str]
Told = Mapping[str, CheckResult]


def render(
    report: Report, *, colour: bool = False, verdict: Verdict | None = None, note: str = ""
) -> str:
    """Return the report as lines; every state is a mark and a word, never a colour alone.

    Args:
        verdict: what the last line says, where that is not the outcome of the checks alone.
        note: why.
    """
    style: Style = click.style if colour else _unstyled
    lines, told = [_headline(report), ""], _told_by(report)
    for task in report.tasks:
        lines.extend(_task(task, style, told))
        lines.append("")
    lines.append(_summary(report, style, verdict or report.outcome, note))
    return "\n".join(lines) + "\n"


def plain(report: Report, *, verdict: Verdict | None = None, note: str = "") -> str:
    """Return the report one fact a line, without marks, columns or colours; see ``render``."""
    lines, told = [_headline(report)], _told_by(report)
    for task in report.tasks:
        score = task.score
        lines.append(f"{task.id}: {task.title}: {task.outcome.value}")
        lines.append(f"{task.id}: {number(score.earned)} of {number(score.possible)} points")
        for check in task.checks:
            lines.extend(_plain_check(check, told))
    lines.append(_summary(report, _unstyled, verdict or report.outcome, note))
    return "\n".join(lines) + "\n"


def _headline(report: Report) -> str:
    cluster = report.cluster
    server = f"Kubernetes {cluster.server_version}" if cluster.server_version else "no answer"
    parts = [f"Lab {report.lab}", f"context {cluster.context} ({cluster.provider})", server]
    return one_line(", ".join([*parts, f"{cluster.nodes} nodes"]))


def _task(task: TaskResult, style: Style, told: Told) -> Iterator[str]:
    score = task.score
    points = f"{number(score.earned)} of {number(score.possible)} points"
    yield style(f"{task.id}  {one_line(task.title)}", bold=True) + f"  {points}"
    for check in task.checks:
        yield from _check(check, style, told)


def _check(check: CheckResult, style: Style, told: Told) -> Iterator[str]:
    mark = style(MARKS[check.outcome], fg=COLOURS[check.outcome], bold=True)
    word = "" if check.outcome is Outcome.PASSED else f"{check.outcome.value} "
    points = f"{number(check.earned)}/{number(check.points)}" + (" bonus" if check.optional else "")
    title = f"{check.step} {one_line(check.title)}"
    yield f"  {mark} {title.ljust(_WIDTH)} {points.rjust(7)}  {style(word + check.id, dim=True)}"
    for label, text in _said(check, told):
        yield f"      {style(label.ljust(9), dim=True)} {text}"


def _told_by(report: Report) -> Told:
    """Return which check is the first to say why something cannot be judged, by the reason."""
    first: dict[str, CheckResult] = {}
    for check in report.checks:
        if check.outcome is Outcome.ERROR:
            first.setdefault(_root(check), check)
    return first


def _root(check: CheckResult) -> str:
    """Return the reason itself, without the names of the checks through which it came."""
    return check.reason.rpartition("could not be judged: ")[2]


def _said(check: CheckResult, told: Told) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of a check; one cause of several errors is told once."""
    yield from notes(check)
    first = told.get(_root(check)) if check.outcome is Outcome.ERROR else None
    if first is not None and first.id != check.id:
        yield f"reason ({check.cause})", f"the same as of {first.step} {first.id}"
    elif check.outcome is not Outcome.PASSED:
        yield from details(check)


def notes(check: CheckResult) -> list[tuple[str, str]]:
    """Return what a check says beside its judgement: items that are worth nothing, and hold."""
    alone = (item for item in check.items if not item.points and not item.conditions)
    beside = [item for item in alone if item.outcome is Outcome.PASSED]
    return [("note", one_line(item.name)) for item in beside] if check.points else []


def details(check: CheckResult) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of a check that did not pass, as (label, one line)."""
    because = f" ({check.cause.value})" if check.cause else ""
    yield "reason" + because, one_line(check.reason)
    for label, text in (
        ("expected", check.expected),
        ("actual", check.actual),
        ("fix", check.fix),
        ("erratum", check.erratum and f"{check.erratum}: the lab's original text led here"),
    ):
        if text:
            yield label, one_line(text)
    others = [item for item in check.conditions if item.reason][1:]
    for item in others[:ITEMS_SHOWN]:
        yield "also", one_line(item.reason)
    if len(others) > ITEMS_SHOWN:
        yield "also", f"{len(others) - ITEMS_SHOWN} more: see --format json"


def _plain_check(check: CheckResult, told: Told) -> Iterator[str]:
    name = f"{check.step} {check.id}"
    yield f"{name}: {check.outcome.value}: {one_line(check.title)}"
    yield f"{name}: {number(check.earned)} of {number(check.points)} points"
    for label, text in _said(check, told):
        yield f"{name}: {label}: {text}"


def _summary(report: Report, style: Style, concluded: Verdict, note: str) -> str:
    score = report.score
    colour = {Verdict.PASSED: "green", Verdict.FAILED: "red", Verdict.UNJUDGED: "magenta"}
    text = f"{number(score.earned)} of {number(score.possible)} points"
    if score.bonus:
        text += f" and {number(score.bonus)} bonus"
    if score.withheld:
        text += f", {number(score.withheld)} could not be judged"
    if note:
        text += f", {note}"
    word = style(concluded.value, fg=colour[concluded], bold=True)
    seconds = report.duration_ms / 1000
    return f"{word}: {text} ({seconds:.2f} s, {report.api_requests} requests)"


def _unstyled(text: str, **_: object) -> str:
    return text
