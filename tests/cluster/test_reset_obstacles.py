"""Resets of clusters on which something does not work or refuses: the rest goes, and what stays is
named with its cause and a command that helps."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from labgrader.cli import root
from labgrader.errors import ExitCode, LabError, Rejected
from labgrader.kube.client import Kube
from labgrader.kube.obstacles import API_SERVICE, UNCONVERTED
from labgrader.kube.resources import (
    ADMISSION,
    CLUSTER_ROLE,
    CRD,
    NAMESPACE,
    ROLE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
    Object,
    Resource,
    dig,
)
from labgrader.kube.waiting import wait_until
from labgrader.lab_state import reset_removal
from labgrader.lab_state.reset import Reset
from labgrader.lab_state.solver import Solver
from labgrader.paths import content_root
from tests.support.commands import Run

pytestmark = [pytest.mark.cluster]

PLATFORM = "trading-platform"
SAMPLE, SECOND = "sample-momentum-algo", "momentum-trader-prod"
DEFINITION = "tradingalgorithms.fintech.io"
ALGORITHM = Resource("fintech.io", "v1", "tradingalgorithms", "TradingAlgorithm")
NEWER = Resource("fintech.io", "v2", "tradingalgorithms", "TradingAlgorithm")
DEAD_API = "v1beta1.prices.example"
BONDS = "bonds.desk.example"
VALIDATING, MUTATING, POLICY, BINDING = ADMISSION[:4]


@pytest.fixture
def run(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command; nothing is waited for longer than it takes on this cluster."""
    monkeypatch.setattr(reset_removal, "HOPELESS_SECONDS", 1.0)
    monkeypatch.setitem(Reset.__init__.__kwdefaults__, "grace_seconds", 1.0)  # type: ignore[index]
    return run


@pytest.fixture
def beside(clean_lab: Kube) -> Iterator[Callable[..., None]]:
    """Create objects that are not the lab's; they are gone afterwards, before the lab is."""
    made: list[tuple[Resource, str, str | None]] = []

    def create(resource: Resource, name: str, body: Object, namespace: str | None = None) -> None:
        head = {"apiVersion": resource.api_version, "kind": resource.kind}
        clean_lab.create(resource, {**head, "metadata": {"name": name}, **body}, namespace)
        made.append((resource, name, namespace))

    yield create
    for resource, name, namespace in reversed(made):
        if resource == CRD and clean_lab.get(CRD, name) is not None:
            # What cannot be converted cannot be deleted, and would keep the lab of all that follow.
            clean_lab.patch(CRD, name, UNCONVERTED)
        clean_lab.delete(resource, name, namespace)


