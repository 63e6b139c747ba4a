"""Every check against right and wrong answers, on the real API server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from labgrader.cluster.kube import Kube
from labgrader.engine.baseline import Baseline
from labgrader.engine.cases import Case, apply_case, load_cases, undo_case
from labgrader.engine.solve import Solver, wait_until
from labgrader.model.result import CheckResult, Outcome
from labgrader.workbench import Choice, Workbench
from wiping import wipe

CASES = list(load_cases(Path(__file__).parent.parent / "checks"))
ACT_SECONDS = 10.0
"""How long the API server may take to act on a change before the answer counts."""

ECHO_SECONDS = 0.4
"""How long an answer must stand: one given before the change is in force does not count."""

pytestmark = [pytest.mark.cluster]


@pytest.fixture(scope="module")
def lab(kubeconfig: Path, kube: Kube) -> Iterator[tuple[Workbench, Baseline]]:
    """A solved lab, shared by all cases of this worker, and the way back to it."""
    wipe(kube)
    workbench = Workbench(Choice(kubeconfig=str(kubeconfig)))
    solver = Solver(kube, workbench.catalog.lab.root, lambda line: None)
    objects = []
    for task in workbench.catalog.lab.tasks:
        solver.solve(task.id)
        objects.extend(solver.objects(task.id))
    yield workbench, Baseline(kube, objects)
    wipe(kube)


def grade(workbench: Workbench) -> dict[str, CheckResult]:
    """Judge everything once."""
    report = workbench.grade(workbench.catalog.select(["all"]), lambda event: None)
    return {check.id: check for check in report.checks}


def required(results: dict[str, CheckResult]) -> set[Outcome]:
    """Return the outcomes that count."""
    return {check.outcome for check in results.values() if not check.optional}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, lab: tuple[Workbench, Baseline], request: pytest.FixtureRequest) -> None:
    """The named check says what the case expects, and only what depends on it suffers."""
    workbench, baseline = lab
    # Whatever the case before it left is put back first: finalizers run in reverse order.
    request.addfinalizer(baseline.restore)
    request.addfinalizer(lambda: undo_case(workbench.cluster, case))
    assert wait_until(lambda: required(grade(workbench)) == {Outcome.PASSED}, ACT_SECONDS), (
        f"the lab is not whole before {case.name}"
    )
    apply_case(workbench.cluster, case)
    wait_until(lambda: grade(workbench)[case.criterion].outcome is case.expect, ACT_SECONDS)
    time.sleep(ECHO_SECONDS)
    after = grade(workbench)
    judged = after[case.criterion]
    assert judged.outcome is case.expect, judged
    assert case.reason in judged.reason, judged.reason
    if case.expect is Outcome.FAILED:
        assert judged.earned < judged.points
        assert all((judged.expected, judged.actual, judged.fix)), judged
        _only_dependents_suffer(workbench, case, after)
    else:
        assert required(after) == {Outcome.PASSED}, after


def _only_dependents_suffer(
    workbench: Workbench, case: Case, after: dict[str, CheckResult]
) -> None:
    """No other check fails, unless the case names it: the rest passes or is blocked."""
    failed = {
        check.id
        for check in after.values()
        if check.outcome in (Outcome.FAILED, Outcome.ERROR) and not check.optional
    }
    assert failed <= {case.criterion, *case.also}, failed


def test_every_criterion_has_cases() -> None:
    """No criterion without at least one wrong and one equivalent answer."""
    from labgrader.engine import catalog
    from labgrader.paths import content_root

    seen = {(case.criterion, case.expect) for case in CASES}
    for criterion in catalog.load(content_root()).lab.criteria():
        assert (criterion.id, Outcome.FAILED) in seen, criterion.id
        assert (criterion.id, Outcome.PASSED) in seen, criterion.id
