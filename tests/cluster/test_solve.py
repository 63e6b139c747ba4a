"""Solutions on what is there already: on its way out, not to be changed, or the learner's own."""

from __future__ import annotations

import pytest

from labgrader.errors import ExitCode, LabError
from labgrader.kube.client import Kube
from labgrader.kube.resources import (
    CONFIG_MAP,
    CRD,
    DEPLOYMENT,
    NAMESPACE,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    Object,
    Resource,
)
from labgrader.lab_state.solver import Solver
from labgrader.paths import content_root
from tests.support.commands import Run

pytestmark = [pytest.mark.cluster]

ALGORITHM = Resource("fintech.io", "v1", "tradingalgorithms", "TradingAlgorithm")
DEFINITION = "tradingalgorithms.fintech.io"
SAMPLE, PLATFORM = "sample-momentum-algo", "trading-platform"
HOLD = {"metadata": {"finalizers": ["lab.fintech.io/hold"]}}
LET_GO = {"metadata": {"finalizers": None}}


def held(kube: Kube) -> str:
    """Solve task 1, then delete its definition while its sample holds on; return the old uid."""
    Solver(kube, content_root(), lambda line: None).solve("task1")
    kube.patch(ALGORITHM, SAMPLE, HOLD, PLATFORM)
    uid: str = (kube.get(CRD, DEFINITION) or {})["metadata"]["uid"]
    kube.delete(CRD, DEFINITION)
    return uid


def test_a_solution_waits_for_what_is_being_deleted(clean_lab: Kube) -> None:
    old = held(clean_lab)
    said: list[str] = []

    def told(line: str) -> None:
        said.append(line)
        if len(said) == 1:
            clean_lab.patch(ALGORITHM, SAMPLE, LET_GO, PLATFORM)

    Solver(clean_lab, content_root(), told).solve("task1")
    assert said[0] == (
        f"task1: CustomResourceDefinition {DEFINITION} is being deleted; waiting until it is gone"
    )
    definition = clean_lab.get(CRD, DEFINITION)
    assert definition is not None
    assert definition["metadata"]["uid"] != old
    assert clean_lab.get(ALGORITHM, SAMPLE, PLATFORM) is not None


def test_a_solution_says_what_does_not_go(clean_lab: Kube) -> None:
    held(clean_lab)
    with pytest.raises(LabError, match="is being deleted and does not go") as caught:
        Solver(clean_lab, content_root(), lambda line: None, patience=0.2).solve("task1")
    assert DEFINITION in caught.value.message
    clean_lab.patch(ALGORITHM, SAMPLE, LET_GO, PLATFORM)


def test_what_cannot_be_changed_is_named_and_the_rest_is_applied(run: Run, clean_lab: Kube) -> None:
    solve = Solver(clean_lab, content_root(), lambda line: None)
    definition = next(one for _, one in solve.manifests("task1") if one["kind"] == CRD.kind)
    clean_lab.create(CRD, {**definition, "spec": {**definition["spec"], "scope": "Cluster"}})
    clean_lab.create(NAMESPACE, {"metadata": {"name": PLATFORM}})
    for resource, name, body in (
        (CONFIG_MAP, "trading-operator-config", {"immutable": True, "data": {"mine": "yes"}}),
        (DEPLOYMENT, "trading-operator-controller", {"spec": of_another_selector()}),
        (ROLE_BINDING, "trading-operator-workloads", {"roleRef": role("view"), "subjects": []}),
    ):
        clean_lab.create(resource, {"metadata": {"name": name}, **body}, PLATFORM)

    code, said = run("solve", "task1", "task2", "task3")
    assert code == ExitCode.FAILED
    told = [line for line in said.splitlines() if line.startswith("not applied: ")]
    for kind, field, task in (
        (f"CustomResourceDefinition {DEFINITION}", "spec.scope", "task1"),
        (f"RoleBinding {PLATFORM}/trading-operator-workloads", "roleRef", "task2"),
        (f"ConfigMap {PLATFORM}/trading-operator-config", "data", "task3"),
        (f"Deployment {PLATFORM}/trading-operator-controller", "spec.selector", "task3"),
    ):
        (line,) = (one for one in told if one.startswith(f"not applied: {kind}: "))
        assert f"{field} is immutable" in line
        assert "`kubectl delete " in line
        assert line.endswith(f" && labgrader solve {task}`")
    assert clean_lab.get(SERVICE_ACCOUNT, "trading-operator", PLATFORM) is not None
    assert clean_lab.get(SERVICE, "trading-operator-metrics", PLATFORM) is not None

    for resource, name in (
        (DEPLOYMENT, "trading-operator-controller"),
        (CONFIG_MAP, "trading-operator-config"),
    ):
        clean_lab.delete(resource, name, PLATFORM)
    assert run("solve", "task3")[0] == ExitCode.OK


def of_another_selector() -> Object:
    labels = {"app": "mine"}
    pods = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "c"}]}}
    return {"replicas": 0, "selector": {"matchLabels": labels}, "template": pods}


def role(name: str) -> Object:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}


def test_a_solution_names_the_earlier_task_that_it_rests_on(run: Run, clean_lab: Kube) -> None:
    tasks = ("task1", "task2", "task3", "task4")
    for task in tasks:
        Solver(clean_lab, content_root(), lambda line: None, manual=True).solve(task)
    code, said = run("solve", "task5")
    assert (code, "rests on" in said) == (ExitCode.OK, False), said
    own = {"metadata": {"labels": {"app": "mine"}}}
    clean_lab.patch(SERVICE, "trading-operator-metrics", own, PLATFORM)
    code, said = run("solve", "task5")
    assert code == ExitCode.OK
    (line,) = (one for one in said.splitlines() if "rests on" in one)
    assert line.startswith("task5 does not pass (service_monitor")
    assert f"rests on task3 (Service {PLATFORM}/trading-operator-metrics)" in line
    assert "`labgrader solve task3`" in line
