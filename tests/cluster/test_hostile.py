"""Hostile surroundings on a real API server: the truth or ``error``, never a wrong grade."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from labgrader.app.workbench import Choice, Workbench
from labgrader.clusters.embedded.provider import EmbeddedProvider
from labgrader.errors import Cause
from labgrader.kube.client import Kube
from labgrader.kube.kubeconfig import connect
from labgrader.kube.resources import (
    CONFIG_MAP,
    CRD,
    DEPLOYMENT,
    NAMESPACE,
    ROLE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
    Object,
    Resource,
    name_of,
)
from labgrader.kube.waiting import wait_until
from labgrader.lab_state.solver import Solver
from labgrader.model.result import CheckResult, Outcome
from labgrader.paths import STATE_VARIABLE, content_root
from labgrader.report import as_junit, as_text
from tests.support.cleanup import wipe

pytestmark = [pytest.mark.cluster]

TRADING_ALGORITHM = Resource("fintech.io", "v1", "tradingalgorithms", "TradingAlgorithm")
WEBHOOK = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)
PLATFORM, SAMPLE = "trading-platform", "sample-momentum-algo"
DEFINITION = "tradingalgorithms.fintech.io"


@pytest.fixture
def solved(workbench: Workbench, clean_lab: Kube) -> Workbench:
    """Task 1, solved."""
    Solver(clean_lab, content_root(), lambda line: None).solve("task1")
    return workbench


def grade(workbench: Workbench) -> dict[str, CheckResult]:
    """Judge task 1 once."""
    report = workbench.grade(workbench.catalog.select(["task1"]), lambda event: None)
    return {check.id: check for check in report.checks}


def required(results: dict[str, CheckResult]) -> set[Outcome]:
    """Return the outcomes that count."""
    return {check.outcome for check in results.values() if not check.optional}


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield int(listener.getsockname()[1])


def test_a_dead_webhook_of_the_cluster_costs_nothing(solved: Workbench) -> None:
    """One that is asked about everything is not the learner's: it is named, nothing is judged."""
    before = grade(solved)
    webhook = {
        "name": "check.policy.example",
        "clientConfig": {"service": {"name": "gone", "namespace": "policy-system", "path": "/"}},
        "rules": [
            {
                "operations": ["CREATE", "UPDATE", "DELETE"],
                "apiGroups": ["*"],
                "apiVersions": ["*"],
                "resources": ["*/*"],
            }
        ],
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": PLATFORM}},
    }
    solved.cluster.create(WEBHOOK, {"metadata": {"name": "policy-all"}, "webhooks": [webhook]})
    try:
        assert wait_until(
            lambda: grade(solved)["crd_admits_valid"].outcome is not Outcome.PASSED, 20
        )
        found = grade(solved)
    finally:
        solved.cluster.delete(WEBHOOK, "policy-all")
    changed = {name: check for name, check in found.items() if check.earned < before[name].earned}
    assert {"crd_admits_valid", "crd_status_schema", "crd_columns"} <= changed.keys()
    for check in changed.values():
        assert check.outcome is Outcome.ERROR, check
        assert check.cause is Cause.UNREACHABLE
        assert "policy-all" in check.reason
        assert "kubectl delete validatingwebhookconfiguration policy-all" in check.fix


def test_a_hanging_webhook_is_named(solved: Workbench, silent_port: int) -> None:
    rule = {
        "operations": ["CREATE"],
        "apiGroups": ["fintech.io"],
        "apiVersions": ["*"],
        "resources": ["tradingalgorithms"],
    }
    webhook = {
        "name": "hangs.example.io",
        "clientConfig": {"url": f"https://127.0.0.1:{silent_port}/validate"},
        "rules": [rule],
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "timeoutSeconds": 1,
    }
    solved.cluster.create(WEBHOOK, {"metadata": {"name": "hangs"}, "webhooks": [webhook]})
    try:
        assert wait_until(
            lambda: grade(solved)["crd_admits_valid"].outcome is Outcome.FAILED, 20, pause=0.2
        )
        result = grade(solved)["crd_admits_valid"]
        assert "hangs.example.io" in result.reason
        assert result.fix
    finally:
        solved.cluster.delete(WEBHOOK, "hangs")


