"""The lab where containers run: its whole story, and answers that show themselves only there."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from labgrader.app.workbench import Choice, Workbench
from labgrader.author import case_result
from labgrader.author.case_runner import CaseRunner
from labgrader.author.cases import Case, load_cases
from labgrader.clusters.embedded.audit_log import AuditRecord
from labgrader.content.lab_folder import LabFolder
from labgrader.errors import Cause
from labgrader.grading.events import RunFinished
from labgrader.kube.resources import JOB, NODE, RESOURCE_QUOTA, name_of
from labgrader.model.result import CheckResult, Outcome, Report
from labgrader.paths import STATE_VARIABLE, content_root
from tests.support.answers import Answers, selected
from tests.support.real_nodes import RealLab, wait_until

CASES = [case for case in load_cases(LabFolder(content_root()).cases) if case.containers]

PLATFORM = "trading-platform"

BOUND_SECONDS = 60.0
"""The longest that a whole grading may take, whatever the cluster does."""

pytestmark = [pytest.mark.cluster, pytest.mark.nodes]


def opened(real_lab: RealLab) -> Workbench:
    """Return a workbench on the cluster, which is the lab's own by its kubeconfig's place."""
    root = real_lab.provider.layout.root
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATE_VARIABLE, str(root.parent.parent))
        workbench = Workbench(Choice(kubeconfig=str(real_lab.provider.kubeconfig())))
        assert workbench.target.owned
    return workbench


@pytest.fixture(scope="module")
def runner(module_state: Path, real_lab: RealLab) -> Iterator[CaseRunner]:
    """A solved lab on a real node, with the reference operator at work in a pod."""
    del module_state  # what kubectl and the rule engine keep is kept for all cases
    workbench = opened(real_lab)
    solved = CaseRunner(workbench)
    solved.clear()
    assert not list(case_result.of_empty_cluster(solved.grade()))
    assert not list(case_result.of_solution(solved.solve()))
    yield solved
    solved.clear()
    workbench.close()


@pytest.fixture(scope="module")
def answers(runner: CaseRunner, request: pytest.FixtureRequest) -> Answers:
    """The cases of this session, tried in batches."""
    return Answers(runner, [selected(request)])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, runner: CaseRunner, answers: Answers) -> None:
    """The named check says what the case expects, and only what depends on it suffers."""
    assert not runner.lacks(case)
    found = answers.case_result(case)
    assert not found.faults, found


def test_a_live_grading_runs_the_backup_once_and_not_because_of_its_own_job(
    runner: CaseRunner, real_lab: RealLab
) -> None:
    """Its Job and pods are no news; a change of the script is, and runs it again."""
    assert runner.solved
    bench, reports, changes = opened(real_lab), queue.SimpleQueue[Report](), list[str]()
    live = bench.live(
        bench.catalog.select(["backup_job", "backup_restores", "runbook", "dashboard"]),
        lambda event: reports.put(event.report) if isinstance(event, RunFinished) else None,
        on_change=lambda change: changes.append(change.text),
    )
    record = AuditRecord(real_lab.provider.layout.audit_log)

    def runs() -> int:
        return sum(deed.verb == "create" for deed in record.audited_writes(JOB, PLATFORM))

    def changed(name: str) -> None:
        """Change a ConfigMap, and wait for the judgement that comes of it."""
        changes.clear()
        mark = f"lab/changed={time.monotonic_ns()}"
        real_lab.kubectl("annotate", "configmap", name, "-n", PLATFORM, mark, "--overwrite")
        while not any(name in text for text in changes):
            reports.get(timeout=BOUND_SECONDS)

    before = runs()
    thread = threading.Thread(target=live.run, daemon=True)
    thread.start()
    try:
        first = reports.get(timeout=BOUND_SECONDS)
        assert {check.outcome for check in first.checks} == {Outcome.PASSED}, first.checks
        assert runs() == before + 1
        changed("trading-operator-dashboard")
        assert runs() == before + 1
        changed("trading-backup-script")
        wait_until(lambda: runs() == before + 2)
        changed("trading-operator-dashboard")
        assert runs() == before + 2
    finally:
        live.close()
        thread.join(BOUND_SECONDS)
        bench.close()
        for name in ("trading-operator-dashboard", "trading-backup-script"):
            real_lab.kubectl("annotate", "configmap", name, "-n", PLATFORM, "lab/changed-")


def test_a_live_grading_asks_by_name_again_when_nobody_stands_behind_it(
    runner: CaseRunner, real_lab: RealLab
) -> None:
    """The probe writes nothing into what it asks; its answer still follows the endpoints."""
    assert runner.solved
    bench, reports = opened(real_lab), queue.SimpleQueue[Report]()
    live = bench.live(
        bench.catalog.select(["reached_by_name"]),
        lambda event: reports.put(event.report) if isinstance(event, RunFinished) else None,
    )

    def lead_to(component: str) -> None:
        merge = f'{{"spec":{{"selector":{{"component":"{component}"}}}}}}'
        service = ("service", "trading-operator-metrics", "-n", PLATFORM)
        real_lab.kubectl("patch", *service, "--type=merge", "-p", merge)

    def until(outcome: Outcome) -> None:
        while reports.get(timeout=BOUND_SECONDS).checks[0].outcome is not outcome:
            pass

    thread = threading.Thread(target=live.run, daemon=True)
    thread.start()
    try:
        until(Outcome.PASSED)
        lead_to("nobody")
        until(Outcome.FAILED)
        lead_to("controller")
        until(Outcome.PASSED)
    finally:
        live.close()
        thread.join(BOUND_SECONDS)
        bench.close()
        lead_to("controller")


def test_a_node_that_dies_while_it_is_graded_is_no_fault_of_the_learner(
    runner: CaseRunner, real_lab: RealLab
) -> None:
    """Its kubelet stands still: what must be asked of it cannot be judged; the rest can."""
    kubelet = psutil.Process(real_lab.pid("kubelet"))
    kubelet.suspend()
    try:
        began = time.monotonic()
        found = runner.grade(["operator_token", "operator_deployment", "operator_config"])
        took = time.monotonic() - began
    finally:
        kubelet.resume()
    assert took < BOUND_SECONDS
    outcomes = {name: result.outcome for name, result in found.items()}
    assert outcomes["operator_deployment"] is Outcome.PASSED, outcomes
    assert outcomes["operator_config"] is Outcome.PASSED, outcomes
    assert outcomes["operator_token"] in (Outcome.PASSED, Outcome.ERROR), found["operator_token"]


def test_a_node_that_is_dead_is_named_and_the_operator_not_judged_by_it(
    runner: CaseRunner, real_lab: RealLab
) -> None:
    """After 40 s the cluster itself says that the node does not answer."""
    kubelet = psutil.Process(real_lab.pid("kubelet"))
    kubelet.suspend()
    try:
        _nodes_become(real_lab, "Unknown")
        wait_until(lambda: _rollout(runner).outcome is not Outcome.PASSED)
        result = _rollout(runner)
    finally:
        kubelet.resume()
        _nodes_become(real_lab, "True")
        wait_until(lambda: _rollout(runner).outcome is Outcome.PASSED)
    assert (result.outcome, result.cause) == (Outcome.ERROR, "unreachable"), result
    assert "does not answer" in result.reason


def _rollout(runner: CaseRunner) -> CheckResult:
    return runner.grade(["operator_rollout"])["operator_rollout"]


def _nodes_become(lab: RealLab, ready: str) -> None:
    lab.kubectl("wait", "nodes", "--all", f"--for=condition=Ready={ready}", "--timeout=80s")


def test_where_the_cluster_has_no_room_for_a_pod_nothing_is_judged_by_it(
    runner: CaseRunner, real_lab: RealLab
) -> None:
    """A cordoned node is named; under a quota for computing the pods of checks still run."""
    assert runner.solved
    bench, names = opened(real_lab), ("backup_restores", "reached_by_name")
    (node,) = [name_of(one) for one in bench.cluster.list(NODE) or []]
    bench.cluster.patch(NODE, node, {"spec": {"unschedulable": True}})
    try:
        closed = {one.id: one for one in bench.results(names) if one.id in names}
    finally:
        bench.cluster.patch(NODE, node, {"spec": {"unschedulable": None}})
    for one in closed.values():
        assert (one.outcome, one.cause, one.fix) == (
            Outcome.ERROR,
            Cause.CAPABILITY,
            f"kubectl uncordon {node}",
        ), one
    hard = {"requests.cpu": "20", "limits.cpu": "40", "limits.memory": "40Gi"}
    bench.cluster.create(
        RESOURCE_QUOTA, {"metadata": {"name": "compute"}, "spec": {"hard": hard}}, PLATFORM
    )
    try:
        quoted = {one.id: one for one in bench.results(names) if one.id in names}
    finally:
        bench.cluster.delete(RESOURCE_QUOTA, "compute", PLATFORM)
        bench.close()
    assert {one.outcome for one in quoted.values()} == {Outcome.PASSED}, quoted
