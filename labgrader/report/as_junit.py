"""``--format junit``: one suite a task, one case a check, for CI systems."""

from __future__ import annotations

from datetime import UTC
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from labgrader.model.result import CheckResult, Outcome, Report, TaskResult
from labgrader.report.as_text import details
from labgrader.report.clean import clean, one_line


def render(report: Report) -> str:
    """Return the report as JUnit XML.

    ``failed`` is a failure, ``error`` an error (its type is the cause). What is blocked is skipped:
    its cause is a failure of its own. A bonus that was not earned is skipped, too: it never breaks
    a build.
    """
    root = Element("testsuites", name=report.lab, time=_seconds(report.duration_ms))
    for task in report.tasks:
        _suite(root, task, report)
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(root: Element, task: TaskResult, report: Report) -> None:
    kinds = [_kind(check) for check in task.checks]
    suite = SubElement(
        root,
        "testsuite",
        name=f"{report.lab}.{task.id}",
        tests=str(len(kinds)),
        failures=str(kinds.count("failure")),
        errors=str(kinds.count("error")),
        skipped=str(kinds.count("skipped")),
        time=_seconds(sum(check.duration_ms for check in task.checks)),
        timestamp=report.started_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
    )
    properties = SubElement(suite, "properties")
    for name, value in (
        ("context", report.cluster.context),
        ("server_version", report.cluster.server_version),
        ("score", f"{task.score.earned:g}/{task.score.possible:g}"),
    ):
        SubElement(properties, "property", name=name, value=clean(value))
    for check, kind in zip(task.checks, kinds, strict=True):
        _case(suite, check, kind, report.lab)


def _case(suite: Element, check: CheckResult, kind: str, lab: str) -> None:
    case = SubElement(
        suite,
        "testcase",
        classname=f"{lab}.{check.step}",
        name=f"{check.id}: {one_line(check.title)}",
        time=_seconds(check.duration_ms),
    )
    if not kind:
        return
    told = SubElement(case, kind, message=one_line(check.reason))
    if kind != "skipped":
        told.set("type", check.cause.value if check.cause else check.outcome.value)
        told.text = "\n".join(f"{label}: {text}" for label, text in details(check))


def _kind(check: CheckResult) -> str:
    """Return the element that says what happened; empty for what passed."""
    if check.outcome is Outcome.PASSED:
        return ""
    if check.optional or check.outcome is Outcome.BLOCKED:
        return "skipped"
    return "error" if check.outcome is Outcome.ERROR else "failure"


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"
