"""Answers that show themselves only where containers run: skipped elsewhere, never silently."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from labgrader.app.workbench import Choice, Workbench
from labgrader.author import confusion_table
from labgrader.author.case_result import CaseResult, FaultKind, skip
from labgrader.author.case_runner import CaseRunner
from labgrader.author.cases import Case, faults_of, load_cases
from labgrader.author.verify import Verification
from labgrader.errors import Cause
from labgrader.model.result import CheckResult, Outcome, Verdict
from labgrader.paths import content_root

RUNS = Case("one", "it runs", Outcome.FAILED, (), "", (), Path("one/runs.yaml"), containers=True)
PLAIN = replace(RUNS, containers=None, path=Path("one/plain.yaml"))
FAILED = CheckResult("one", "1.1", "one", Outcome.FAILED, 2)


class Bench(Workbench):
    """A cluster that runs containers, or does not."""

    def __init__(self, runs: bool) -> None:
        super().__init__(Choice())
        self.runs = runs
        self.__dict__["cluster"] = None

    @property
    def runs_containers(self) -> bool:
        return self.runs


@pytest.mark.parametrize(
    ("mark", "runs", "skipped"),
    [
        (True, False, True),
        (True, True, False),
        (False, True, True),
        (False, False, False),
        (None, False, False),
        (None, True, False),
    ],
)
def test_a_case_is_tried_where_it_shows(mark: bool | None, runs: bool, skipped: bool) -> None:
    case = replace(RUNS, containers=mark)
    assert bool(CaseRunner(Bench(runs)).lacks(case)) is skipped


def test_what_is_skipped_is_counted_and_named() -> None:
    case_results = (skip(RUNS, "nothing runs here"), CaseResult(PLAIN, FAILED, ()))
    assert [case_result.skipped for case_result in case_results] == [True, False]
    found = Verification(("one",), (), (), case_results, 1.0)
    assert found.verdict() is Verdict.UNJUDGED
    assert found.verdict([Cause.CAPABILITY]) is Verdict.PASSED
    assert found.verdict([Cause.UNREACHABLE]) is Verdict.UNJUDGED
    assert confusion_table.rows(found)["one"].unjudged == 1
    text = confusion_table.render(found)
    assert "one/runs.yaml" in text
    assert "skipped: nothing runs here" in text
    assert "2 cases (2 wrong, 0 right), all others as they should be, 1 skipped" in text
    assert {fault.kind for fault in found.faults} == {FaultKind.UNJUDGED}


def test_the_mark_is_read_and_must_be_a_truth_value() -> None:
    cases = {case.name: case for case in load_cases(content_root() / "tests" / "checks")}
    assert cases["operator_rollout/fail-as-written"].containers
    assert not cases["operator_config/fail-absent"].containers
    data = {"title": "x", "expect": "failed", "containers": "yes", "changes": [{}]}
    assert ("containers",) in {where for where, _ in faults_of(data)}
