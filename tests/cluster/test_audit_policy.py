"""The engine's reading of audit policies against the API server's own; `cluster audit`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from labgrader.cli import root
from labgrader.clusters.embedded.audit_server import AuditEntry, AuditServer, settled
from labgrader.clusters.embedded.layout import ClusterLayout
from labgrader.errors import ExitCode, LabError, ProviderError
from labgrader.kube.client import Kube
from labgrader.kube.resources import CONFIG_MAP, DEPLOYMENT, POD, SECRET, Object, Resource
from labgrader.paths import STATE_VARIABLE
from labgrader.toolkit.audit_policy import BadPolicy
from labgrader.toolkit.audit_policy import Policy as AuditPolicy
from labgrader.toolkit.audit_policy import Request as AuditRequest

pytestmark = [pytest.mark.cluster]

WHERE = "trading-platform"
ADMIN = ("kubernetes-admin", ("system:masters", "system:authenticated"))
NODE = Resource("", "v1", "nodes", "Node", namespaced=False)

# Each rule takes one request away from those below it, so that one policy tries every field.
POLICY: dict[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "RequestResponse", "users": ["somebody-else"]},
        {"level": "Metadata", "resources": [{"group": "", "resources": ["secrets"]}]},
        {"level": "Request", "verbs": ["*"], "resources": [{"group": "", "resources": ["pods"]}]},
        {
            "level": "RequestResponse",
            "verbs": ["create"],
            "namespaces": [WHERE],
            "resources": [{"group": "", "resources": ["configmaps"]}],
        },
        {"level": "None", "namespaces": [WHERE], "verbs": ["list"]},
        {
            "level": "Request",
            "resources": [{"group": "apps", "resources": ["*/scale", "deployments/status"]}],
        },
        {"level": "Metadata", "resources": [{"group": "apps", "resources": ["deployments/*"]}]},
        {
            "level": "Request",
            "resources": [
                {"group": "", "resources": ["configmaps"], "resourceNames": ["known"]},
            ],
        },
        {"level": "Metadata", "namespaces": [""], "userGroups": ["system:masters"]},
        {
            "level": "Metadata",
            "resources": [{"group": "coordination.k8s.io"}],
            "omitStages": ["ResponseComplete"],
        },
        {"level": "None", "nonResourceURLs": ["/healthz*", "/version"]},
        # A field that it does not know is passed over, so this rule takes all of apps.
        {"level": "Request", "resources": [{"group": "apps", "resource": ["replicasets"]}]},
        {"level": "Metadata", "resources": [{"group": "batch", "resources": ["*"]}]},
    ],
}

STATEFUL_SET = Resource("apps", "v1", "statefulsets", "StatefulSet")
LEASE = Resource("coordination.k8s.io", "v1", "leases", "Lease")
JOB = Resource("batch", "v1", "jobs", "Job")

ASKED = [
    ("list", SECRET, "", ""),
    ("list", POD, "", ""),
    ("create", CONFIG_MAP, "fresh", ""),
    ("list", CONFIG_MAP, "", ""),
    ("get", CONFIG_MAP, "known", ""),
    ("get", CONFIG_MAP, "unknown", ""),
    ("get", DEPLOYMENT, "web", "scale"),
    ("get", DEPLOYMENT, "web", "status"),
    ("get", DEPLOYMENT, "web", ""),
    ("get", STATEFUL_SET, "web", ""),
    ("get", NODE, "lab-node-1", ""),
    ("get", LEASE, "some", ""),
    ("get", JOB, "some", ""),
    ("get", JOB, "some", "status"),
]


@pytest.fixture
def own(layout: ClusterLayout, cluster_state: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command, for a cluster that is the lab's own because it lies in the state folder."""
    monkeypatch.setenv(STATE_VARIABLE, str(cluster_state))
    return ["cluster", "audit", "--kubeconfig", str(layout.kubeconfig)]


@pytest.fixture(scope="module")
def layout(kubeconfig: Path) -> ClusterLayout:
    folder = kubeconfig.resolve().parent
    return ClusterLayout(folder.name, folder)