@pytest.fixture
def silence() -> Iterator[str]:
    """The address of something that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/"


def solve(kube: Kube, *tasks: str) -> None:
    for task in tasks:
        Solver(kube, content_root(), lambda line: None, manual=True).solve(task)


def convert(kube: Kube, client: Object | None, *, stored: str = "v1") -> None:
    """Serve a second version, converted by a webhook (or by none)."""
    definition = kube.get(CRD, DEFINITION)
    assert definition is not None
    first = definition["spec"]["versions"][0]
    versions = [{**first, "name": name, "storage": name == stored} for name in ("v1", "v2")]
    conversion: Object = {"strategy": "None", "webhook": None}
    if client is not None:
        webhook = {"clientConfig": client, "conversionReviewVersions": ["v1"]}
        conversion = {"strategy": "Webhook", "webhook": webhook}
    kube.patch(CRD, DEFINITION, {"spec": {"versions": versions, "conversion": conversion}})
    # The sample is stored as v1: reading it as v2 shows whether the change is in force.
    reads = client is None
    assert wait_until(lambda: is_readable(kube, NEWER, SAMPLE) is reads, 20)


def is_readable(kube: Kube, resource: Resource, name: str) -> bool:
    try:
        return kube.get(resource, name, PLATFORM, timeout=1) is not None
    except LabError:
        return False


def hooks(
    client: Object, *, groups: list[str], resources: list[str], scope: str = "*", **more: Any
) -> Object:
    """The body of a webhook configuration that refuses what its service does not answer."""
    rule = {
        "operations": ["CREATE", "UPDATE", "DELETE"],
        "apiGroups": groups,
        "apiVersions": ["*"],
        "resources": resources,
        "scope": scope,
    }
    hook = {
        "name": "guard.policy.example",
        "clientConfig": client,
        "rules": [rule],
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
    }
    return {"webhooks": [{**hook, **more}]}


def test_what_is_dead_around_the_lab_does_not_keep_it(
    run: Run, clean_lab: Kube, beside: Callable[..., None]
) -> None:
    """An aggregated API, a conversion webhook, an operator with an odd finalizer: all dead."""
    solve(clean_lab, "task1", "task2")
    service = {"name": "adapter", "namespace": "monitoring"}
    ranks = {"groupPriorityMinimum": 100, "versionPriority": 100, "insecureSkipTLSVerify": True}
    spec = {"group": "prices.example", "version": "v1beta1", "service": service, **ranks}
    beside(API_SERVICE, DEAD_API, {"spec": spec})
    held = ["trading-algorithm-cleanup", "cleanup.k8s.io/trades", "kubernetes.io/pvc-protection"]
    clean_lab.patch(ALGORITHM, SAMPLE, {"metadata": {"finalizers": held}}, PLATFORM)
    # It can be read as it was stored, but not be written: the deletion of what is held is a write.
    convert(clean_lab, {"service": {"name": "gone", "namespace": PLATFORM}}, stored="v2")
    beside(ROLE, "trading-operator-workloads", {"rules": []}, "default")

    code, said = run("reset", "--dry-run")
    assert (code, f"would remove TradingAlgorithm {PLATFORM}/{SAMPLE}" in said) == (0, True), said
    code, said = run("reset")
    assert code == ExitCode.FAILED
    assert f"took the finalizers {', '.join(held)} off" in said
    assert f"switched off the conversion webhook of CustomResourceDefinition {DEFINITION}" in said
    for resource, name, place in (
        (ALGORITHM, SAMPLE, PLATFORM),
        (CRD, DEFINITION, None),
        (CLUSTER_ROLE, "trading-operator-manager", None),
        (SERVICE_ACCOUNT, "trading-operator", PLATFORM),
    ):
        assert clean_lab.get(resource, name, place) is None, said
    assert said.count("still there: ") == 1
    assert f"still there: Namespace {PLATFORM}: APIService {DEAD_API} has no backend" in said
    assert f"kubectl delete apiservice {DEAD_API}`" in said
    # A Role of the lab's name elsewhere is somebody's: it is named, and that is all.
    assert "Role default/trading-operator-workloads" in said
    assert clean_lab.get(ROLE, "trading-operator-workloads", "default") is not None

    clean_lab.delete(API_SERVICE, DEAD_API)  # what the reset says
    assert wait_until(lambda: clean_lab.get(NAMESPACE, PLATFORM) is None, 30)
    clean_lab.delete(ROLE, "trading-operator-workloads", "default")
    assert run("reset")[0] == ExitCode.OK


def test_what_refuses_deletions_keeps_only_what_it_is_about(
    run: Run, clean_lab: Kube, beside: Callable[..., None]
) -> None:
    solve(clean_lab, "task1", "task2")
    match = {
        "operations": ["DELETE"],
        "apiGroups": ["rbac.authorization.k8s.io"],
        "apiVersions": ["*"],
        "resources": ["clusterroles"],
    }
    policy = {
        "matchConstraints": {"resourceRules": [match]},
        "matchConditions": [{"name": "n", "expression": "oldObject.metadata.name != 'canary'"}],
        "validations": [{"expression": "false", "message": "roles stay"}],
    }
    beside(POLICY, "roles-stay", {"spec": policy})
    binding = {"policyName": "roles-stay", "validationActions": ["Deny"]}
    beside(BINDING, "roles-stay-here", {"spec": binding})
    assert wait_until(lambda: is_denied(clean_lab), 20)
    only = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": PLATFORM}}}
    client = {"service": {"name": "gone", "namespace": "policy-system"}}
    everything = hooks(client, groups=["*"], resources=["*/*"], scope="Namespaced", **only)
    beside(VALIDATING, "guard-all", everything)

    code, said = run("reset")
    assert code == ExitCode.FAILED
    assert "something is left" in said
    # The definition takes its resources along, whatever was said about them before.
    assert clean_lab.get(CRD, DEFINITION) is None
    assert f"still there: TradingAlgorithm {PLATFORM}/{SAMPLE}" not in said
    left = {line.partition(": ")[2] for line in said.splitlines() if line.startswith("still there")}
    role = next(line for line in left if line.startswith("ClusterRole trading-operator-manager"))
    assert "ValidatingAdmissionPolicy roles-stay" in role
    assert "`kubectl delete validatingadmissionpolicybinding roles-stay-here`" in role
    account = next(line for line in left if line.startswith(f"ServiceAccount {PLATFORM}/"))
    assert "kubectl delete validatingwebhookconfiguration guard-all" in account
    assert any(line.startswith(f"Namespace {PLATFORM}: ") for line in left)
    assert clean_lab.get(VALIDATING, "guard-all") is not None

    clean_lab.delete(VALIDATING, "guard-all")
    clean_lab.delete(BINDING, "roles-stay-here")
    assert wait_until(lambda: not is_denied(clean_lab), 20)
    code, said = run("reset")
    assert (code, "nothing of the lab is left" in said) == (ExitCode.OK, True), said


def is_denied(kube: Kube) -> bool:
    """Whether the policy against deletions is in force."""
    body = {"apiVersion": CLUSTER_ROLE.api_version, "kind": "ClusterRole", "rules": []}
    kube.apply(CLUSTER_ROLE, {**body, "metadata": {"name": "probe"}})
    try:
        kube.delete(CLUSTER_ROLE, "probe")
    except Rejected:
        return True
    return False


def test_webhooks_that_never_answer_do_not_stop_a_reset(
    run: Run, clean_lab: Kube, beside: Callable[..., None], silence: str
) -> None:
    """Objects are stored in two versions, so each reading of all needs the conversion."""
    solve(clean_lab, "task1", "task2")
    convert(clean_lab, None, stored="v2")
    sample = clean_lab.get(NEWER, SAMPLE, PLATFORM)
    assert sample is not None
    twin = {**sample, "metadata": {"name": SECOND, "namespace": PLATFORM}}
    clean_lab.create(NEWER, twin, PLATFORM)
    convert(clean_lab, {"url": silence}, stored="v2")
    roles = {"groups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"]}
    slow = hooks({"url": silence}, **roles, timeoutSeconds=30)
    beside(MUTATING, "slow-guard", slow)

    code, said = run("reset")
    assert code == ExitCode.FAILED
    assert f"switched off the conversion webhook of CustomResourceDefinition {DEFINITION}" in said
    assert clean_lab.get(CRD, DEFINITION) is None
    assert clean_lab.get(NAMESPACE, PLATFORM) is None
    (stays,) = (line for line in said.splitlines() if line.startswith("still there: "))
    assert "ClusterRole trading-operator-manager" in stays
    assert "kubectl delete mutatingwebhookconfiguration slow-guard" in stays


def test_lists_that_cannot_be_read_keep_a_namespace_and_nothing_else(
    run: Run, clean_lab: Kube, beside: Callable[..., None]
) -> None:
    """The definition is somebody else's, so its conversion webhook is not touched."""
    solve(clean_lab, "task1")
    bonds = {name: Resource("desk.example", name, "bonds", "Bond") for name in ("v1", "v2")}
    beside(CRD, BONDS, foreign_definition("v1"))
    for (version, bond), name in zip(bonds.items(), ("one", "two"), strict=True):
        # v2 is served from when it is stored: reading it shows that the change is in force.
        clean_lab.patch(CRD, BONDS, foreign_definition(version))
        assert wait_until(partial(are_listed, clean_lab, bond), 20)
        body = {"apiVersion": f"desk.example/{version}", "kind": "Bond", "metadata": {"name": name}}
        clean_lab.create(bond, body, PLATFORM)
    client = {"service": {"name": "gone", "namespace": "default"}}
    webhook = {"clientConfig": client, "conversionReviewVersions": ["v1"]}
    patch = {"spec": {"conversion": {"strategy": "Webhook", "webhook": webhook}}}
    clean_lab.patch(CRD, BONDS, patch)
    assert wait_until(lambda: not is_readable(clean_lab, bonds["v1"], "two"), 20)
    code, said = run("reset")
    assert code == ExitCode.FAILED
    assert clean_lab.get(CRD, DEFINITION) is None
    assert dig(clean_lab.get(NAMESPACE, PLATFORM), "metadata.deletionTimestamp") is None
    assert f"still there: Namespace {PLATFORM}: not all of its contents can be read" in said, said
    assert "kubectl patch crd bonds.desk.example" in said
    assert dig(clean_lab.get(CRD, BONDS), "spec.conversion.strategy") == "Webhook"
    # Deleted all the same, the namespace cannot be emptied, for the same reason.
    code, said = run("reset", "--include-unknown")
    assert code == ExitCode.FAILED
    assert f"still there: Namespace {PLATFORM}: the conversion webhook of Custom" in said, said
    assert "kubectl patch crd bonds.desk.example" in said
    clean_lab.patch(CRD, BONDS, UNCONVERTED)  # the patch of that command
    clean_lab.delete(CRD, BONDS)
    assert wait_until(lambda: clean_lab.get(CRD, BONDS) is None, 30)
    assert wait_until(lambda: clean_lab.get(NAMESPACE, PLATFORM) is None, 30)


