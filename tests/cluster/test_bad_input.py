"""What learners may store on a real API server, and no grading may fall over, run or repeat."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from labgrader.app.workbench import Workbench
from labgrader.kube.client import Kube
from labgrader.kube.resources import CONFIG_MAP, CRON_JOB, NAMESPACE, Object
from labgrader.lab_state.solver import Solver
from labgrader.model.result import Outcome, Report
from labgrader.paths import content_root
from labgrader.report import as_json, as_junit, as_text

pytestmark = [pytest.mark.cluster]

PLATFORM = "trading-platform"
DASHBOARD, RUNBOOK = "trading-operator-dashboard", "trading-operator-runbook"
SECRET = "hunter2-and-more"
"""What must not be seen."""


@pytest.fixture
def solved(workbench: Workbench, clean_lab: Kube) -> Workbench:
    """Tasks 1 and 5, solved as far as their checks look at what simulated nodes can show."""
    solver = Solver(clean_lab, content_root(), lambda line: None, manual=True)
    for task in ("task1", "task2", "task3", "task5"):
        solver.solve(task)
    return workbench


def store(kube: Kube, name: str, key: str, text: str) -> None:
    """Put a text into a ConfigMap that is there."""
    kube.patch(CONFIG_MAP, name, {"data": {key: text}}, PLATFORM, timeout=20)


def grade(workbench: Workbench, *names: str) -> Report:
    """Judge some criteria once."""
    return workbench.grade(workbench.catalog.select(names), lambda event: None)


def panels(how_many: int, title: str = "x") -> str:
    """Return a dashboard with that many panels."""
    one = {"title": title, "targets": [{"expr": "sum(trading_algorithm_info)"}]}
    return json.dumps({"title": "Large", "panels": [one] * how_many})


def test_a_dashboard_that_no_cluster_takes_is_told_as_absent(
    solved: Workbench, kubeconfig: Path, tmp_path: Path
) -> None:
    """Of 20 MB: kubectl shows the server's words; what is graded is what is there."""
    file = tmp_path / "dashboard.json"
    file.write_text(panels(10, "x" * 2_000_000), encoding="utf-8")
    assert file.stat().st_size > 20_000_000
    solved.cluster.delete(CONFIG_MAP, DASHBOARD, PLATFORM)
    kubectl = kubeconfig.parent / "bin" / "kubectl"
    command = [kubectl, f"--kubeconfig={kubeconfig}", "create", "configmap", DASHBOARD]
    command += ["-n", PLATFORM, f"--from-file={file}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "too large" in done.stderr.lower() or "must have at most" in done.stderr
    (found,) = grade(solved, "dashboard").checks
    assert found.outcome is Outcome.FAILED
    assert f"ConfigMap {PLATFORM}/{DASHBOARD} does not exist" in found.reason


def test_the_largest_dashboard_that_a_cluster_takes_is_judged(solved: Workbench) -> None:
    text = panels(14_000)
    assert 900_000 < len(text) < 1_040_000
    store(solved.cluster, DASHBOARD, "dashboard.json", text)
    (found,) = grade(solved, "dashboard").checks
    assert found.outcome is Outcome.FAILED
    assert "No panel is about" in found.reason
    assert "200 expressions find their series" in str(found)  # the others are not looked at
    store(solved.cluster, DASHBOARD, "dashboard.json", "[" * 1_000_000)
    (found,) = grade(solved, "dashboard").checks
    assert "no JSON of a dashboard" in found.reason


def test_nothing_in_a_runbook_is_run_that_changes_anything(
    solved: Workbench, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    lines = [
        f"kubectl delete namespace {PLATFORM}",
        f"kubectl delete cronjobs --all -n {PLATFORM}",
        f"kubectl get pods -n {PLATFORM}; touch {witness}",
        f"kubectl get pods -n {PLATFORM} > {witness}",
        f"kubectl get pods -n $(touch {witness})",
        f"kubectl get pods -n {PLATFORM} `touch {witness}`",
        f"kubectl get pods -n {PLATFORM} -o go-template-file={witness}",
        f"kubectl cluster-info dump --output-directory={witness}",
        f"kubectl patch configmap {RUNBOOK} -n {PLATFORM} -p '{{\"data\":null}}'",
        f"touch {witness}",
    ]
    found = solved.cluster.get(CONFIG_MAP, RUNBOOK, PLATFORM)
    assert found is not None
    ((key, text),) = found["data"].items()
    block = "\n".join(["", "## More", "```sh", *lines, "```"])
    store(solved.cluster, RUNBOOK, key, text + block)
    before = kept(solved.cluster)
    grade(solved, "runbook")
    assert not witness.exists()
    assert kept(solved.cluster) == before


def kept(kube: Kube) -> list[Any]:
    """Return what would be gone, or another, if a command had been run."""
    objects: list[Object | None] = [
        kube.get(NAMESPACE, PLATFORM),
        kube.get(CRON_JOB, "trading-operator-backup", PLATFORM),
        kube.get(CONFIG_MAP, RUNBOOK, PLATFORM),
    ]
    assert all(objects)
    return [one and one["metadata"]["resourceVersion"] for one in objects]


def test_a_secret_in_the_wrong_place_is_seen_and_not_repeated(solved: Workbench) -> None:
    kube = solved.cluster
    store(
        kube,
        "trading-operator-logging",
        "logging.yaml",
        f"logging: {{level: 'password={SECRET}', smtp: {{password: {SECRET}}}, outputs: [stdout],"
        f" audit: {{webhook: {{headers: {{Authorization: 'Bearer {SECRET}.x'}}}}}}}}",
    )
    store(
        kube, DASHBOARD, "dashboard.json", panels(1).replace("sum(", f"x{{password='{SECRET}'}}(")
    )
    all_sessions = f"# token: {SECRET}\n\nTradingOperatorDown: password={SECRET}\n\n"
    all_sessions += f"```sh\nkubectl get pods nobody -n {PLATFORM} # --token={SECRET}\n```\n"
    found = kube.get(CONFIG_MAP, RUNBOOK, PLATFORM)
    assert found is not None
    store(kube, RUNBOOK, next(iter(found["data"])), all_sessions)
    script = f'#!/bin/sh\npassword={SECRET}; cd "" password={SECRET} # $x\nfi password={SECRET}\n'
    store(kube, "trading-backup-script", "backup.sh", script)
    report = grade(solved, "logging_config", "dashboard", "runbook", "backup_job")
    outcomes = {check.id: check.outcome for check in report.checks}
    assert set(outcomes.values()) == {Outcome.FAILED}, outcomes
    texts = [as_text.render(report), as_text.plain(report), as_json.render(report)]
    for text in [*texts, as_junit.render(report), repr(report)]:
        assert SECRET not in text
        assert "[redacted]" in text