def test_more_objects_than_fit_on_a_page(solved: Workbench) -> None:
    sample = solved.cluster.get(TRADING_ALGORITHM, SAMPLE, PLATFORM)
    assert sample is not None

    spec = {key: sample["spec"][key] for key in ("marketData", "riskLimits", "scalingPolicy")}

    def add(number: int) -> None:
        twin: Object = {
            "apiVersion": "fintech.io/v1",
            "kind": "TradingAlgorithm",
            "metadata": {"name": f"filler-{number}", "namespace": PLATFORM},
            "spec": spec,
        }
        solved.cluster.create(TRADING_ALGORITHM, twin, PLATFORM)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(5000)))
    listed = solved.cluster.list(TRADING_ALGORITHM, PLATFORM) or []
    assert len({item["metadata"]["name"] for item in listed}) == 5001
    assert required(grade(solved)) == {Outcome.PASSED}
    solved.cluster.delete(TRADING_ALGORITHM, SAMPLE, PLATFORM)
    assert grade(solved)["sample_resource"].outcome is Outcome.FAILED


def test_thousands_of_roles_and_bindings(solved: Workbench, clean_lab: Kube) -> None:
    """Two thousand roles of others, one of which reaches the operator: it is found and named."""
    Solver(clean_lab, content_root(), lambda line: None).solve("task2")
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["deletecollection"]}

    def add(number: int) -> None:
        who = "trading-operator" if number == 1234 else f"somebody-{number}"
        name = {"metadata": {"name": f"crowd-{number}"}}
        subject = {"kind": "ServiceAccount", "name": who, "namespace": PLATFORM}
        role = {"apiGroup": ROLE.group, "kind": "Role", "name": f"crowd-{number}"}
        clean_lab.create(ROLE, {**name, "rules": [rule]}, PLATFORM)
        clean_lab.create(ROLE_BINDING, {**name, "subjects": [subject], "roleRef": role}, PLATFORM)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(2000)))
    report = solved.grade(solved.catalog.select(["task2"]), lambda event: None)
    results = {check.id: check for check in report.checks}
    assert results["rbac_required"].outcome is Outcome.PASSED
    assert results["rbac_least_privilege"].outcome is Outcome.FAILED
    assert "crowd-1234" in str(results["rbac_least_privilege"])


def test_an_enormous_schema(solved: Workbench) -> None:
    name = "tradingalgorithms.fintech.io"
    crd = solved.cluster.get(CRD, name)
    assert crd is not None
    many = {f"field{n}": {"type": "string", "description": "x" * 200} for n in range(2000)}
    path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/more"
    huge = {"type": "object", "properties": many}
    solved.cluster.patch(CRD, name, [{"op": "add", "path": path, "value": huge}], timeout=20)
    assert wait_until(lambda: required(grade(solved)) == {Outcome.PASSED}, 20)


def outcomes(workbench: Workbench) -> dict[str, Outcome]:
    """Judge all that counts of the five tasks once."""
    report = workbench.grade(workbench.catalog.select([]), lambda event: None)
    return {check.id: check.outcome for check in report.checks if not check.optional}