def are_listed(kube: Kube, resource: Resource) -> bool:
    try:
        return kube.list(resource) is not None
    except LabError:
        return False


def foreign_definition(stored: str) -> Object:
    """A definition that is not the lab's: stored in this version, and served up to it."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    versions = [
        {"name": name, "served": name <= stored, "storage": name == stored, "schema": schema}
        for name in ("v1", "v2")
    ]
    names = {"plural": "bonds", "kind": "Bond"}
    about = {"group": "desk.example", "names": names, "scope": "Namespaced"}
    return {"spec": {**about, "versions": versions}}


def test_refused_finalizers_are_named_with_what_refuses(
    run: Run, clean_lab: Kube, beside: Callable[..., None]
) -> None:
    """Deletions pass, and no write does after them: resource, definition and namespace hang."""
    solve(clean_lab, "task1")
    held = ["lab.fintech.io/hold"]
    clean_lab.patch(ALGORITHM, SAMPLE, {"metadata": {"finalizers": held}}, PLATFORM)
    client = {"service": {"name": "gone", "namespace": "policy-system"}}
    body = hooks(client, groups=["fintech.io"], resources=["*"])
    body["webhooks"][0]["rules"][0]["operations"] = ["UPDATE"]
    beside(VALIDATING, "frozen", body)
    code, said = run("reset")
    assert code == ExitCode.FAILED
    still = [line for line in said.splitlines() if line.startswith("still there: ")]
    assert len(still) == 3, said
    assert still[0].startswith(f"still there: TradingAlgorithm {PLATFORM}/{SAMPLE}: it holds")
    assert "kubectl delete validatingwebhookconfiguration frozen" in still[0]
    clean_lab.delete(VALIDATING, "frozen")
    assert run("reset")[0] == ExitCode.OK


def test_narrow_rights_remove_what_they_reach_and_name_the_rest(
    clean_lab: Kube, kubeconfig: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tenant, who may do everything that an admin of the lab's namespace may, and no more."""
    solve(clean_lab, "task1", "task2")
    group = "rbac.authorization.k8s.io"
    tenant = {"kind": "User", "name": "tenant", "apiGroup": group}
    admin = {"kind": "ClusterRole", "name": "admin", "apiGroup": group}
    body = {"apiVersion": f"{group}/v1", "kind": "RoleBinding", "metadata": {"name": "tenant"}}
    clean_lab.create(ROLE_BINDING, {**body, "subjects": [tenant], "roleRef": admin}, PLATFORM)
    data = yaml.safe_load(kubeconfig.read_text())
    data["users"][0]["user"]["as"] = "tenant"
    narrow = tmp_path / "kubeconfig"
    narrow.write_text(yaml.safe_dump(data))

    code = root.run(["reset", "--yes", "--kubeconfig", str(narrow)])
    said = capsys.readouterr().out
    assert code == ExitCode.FAILED
    assert clean_lab.get(SERVICE_ACCOUNT, "trading-operator", PLATFORM) is None
    assert clean_lab.get(ROLE, "trading-operator-workloads", PLATFORM) is None
    for resource, name in (
        (CRD, DEFINITION),
        (CLUSTER_ROLE, "trading-operator-manager"),
        (NAMESPACE, PLATFORM),
    ):
        found = clean_lab.get(resource, name)
        assert found is not None
        assert not dig(found, "metadata.deletionTimestamp")
    # One cause, one line: everything that the tenant may not read.
    (unread,) = (line for line in said.splitlines() if line.startswith("cannot be read, so it may"))
    assert f"CustomResourceDefinition {DEFINITION}" in unread
    assert "ClusterRole trading-operator-manager" in unread
    assert 'User "tenant" cannot' in unread
    assert f"still there: Namespace {PLATFORM}: not all of its contents can be read" in said
    assert "not the lab's, kept: RoleBinding trading-platform/tenant" in said
    assert "cannot be annotated, so what was done in it before this reset still counts" in said
