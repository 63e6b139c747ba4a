"""What pipelines rely on: JUnit, exit codes with thresholds, completion."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from labgrader.cli.exit_code import conclude
from labgrader.errors import Cause, ExitCode
from labgrader.model.result import CheckResult, Outcome, Report
from labgrader.report import as_junit, as_text
from tests.support.reports import report


def only(*outcomes: Outcome, cause: Cause | None = Cause.CAPABILITY) -> Report:
    """Return a report with these outcomes, ten points each."""
    full = report()
    checks = tuple(
        CheckResult(
            f"c{number}",
            "1.1",
            "T",
            outcome,
            10,
            10 if outcome is Outcome.PASSED else 0,
            cause=cause if outcome is Outcome.ERROR else None,
        )
        for number, outcome in enumerate(outcomes)
    )
    return replace(full, tasks=(replace(full.tasks[0], checks=checks),))


PASSED, FAILED, BLOCKED, ERROR = Outcome.PASSED, Outcome.FAILED, Outcome.BLOCKED, Outcome.ERROR


@pytest.mark.parametrize(
    ("outcomes", "options", "code"),
    [
        ((PASSED,), {}, ExitCode.OK),
        ((PASSED, FAILED), {}, ExitCode.FAILED),
        ((PASSED, BLOCKED), {}, ExitCode.FAILED),
        ((PASSED, ERROR), {}, ExitCode.UNJUDGED),
        ((PASSED, ERROR), {"allowed": ["capability"]}, ExitCode.OK),
        ((PASSED, ERROR), {"allowed": ["timeout"]}, ExitCode.UNJUDGED),
        ((FAILED, ERROR), {"allowed": ["capability"]}, ExitCode.FAILED),
        ((ERROR, ERROR), {"allowed": ["capability"]}, ExitCode.UNJUDGED),
        ((PASSED, FAILED), {"min_score": 10}, ExitCode.OK),
        ((PASSED, FAILED), {"min_score": 11}, ExitCode.FAILED),
        ((PASSED, ERROR), {"min_score": 20}, ExitCode.UNJUDGED),
        ((FAILED, ERROR), {"min_score": 20}, ExitCode.FAILED),
    ],
)
def test_exit_codes(outcomes: tuple[Outcome, ...], options: dict[str, object], code: int) -> None:
    assert conclude(only(*outcomes), **options).code == code  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcomes", "options", "last"),
    [
        ((PASSED, FAILED), {"min_score": 10}, r"passed: 10 of 20 points, 10 are enough"),
        ((PASSED, FAILED), {"min_score": 11}, r"failed: 10 of 20 points, 11 are needed"),
        ((PASSED, ERROR), {"min_score": 20}, r"unjudged: .*, 20 are needed"),
        ((PASSED, ERROR), {"allowed": ["capability"]}, r"passed: .*, 10 overlooked \(capability\)"),
        ((PASSED, BLOCKED), {}, r"failed: 10 of 20 points \("),
    ],
)
@pytest.mark.parametrize("form", [as_text.render, as_text.plain])
def test_the_last_line_says_the_same_as_the_code(
    outcomes: tuple[Outcome, ...], options: dict[str, object], last: str, form: object
) -> None:
    found = conclude(only(*outcomes), **options)  # type: ignore[arg-type]
    text = form(only(*outcomes), verdict=found.verdict, note=found.note)  # type: ignore[operator]
    line = text.splitlines()[-1]
    assert re.match(last, line), line
    words = {ExitCode.OK: "passed", ExitCode.FAILED: "failed", ExitCode.UNJUDGED: "unjudged"}
    assert line.startswith(words[found.code])


def test_junit_says_what_happened() -> None:
    suite = ET.fromstring(as_junit.render(report())).find("testsuite")
    assert suite is not None
    counts = {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "5", "failures": "1", "errors": "1", "skipped": "1"}
    cases = {str(case.get("name")).partition(": ")[0]: case for case in suite.iter("testcase")}
    assert all(": " in str(case.get("name")) for case in suite.iter("testcase"))
    failure = cases["right"].find("failure")
    assert failure is not None
    assert "kubectl mend" in (failure.text or "")
    error = cases["seen"].find("error")
    assert error is not None
    assert error.get("type") == "forbidden"


def test_junit_never_breaks_on_what_a_cluster_says() -> None:
    full = report()
    nasty = "\x1b[31m<b>&\x00\ud800" + "x" * 5000
    checks = tuple(replace(check, reason=nasty) for check in full.tasks[0].checks)
    text = as_junit.render(replace(full, tasks=(replace(full.tasks[0], checks=checks),)))
    assert ET.fromstring(text) is not None


def test_a_bonus_that_was_not_earned_breaks_no_build() -> None:
    full = report()
    bonus = replace(full.tasks[0].checks[-1], outcome=FAILED, earned=0, reason="no")
    tree = ET.fromstring(
        as_junit.render(replace(full, tasks=(replace(full.tasks[0], checks=(bonus,)),)))
    )
    assert tree.find(".//skipped") is not None
    assert tree.find(".//failure") is None


def test_names_complete_in_a_shell() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "labgrader"],
        env={
            "_LABGRADER_COMPLETE": "bash_complete",
            "COMP_WORDS": "labgrader check task1.",
            "COMP_CWORD": "2",
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "plain,task1.1" in done.stdout, done.stderr
