"""A cluster that answers badly: never a wrong grade, always one clear line."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from labgrader.app.workbench import Choice, Workbench
from labgrader.cli import root
from labgrader.clusters.provider import ClusterStatus
from labgrader.errors import Cause, ExitCode
from labgrader.grading.scheduler import Limits
from labgrader.kube.client import Kube
from labgrader.kube.resources import SERVICE_ACCOUNT, Resource
from labgrader.lab_state.solver import Solver
from labgrader.model.result import Outcome
from labgrader.paths import content_root

pytestmark = [pytest.mark.cluster]

TOKEN_REQUEST = Resource("", "v1", "serviceaccounts/guest/token", "TokenRequest")
ROLE = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
BINDING = Resource(
    "rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False
)


@pytest.fixture
def guest(kubeconfig: Path, clean_lab: Kube, tmp_path: Path) -> Iterator[Path]:
    """A kubeconfig of somebody who may see namespaces, but no definitions and no resources."""
    clean_lab.create(SERVICE_ACCOUNT, {"metadata": {"name": "guest"}}, "default")
    rules = [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}]
    clean_lab.create(ROLE, {"metadata": {"name": "guest"}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "guest", "namespace": "default"}
    role = {"apiGroup": ROLE.group, "kind": "ClusterRole", "name": "guest"}
    clean_lab.create(
        BINDING, {"metadata": {"name": "guest"}, "subjects": [subject], "roleRef": role}
    )
    token = clean_lab.create(TOKEN_REQUEST, {"spec": {"expirationSeconds": 600}}, "default")
    config = yaml.safe_load(kubeconfig.read_text())
    config["users"] = [
        {"name": config["users"][0]["name"], "user": {"token": token["status"]["token"]}}
    ]
    file = tmp_path / "guest"
    file.write_text(yaml.safe_dump(config))
    yield file
    clean_lab.delete(BINDING, "guest")
    clean_lab.delete(ROLE, "guest")
    clean_lab.delete(SERVICE_ACCOUNT, "guest", "default")


def test_what_may_not_be_read_is_not_judged(
    guest: Path, clean_lab: Kube, capsys: pytest.CaptureFixture[str]
) -> None:
    Solver(clean_lab, content_root(), lambda line: None).solve("task1")
    code = root.run(["check", "task1", "--kubeconfig", str(guest), "--format", "json"])
    report = json.loads(capsys.readouterr().out)
    checks = {check["id"]: check for check in report["tasks"][0]["checks"]}
    assert code == ExitCode.UNJUDGED
    assert checks["namespace_active"]["outcome"] == "passed"
    assert checks["crd_established"]["cause"] == "forbidden"
    assert checks["sample_resource"]["cause"] == "forbidden"
    assert report["score"]["earned"] == checks["namespace_active"]["points"]
    assert report["score"]["withheld"] == 20 - report["score"]["earned"]


def test_an_expired_token_is_said_in_one_line(
    kubeconfig: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = yaml.safe_load(kubeconfig.read_text())
    config["users"][0]["user"] = {"token": "expired"}
    file = tmp_path / "expired"
    file.write_text(yaml.safe_dump(config))
    code = root.run(["solve", "task1", "--yes", "--kubeconfig", str(file)])
    err = capsys.readouterr().err
    assert code == ExitCode.UNJUDGED
    assert "401" in err
    assert err.count("\n") == 1


@pytest.fixture
def stopped_api_server(cluster: ClusterStatus) -> Iterator[None]:
    """The API server, stopped in its tracks: it takes connections and never answers."""
    pid = next(c.pid for c in cluster.components if c.name == "kube-apiserver")
    assert pid is not None
    process = psutil.Process(pid)
    process.send_signal(signal.SIGSTOP)
    yield
    process.send_signal(signal.SIGCONT)


def test_a_server_that_hangs_is_a_timeout(
    kubeconfig: Path, clean_lab: Kube, stopped_api_server: None
) -> None:
    limits = Limits(check_seconds=0.5, run_seconds=2)
    workbench = Workbench(Choice(kubeconfig=str(kubeconfig)), limits)
    report = workbench.grade(workbench.catalog.select(["task1"]), lambda event: None)
    assert {check.outcome for check in report.checks} == {Outcome.ERROR}
    assert {check.cause for check in report.checks} == {Cause.TIMEOUT}
    assert report.score.withheld == report.score.possible
