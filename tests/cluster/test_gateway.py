"""A gateway that answers in the API server's place: the truth or ``error``, never a wrong grade.

A right and a faulty lab are graded through it, on a real API server. Each run has its own seed,
which a failure names; `make faults` does three hundred of them (`--faulty-runs`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from labgrader.app.workbench import Choice, Workbench
from labgrader.errors import Cause
from labgrader.kube.client import Kube
from labgrader.kube.kubeconfig import connect
from labgrader.lab_state import mutations
from labgrader.lab_state.solver import Solver
from labgrader.model.result import CheckResult, Outcome
from labgrader.paths import content_root
from tests.support.cleanup import wipe
from tests.support.gateway import Gateway

pytestmark = [pytest.mark.cluster]

NS, RBAC = "trading-platform", "rbac.authorization.k8s.io/v1"
SHARES = (0.02, 0.1, 0.3)
"""Which parts of the requests are answered wrongly, in turn."""

MISTAKES = [
    {
        "patch": {
            "apiVersion": RBAC,
            "kind": "ClusterRole",
            "name": "trading-operator-manager",
            "merge": {"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]},
        }
    },
    {
        "patch": {
            "apiVersion": "v1",
            "kind": "Service",
            "name": "trading-operator-metrics",
            "namespace": NS,
            "merge": {"spec": {"selector": {"app": "another"}}},
        }
    },
    {
        "delete": {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "name": "trading-operator-alerts",
            "namespace": NS,
        }
    },
    {
        "delete": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": "trading-operator-runbook",
            "namespace": NS,
        }
    },
    {
        "delete": {
            "apiVersion": "fintech.io/v1",
            "kind": "TradingAlgorithm",
            "name": "sample-momentum-algo",
            "namespace": NS,
        }
    },
]

Grades = dict[str, tuple[Outcome, float]]


def graded(kubeconfig: Path) -> list[CheckResult]:
    opened = Workbench(Choice(kubeconfig=str(kubeconfig)))
    opened.read_only = True
    try:
        return list(opened.grade(opened.catalog.select(["all"]), lambda event: None).checks)
    finally:
        opened.close()


def grades(checks: list[CheckResult]) -> Grades:
    return {check.id: (check.outcome, check.earned) for check in checks}


@pytest.fixture(scope="module", params=["right", "faulty"])
def lab(request: pytest.FixtureRequest, kubeconfig: Path, kube: Kube) -> Iterator[Grades]:
    """A solved lab, or one with mistakes in it, and how it is graded without a gateway."""
    wipe(kube)
    solver = Solver(kube, content_root(), lambda line: None, manual=True)
    for number in range(1, 6):
        solver.solve(f"task{number}")
    if request.param == "faulty":
        mutations.apply(kube, MISTAKES, __file__)
    found = graded(kubeconfig)
    wrong = [one.id for one in found if one.outcome is Outcome.FAILED and not one.optional]
    judged = [one for one in found if one.outcome is not Outcome.ERROR]
    assert len(judged) > len(found) / 2, "the cluster itself is not judged"
    assert (len(wrong) >= len(MISTAKES)) == (request.param == "faulty"), wrong
    assert request.param == "faulty" or not wrong
    yield grades(found)
    wipe(kube)


def test_no_grade_is_wrong_through_a_gateway(
    lab: Grades, kubeconfig: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    runs = int(request.config.getoption("--faulty-runs")) // 2
    first = int(request.config.getoption("--faulty-seed"))
    wrong: list[str] = []
    given = judged = 0
    for seed in range(first, first + runs):
        gateway = Gateway(connect(kubeconfig), share=SHARES[seed % len(SHARES)], seed=seed)
        path = tmp_path / f"kubeconfig-{seed}"
        path.write_text(gateway.kubeconfig())
        try:
            checks = graded(path)
        finally:
            gateway.close()
        given += len(gateway.given)
        judged += sum(check.outcome is not Outcome.ERROR for check in checks)
        wrong += [
            f"seed {seed}: {check.id} {check.outcome} {check.earned} {check.reason}"
            for check in checks
            if (check.outcome, check.earned) != lab[check.id] and check.outcome is not Outcome.ERROR
        ]
        wrong += [
            f"seed {seed}: {check.id} broke: {check.reason}"
            for check in checks
            if check.cause is Cause.INTERNAL
        ]
    assert not wrong, "\n".join(wrong)
    assert given >= runs, "the gateway answered nothing wrongly"
    assert judged, "nothing was judged through the gateway"