def test_megabytes_and_objects_that_never_rest(workbench: Workbench, clean_lab: Kube) -> None:
    """A solved lab stays solved beside objects of a megabyte, and while each object changes twice
    a second nothing of it fails: what cannot be told then is ``error``."""
    solver = Solver(clean_lab, content_root(), lambda line: None, manual=True)
    for task in ("task1", "task2", "task3", "task4", "task5"):
        solver.solve(task)
    solved = outcomes(workbench)
    assert Outcome.FAILED not in solved.values(), solved

    for name in ("trading-operator-config", "trading-operator-runbook"):
        # Its values and a field manager's copy of the keys must fit into what etcd takes.
        clean_lab.patch(CONFIG_MAP, name, {"data": {"zz-more": "x: y\n" * 180_000}}, PLATFORM)
    symbols = [f"S{number:06}" for number in range(100_000)]
    sample = clean_lab.get(TRADING_ALGORITHM, SAMPLE, PLATFORM)
    assert sample is not None
    spec = {**sample["spec"], "marketData": {**sample["spec"]["marketData"], "symbols": symbols}}
    head = {"apiVersion": "fintech.io/v1", "kind": "TradingAlgorithm"}
    twin = {**head, "metadata": {"name": "megabyte", "namespace": PLATFORM}, "spec": spec}
    clean_lab.create(TRADING_ALGORITHM, twin, PLATFORM, timeout=20)
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": symbols}
    clean_lab.create(ROLE, {"metadata": {"name": "megabyte"}, "rules": [rule]}, PLATFORM)
    assert outcomes(workbench) == solved

    stop, turns = threading.Event(), list[int]()
    unrest = threading.Thread(target=never_rest, args=(clean_lab, turns, stop), daemon=True)
    unrest.start()
    try:
        while unrest.is_alive() and len(turns) < 5:
            found = outcomes(workbench)
            changed = {name: told for name, told in found.items() if told is not solved[name]}
            assert set(changed.values()) <= {Outcome.ERROR}, changed
    finally:
        stop.set()
        unrest.join(30)
    assert len(turns) >= 5
    assert outcomes(workbench) == solved


def never_rest(kube: Kube, turns: list[int], stop: threading.Event) -> None:
    """Annotate every object of the lab twice a second, until ``stop``, and count the turns."""
    within = (TRADING_ALGORITHM, CONFIG_MAP, DEPLOYMENT, SERVICE_ACCOUNT, ROLE)
    while not stop.wait(0.5):
        change = {"metadata": {"annotations": {"desk.example/turn": str(len(turns))}}}
        for resource in within:
            for one in kube.list(resource, PLATFORM) or []:
                kube.patch(resource, name_of(one), change, PLATFORM)
        for resource, name in ((NAMESPACE, PLATFORM), (CRD, DEFINITION)):
            kube.patch(resource, name, change)
        turns.append(len(turns))


def test_values_that_attack_the_terminal(solved: Workbench) -> None:
    nasty = "\x1b]0;owned\x07\x1b[2J[bold red]x[/]\u202e"
    patch = {"spec": {"marketData": {"symbols": [nasty]}}, "metadata": {"labels": None}}
    solved.cluster.patch(TRADING_ALGORITHM, SAMPLE, patch, PLATFORM)
    report = solved.grade(solved.catalog.select(["sample_resource"]), lambda event: None)
    assert report.checks[0].outcome is Outcome.FAILED
    for text in (as_text.render(report), as_text.plain(report), as_junit.render(report)):
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "\u202e" not in text


def test_an_api_server_that_is_killed_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a solved lab a dying API server gives ``error``, never ``failed``; then all passes."""
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path))
    provider = EmbeddedProvider(name="dying")
    try:
        status = provider.up()
        kube = Kube(connect(provider.kubeconfig()))
        Solver(kube, content_root(), lambda line: None).solve("task1")
        workbench = Workbench(Choice(kubeconfig=str(status.kubeconfig)))
        seen: set[Outcome] = set()
        for _ in range(3):
            pid = next(c.pid for c in provider.status().components if c.name == "kube-apiserver")
            assert pid is not None
            with ThreadPoolExecutor(1) as pool:
                grading = pool.submit(lambda: [required(grade(workbench)) for _ in range(5)])
                psutil.Process(pid).send_signal(signal.SIGKILL)
                seen |= set().union(*grading.result())
            assert wait_until(lambda: required(grade(workbench)) == {Outcome.PASSED}, 60)
        assert Outcome.FAILED not in seen, seen
        assert Outcome.BLOCKED not in seen, seen
        assert Outcome.ERROR in seen, "the kill was never noticed: the test shows nothing"
        wipe(kube)
        workbench.close()
        kube.close()
    finally:
        provider.down(purge=True)