def _send(client: Kube, verb: str, resource: Resource, name: str, sub: str) -> None:
    where = WHERE if resource.namespaced else None
    with contextlib.suppress(LabError):
        if verb == "create":
            body: Object = {"apiVersion": "v1", "kind": resource.kind, "metadata": {"name": name}}
            client.create(resource, body, where, dry_run=True)
        else:
            path = resource.path(where, name or None)
            client.text(f"{path}/{sub}" if sub else path)


def _expected() -> Iterator[tuple[str, str, str]]:
    policy = AuditPolicy.of(POLICY)
    for verb, resource, name, sub in ASKED:
        where = WHERE if resource.namespaced else ""
        given = "" if verb == "create" else name
        asked = AuditRequest(*ADMIN, verb, resource.group, resource.plural, where, given, sub)
        level = policy.level(asked)
        if level != "None":
            yield verb, f"{resource.plural}/{sub}" if sub else resource.plural, level


def test_the_api_server_logs_what_the_engine_says(layout: ClusterLayout, clean_lab: Kube) -> None:
    with AuditServer(layout, yaml.safe_dump(POLICY)) as server:
        with contextlib.closing(server.client()) as client:
            for asked in ASKED:
                _send(client, *asked)
        logged = [(one.verb, one.resource, one.level) for one in settled(server)]
    assert logged == list(_expected())
    assert {level for _, _, level in logged} == {"Metadata", "Request", "RequestResponse"}


RULE = {"level": "Metadata"}
REFUSED: list[Any] = [
    {**POLICY, "rules": []},
    {**POLICY, "kind": "Policies"},
    {**POLICY, "omitStages": ["Received"]},
    {**POLICY, "rules": [{"level": "Everything"}]},
    {**POLICY, "rules": [{"verbs": ["get"]}]},
    {**POLICY, "rules": [{**RULE, "verbs": "get"}]},
    {**POLICY, "rules": [{**RULE, "namespaces": ["a"], "nonResourceURLs": ["/a"]}]},
    {**POLICY, "rules": [{**RULE, "nonResourceURLs": ["a"]}]},
    {**POLICY, "rules": [{**RULE, "resources": [{"group": "a/b"}]}]},
    {**POLICY, "rules": [{**RULE, "resources": [{"group": "", "resourceNames": ["a"]}]}]},
]


@pytest.mark.parametrize("policy", REFUSED)
def test_both_refuse_the_same_policies(layout: ClusterLayout, policy: Any) -> None:
    with pytest.raises(BadPolicy):
        AuditPolicy.of(policy)
    server = AuditServer(layout, yaml.safe_dump(policy))
    with pytest.raises(ProviderError, match="does not start with this policy"), server:
        pass


def test_the_command_shows_what_the_learner_s_policy_logs(
    own: list[str], clean_lab: Kube, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(POLICY))
    assert root.run([*own, "--file", str(file)]) == ExitCode.OK
    lines = {" ".join(line.split()) for line in capsys.readouterr().out.splitlines()}
    told = "who did it, and nothing of the content"
    assert f"list secrets in trading-platform Metadata: {told}" in lines
    assert any(
        line.startswith("create configmaps in trading-platform RequestResponse") for line in lines
    )
    assert "list pods in trading-platform nothing" in lines
    assert clean_lab.get(CONFIG_MAP, "audit-sample", WHERE) is None


def test_a_policy_that_is_not_there_is_said_so(
    own: list[str], clean_lab: Kube, capsys: pytest.CaptureFixture[str]
) -> None:
    assert root.run(own) != ExitCode.OK
    assert "trading-audit-policy" in capsys.readouterr().err


def test_entries_are_read_once(layout: ClusterLayout) -> None:
    everything = {**POLICY, "rules": [{"level": "Metadata"}]}
    with AuditServer(layout, yaml.safe_dump(everything)) as server:
        with contextlib.closing(server.client()) as client:
            _send(client, "list", SECRET, "", "")
        first: list[AuditEntry] = settled(server)
        assert [one.resource for one in first].count("secrets") == 1
        assert list(server.entries()) == []
