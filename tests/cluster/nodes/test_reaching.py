"""Servers and commands in pods, reached through the API server: good, bad and hostile ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from labgrader.errors import Forbidden, Rejected, TimedOut
from labgrader.kube.kubeconfig import connect
from labgrader.kube.pods import MAX_BYTES, Pods
from labgrader.kube.protocols import Answer
from tests.support.real_nodes import RealLab, pod

pytestmark = [pytest.mark.cluster, pytest.mark.nodes]

SERVERS = r"""
mkdir -p /tmp/www && cd /tmp/www
echo fine > index.html
head -c 50000000 /dev/zero | tr '\0' x > large
printf 'HTTP/1.0 503 Service Unavailable\r\nContent-Length: 9\r\n\r\nnot today' > /tmp/refusal
(while true; do nc -l -p 8081 < /tmp/refusal > /dev/null; done) &
(while true; do nc -l -p 8082 -e sleep 30; done) &
exec httpd -f -p 8080
"""


@pytest.fixture(scope="module")
def lab(real_lab: RealLab) -> Iterator[RealLab]:
    """The shared cluster with one pod of odd servers."""
    server = pod("odd", "busybox:1.35", "sh", "-c", SERVERS)
    server["spec"]["containers"][0]["readinessProbe"] = {
        "httpGet": {"path": "/large", "port": 8080},
        "periodSeconds": 1,
    }
    real_lab.apply(server)
    real_lab.wait("pod/odd", "condition=Ready")
    yield real_lab
    real_lab.kubectl("delete", "pod", "odd", "--now")


@pytest.fixture(scope="module")
def pods(lab: RealLab) -> Iterator[Pods]:
    reached = Pods(connect(lab.provider.kubeconfig()))
    yield reached
    reached.close()


def path(port: int, rest: str = "") -> str:
    return f"/api/v1/namespaces/default/pods/odd:{port}/proxy/{rest}"


def test_a_server_answers(pods: Pods) -> None:
    assert pods.http_get(path(8080)) == Answer(200, "fine\n")


def test_its_own_errors_are_its_answers(pods: Pods) -> None:
    assert pods.http_get(path(8080, "nothing-here")).status == 404
    assert pods.http_get(path(8081)) == Answer(503, "not today")


def test_a_port_where_nobody_listens_is_no_answer(pods: Pods) -> None:
    answer = pods.http_get(path(9999))
    assert answer.status is None
    assert "connection refused" in answer.body


def test_a_pod_that_is_not_there_is_no_answer(pods: Pods) -> None:
    answer = pods.http_get("/api/v1/namespaces/default/pods/nobody:80/proxy/")
    assert answer.status is None
    assert "not found" in answer.body


def test_of_a_very_large_page_only_the_beginning_is_read(pods: Pods) -> None:
    answer = pods.http_get(path(8080, "large"), timeout=20)
    assert (answer.status, answer.cut, len(answer.body)) == (200, True, MAX_BYTES)


def test_a_server_that_hangs_does_not_hold_us(pods: Pods) -> None:
    with pytest.raises(TimedOut):
        pods.http_get(path(8082), timeout=1)


def test_a_command_prints(pods: Pods) -> None:
    assert pods.execute("default", "odd", "main", ["cat", "/tmp/www/index.html"], timeout=10) == (
        "fine\n"
    )


@pytest.mark.parametrize(
    ("command", "said"),
    [(["cat", "/nowhere"], "No such file"), (["no-such-program"], "no-such-program")],
)
def test_a_command_that_fails_is_a_refusal(pods: Pods, command: list[str], said: str) -> None:
    with pytest.raises(Rejected, match=said):
        pods.execute("default", "odd", "main", command, timeout=10)


def test_a_command_that_does_not_end_does_not_hold_us(pods: Pods) -> None:
    with pytest.raises(TimedOut):
        pods.execute("default", "odd", "main", ["sleep", "60"], timeout=1)


def test_whoever_may_not_is_told_so(lab: RealLab) -> None:
    lab.kubectl("create", "serviceaccount", "weak")
    token = lab.kubectl("create", "token", "weak").strip()
    config = lab.provider.layout.root / "weak.kubeconfig"
    whole = lab.kubectl("config", "view", "--flatten")
    config.write_text(whole)
    config.chmod(0o600)
    lab.kubectl(
        "--kubeconfig", str(config), "config", "set-credentials", "weak", f"--token={token}"
    )
    lab.kubectl("--kubeconfig", str(config), "config", "set-context", "--current", "--user=weak")
    weak = Pods(connect(config))
    try:
        with pytest.raises(Forbidden):
            weak.http_get(path(8080))
        with pytest.raises(Forbidden):
            weak.execute("default", "odd", "main", ["ls"], timeout=10)
    finally:
        weak.close()
        lab.kubectl("delete", "serviceaccount", "weak")
