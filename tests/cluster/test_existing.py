"""`cluster prepare|unprepare` on a cluster that labgrader did not start (as far as it can tell)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labgrader.cli import root
from labgrader.errors import ExitCode
from labgrader.kube.client import Kube
from labgrader.kube.resources import CRD, Object, Resource, dig, name_of
from labgrader.kube.waiting import wait_until
from labgrader.paths import STATE_VARIABLE

pytestmark = [pytest.mark.cluster]

MONITORS = "servicemonitors.monitoring.coreos.com"
RULES = "prometheusrules.monitoring.coreos.com"
SERVICE_MONITOR = Resource("monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor")

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def foreign(
    kubeconfig: Path,
    clean_lab: Kube,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Run]:
    """Run commands against the cluster by a kubeconfig outside the lab's state folder.

    That folder is the test's own: a consent that is given here must not be found by other tests.
    The definitions are those of the embedded cluster again afterwards: other tests need them.
    """
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "state"))
    file = tmp_path / "kubeconfig"
    file.write_text(kubeconfig.read_text())

    def call(*arguments: str) -> tuple[int, str]:
        code = root.run([*arguments, "--kubeconfig", str(file)])
        out, err = capsys.readouterr()
        return code, out + err

    before = [found for name in (MONITORS, RULES) if (found := clean_lab.get(CRD, name))]
    assert len(before) == 2
    yield call
    for body in before:
        put_back(clean_lab, body)


def remove(kube: Kube, name: str) -> None:
    """Delete a definition, with all objects of it, and wait until it is gone."""
    if kube.get(CRD, name) is not None:
        kube.delete(CRD, name)
    assert wait_until(lambda: kube.get(CRD, name) is None, 20)


def put_back(kube: Kube, body: Object) -> None:
    """Make a definition as it was, without any objects, unless it is the very same still."""
    name, meta = name_of(body), body["metadata"]
    if dig(kube.get(CRD, name), "metadata.uid") == meta["uid"]:
        return
    remove(kube, name)
    kept = {key: meta[key] for key in ("name", "labels", "annotations") if key in meta}
    kube.create(CRD, {**body, "metadata": kept, "status": None})
    group, spec = body["spec"]["group"], body["spec"]
    names, version = spec["names"], spec["versions"][0]["name"]
    served = Resource(group, version, names["plural"], names["kind"])
    assert wait_until(lambda: kube.list(served, "default") == [], 20)


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


def test_unprepare_keeps_what_is_in_use(foreign: Run, clean_lab: Kube) -> None:
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


@pytest.mark.parametrize(
    ("check", "definition"), [("service_monitor", MONITORS), ("alert_rules", RULES)]
)
def test_a_cluster_that_was_not_prepared_teaches_what_comes_first(
    foreign: Run, clean_lab: Kube, check: str, definition: str
) -> None:
    """The kinds of the Prometheus Operator are not there (E8): that is said, with the way out."""
    assert foreign("cluster", "prepare", "--yes")[0] == ExitCode.OK
    assert foreign("solve", "task1")[0] == ExitCode.OK
    remove(clean_lab, definition)
    code, said = foreign("check", check, "--format", "json")
    (found,) = [one for one in checks_of(said) if one["id"] == check]
    assert (code, found["outcome"], found["erratum"]) == (ExitCode.FAILED, "failed", "E8")
    assert "labgrader cluster prepare" in found["fix"]
    code, said = foreign("solve", "task5")
    assert (code, "labgrader cluster prepare" in said) == (ExitCode.FAILED, True)


def checks_of(said: str) -> list[Object]:
    """Return the checks of a report, which comes first."""
    report, _ = json.JSONDecoder().raw_decode(said)
    return [check for task in report["tasks"] for check in task["checks"]]
