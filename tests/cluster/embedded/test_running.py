"""What a running cluster is like: one cluster for all of these."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path

import psutil
import pytest

from labgrader.clusters.embedded.binary import kube_crds

pytestmark = pytest.mark.cluster


def test_up_returned_when_service_account_and_node_were_there(shared):
    assert shared.get("serviceaccount", "default")["metadata"]["name"] == "default"
    node = shared.get("node", "lab-node-1")
    ready = [c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready"]
    assert ready == ["True"]
    assert node["status"]["allocatable"]["pods"] == "110"


def test_the_crds_that_the_lab_text_forgets_are_established(shared):
    wanted = len(list(kube_crds().glob("*.yaml")))
    assert wanted >= 2
    kinds = {
        crd["spec"]["names"]["kind"]
        for crd in shared.get("crd")["items"]
        if any(
            c["type"] == "Established" and c["status"] == "True"
            for c in crd["status"]["conditions"]
        )
    }
    assert {"ServiceMonitor", "PrometheusRule"} <= kinds


def test_a_second_up_finds_the_same_cluster(shared):
    before = shared.supervisor()
    said = []
    status = shared.provider.up(lambda component, message: said.append(message))
    assert status.state == "running"
    assert shared.supervisor() == before
    assert not any("starting" in message or "applied" in message for message in said)


@pytest.mark.parametrize("found", [b"", b"kind: Config\n"])
def test_a_second_up_renews_a_kubeconfig_that_another_version_left(shared, found):
    layout, before = shared.provider.layout, shared.supervisor()
    right = layout.kubeconfig.read_bytes()
    layout.kubeconfig.write_bytes(found)
    try:
        shared.provider.up()
        assert layout.kubeconfig.read_bytes() == right
        assert shared.supervisor() == before
    finally:
        layout.kubeconfig.write_bytes(right)


def test_status_names_every_component_with_its_process(shared):
    status = shared.provider.status()
    assert status.state == "running"
    assert status.server_version.startswith("v1.")
    assert status.context == "labgrader-shared"
    assert {c.name for c in status.components} >= {"etcd", "kube-apiserver"}
    for component in status.components:
        assert component.state == "running"
        assert psutil.Process(component.pid).environ()["LABGRADER_CLUSTER"] == str(
            shared.provider.layout.root
        )


def test_only_loopback_and_the_two_unix_sockets_listen(shared):
    unix = set()
    ports = 0
    for process in shared.processes():
        for connection in process.net_connections(kind="inet"):
            if connection.status in (psutil.CONN_LISTEN, psutil.CONN_NONE):
                assert connection.laddr.ip in ("127.0.0.1", "::1"), (process, connection)
                ports += 1
        unix |= {c.laddr for c in process.net_connections(kind="unix") if c.laddr}
    assert ports == 1, "only the API server listens"
    assert unix == {"etcd.sock", "peer.sock"}


def test_only_the_owner_can_read_anything(shared):
    root = shared.provider.layout.root
    for path in [root, *root.rglob("*")]:
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        expected = {0o700} if path.is_dir() else {0o600}
        if path.name == "peer.sock":
            expected = {0o700, 0o600}
        assert mode in expected, (path, oct(mode))
    assert stat.S_ISSOCK((root / "run" / "etcd.sock").stat().st_mode)


def test_a_deployment_gets_running_pods(shared):
    shared.kubectl("create", "deployment", "web", "--image=nginx:1.21", "--replicas=3")
    shared.kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    pods = shared.get("pods", "-l", "app=web")["items"]
    assert [pod["status"]["phase"] for pod in pods] == ["Running"] * 3
    shared.kubectl("delete", "deployment", "web", "--cascade=foreground", "--timeout=30s")


@pytest.fixture(scope="module")
def platform(shared):
    """The lab's namespace on the shared cluster, for the tests of this file that write into it."""
    shared.kubectl("create", "namespace", "trading-platform")
    yield "trading-platform"
    shared.kubectl("delete", "namespace", "trading-platform", "--timeout=60s")


def _audited(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_audit_log_has_the_labs_writes_and_no_secret(shared, platform):
    shared.kubectl("create", "role", "-n", platform, "r", "--verb=get", "--resource=pods")
    literal = "--from-literal=password=do-not-log-me"
    shared.kubectl("create", "secret", "generic", "-n", platform, "s", literal)
    shared.kubectl("create", "secret", "generic", "-n", "default", "s", literal)
    shared.kubectl("create", "configmap", "-n", "default", "not-the-labs")
    shared.kubectl("delete", "-n", "default", "secret/s", "configmap/not-the-labs")
    log = shared.provider.layout.audit_log
    assert "do-not-log-me" not in log.read_text()
    assert "ZG8tbm90LWxvZy1tZQ" not in log.read_text(), "base64 of the secret"
    events = _audited(log)
    role = next(
        e for e in events if e["objectRef"]["resource"] == "roles" and e["verb"] == "create"
    )
    assert role["level"] == "Request"
    assert role["user"]["username"] == "kubernetes-admin"
    assert role["requestObject"]["rules"][0]["verbs"] == ["get"]
    secrets = [e for e in events if e["objectRef"]["resource"] == "secrets"]
    assert {(e["level"], e["objectRef"]["namespace"]) for e in secrets} == {("Metadata", platform)}
    assert not any(e["objectRef"].get("name") == "not-the-labs" for e in events)
    assert not any(e["user"]["username"].startswith(("system:", "labgrader:")) for e in events)


def test_what_changes_nothing_is_not_recorded(shared, platform):
    """A grading asks by dry-run hundreds of times: it must not push out what was done."""
    made = ("create", "serviceaccount", "-n", platform)
    for name, more in (("tried", ["--dry-run=server"]), ("done", [])):
        shared.kubectl(*made, name, *more)
    shared.kubectl("delete", "serviceaccount", "-n", platform, "done")
    events = _audited(shared.provider.layout.audit_log)
    accounts = [e for e in events if e["objectRef"]["resource"] == "serviceaccounts"]
    mine = [(e["verb"], e["objectRef"]["name"]) for e in accounts]
    assert [one for one in mine if one[1] in ("tried", "done")] == [
        ("create", "done"),
        ("delete", "done"),
    ]


def test_default_roles_say_that_the_server_made_them(shared):
    """By the manager checks tell what a cluster came with; the program has a name of its own."""
    role = shared.get("clusterrole", "system:basic-user", "--show-managed-fields")
    assert {field["manager"] for field in role["metadata"]["managedFields"]} == {"kube-apiserver"}


def test_kubectl_logs_says_at_once_that_simulated_nodes_have_none(shared):
    shared.kubectl("create", "deployment", "quiet", "--image=nginx:1.21")
    shared.kubectl("rollout", "status", "deployment/quiet", "--timeout=30s")
    begun = time.monotonic()
    with pytest.raises(AssertionError, match="connection refused"):
        shared.kubectl("logs", "deployment/quiet")
    assert time.monotonic() - begun < 30, "it must not hang; no timing beyond that is promised"
    shared.kubectl("delete", "deployment", "quiet")
