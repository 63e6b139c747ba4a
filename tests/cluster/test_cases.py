"""Every check against right and wrong answers, on the real API server."""

from __future__ import annotations

from pathlib import Path

import pytest

from labgrader.cluster.kube import Kube
from labgrader.engine.cases import Case, apply_case, load_cases, undo_case
from labgrader.engine.solve import Solver, wait_until
from labgrader.model.result import CheckResult, Outcome
from labgrader.workbench import Workbench

CASES = list(load_cases(Path(__file__).parent.parent / "checks"))

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cases")]


@pytest.fixture
def solved(workbench: Workbench, clean_lab: Kube) -> Workbench:
    """The lab, solved up to the last task."""
    for task in workbench.catalog.lab.tasks:
        Solver(clean_lab, workbench.catalog.lab.root, lambda line: None).solve(task.id)
    return workbench


def grade(workbench: Workbench) -> dict[str, CheckResult]:
    """Judge everything once."""
    report = workbench.grade(workbench.catalog.select(["all"]), lambda event: None)
    return {check.id: check for check in report.checks}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, solved: Workbench, request: pytest.FixtureRequest) -> None:
    """The named check says what the case expects, and only what depends on it suffers."""
    before = grade(solved)
    assert {check.outcome for check in before.values()} == {Outcome.PASSED}, before
    request.addfinalizer(lambda: undo_case(solved.cluster, case))
    apply_case(solved.cluster, case)
    # An API server takes a moment to act on a change: the answer may come late, not differ.
    wait_until(lambda: grade(solved)[case.criterion].outcome is case.expect, 5)
    after = grade(solved)
    judged = after[case.criterion]
    assert judged.outcome is case.expect, judged
    assert case.reason in judged.reason, judged.reason
    if case.expect is Outcome.FAILED:
        assert judged.earned < judged.points
        assert judged.expected, judged
        assert judged.actual, judged
        assert judged.fix, judged
    else:
        assert {check.outcome for check in after.values()} == {Outcome.PASSED}, after


def test_every_check_has_cases(workbench: Workbench) -> None:
    """No criterion without at least one wrong and one equivalent answer."""
    seen = {(case.criterion, case.expect) for case in CASES}
    for criterion in workbench.catalog.lab.criteria():
        assert (criterion.id, Outcome.FAILED) in seen, criterion.id
        assert (criterion.id, Outcome.PASSED) in seen, criterion.id
