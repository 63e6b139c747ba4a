"""`cluster prepare|unprepare` on a cluster that labgrader did not start (as far as it can tell)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labgrader.cli import root
from labgrader.cluster.kube import Kube
from labgrader.engine.waiting import wait_until
from labgrader.model.errors import ExitCode
from labgrader.model.resource import CRD, Resource

pytestmark = [pytest.mark.cluster]

MONITORS = "servicemonitors.monitoring.coreos.com"
RULES = "prometheusrules.monitoring.coreos.com"
SERVICE_MONITOR = Resource("monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor")

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def foreign(
    kubeconfig: Path, clean_lab: Kube, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run commands against the cluster by a kubeconfig outside the lab's state folder."""
    file = tmp_path / "kubeconfig"
    file.write_text(kubeconfig.read_text())

    def call(*arguments: str) -> tuple[int, str]:
        code = root.run([*arguments, "--kubeconfig", str(file)])
        out, err = capsys.readouterr()
        return code, out + err

    return call


def remove(kube: Kube, name: str) -> None:
    """Delete a definition and wait until it is gone."""
    kube.delete(CRD, name)
    assert wait_until(lambda: kube.get(CRD, name) is None, 20)


def test_prepare_adds_what_is_missing_and_unprepare_removes_only_that(
    foreign: Run, clean_lab: Kube
) -> None:
    theirs = clean_lab.get(CRD, RULES)
    assert theirs is not None, "the embedded cluster brings it"
    remove(clean_lab, MONITORS)
    code, said = foreign("cluster", "prepare", "--yes")
    assert code == ExitCode.OK, said
    assert f"added CustomResourceDefinition {MONITORS}" in said
    assert f"already there: CustomResourceDefinition {RULES}" in said
    assert foreign("solve", "task1")[0] == ExitCode.OK  # the consent is remembered
    assert foreign("reset", "--yes")[0] == ExitCode.OK
    code, said = foreign("cluster", "unprepare")
    assert code == ExitCode.OK, said
    assert wait_until(lambda: clean_lab.get(CRD, MONITORS) is None, 20)
    after = clean_lab.get(CRD, RULES)
    assert after is not None
    assert after["metadata"]["uid"] == theirs["metadata"]["uid"]
    assert foreign("solve", "task1")[0] == ExitCode.USAGE  # the consent is gone
    foreign("cluster", "prepare", "--yes")  # as it was before this test
    foreign("cluster", "unprepare")


def test_unprepare_keeps_what_is_in_use(foreign: Run, clean_lab: Kube) -> None:
    if clean_lab.get(CRD, MONITORS) is not None:
        remove(clean_lab, MONITORS)
    assert foreign("cluster", "prepare", "--yes")[0] == ExitCode.OK
    monitor = {"metadata": {"name": "theirs"}, "spec": {"selector": {}, "endpoints": []}}
    assert wait_until(lambda: clean_lab.list(SERVICE_MONITOR) is not None, 20)
    body = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", **monitor}
    clean_lab.create(SERVICE_MONITOR, body, "default")
    code, said = foreign("cluster", "unprepare")
    assert (code, "used by default/theirs" in said) == (ExitCode.FAILED, True)
    assert clean_lab.get(CRD, MONITORS) is not None
    clean_lab.delete(SERVICE_MONITOR, "theirs", "default")
    assert foreign("cluster", "unprepare")[0] == ExitCode.OK
