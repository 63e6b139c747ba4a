"""What a real node does that a simulated one cannot: run containers, and let one look at them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import urllib.request
from collections.abc import Iterator

import pytest

from tests.support.real_nodes import pod, wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.nodes]

_PROBE = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 1}
_WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [
                    {
                        "name": "web",
                        "image": "nginx:1.21",
                        "ports": [{"containerPort": 80}],
                        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
                        "readinessProbe": _PROBE,
                        "livenessProbe": _PROBE,
                    }
                ],
            },
        },
    },
}
_SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 8000, "targetPort": 80}]},
}
_HPA = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 3,
        "metrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": 90},
                },
            }
        ],
    },
}


@pytest.fixture(scope="module")
def web(real_lab):
    """A web server behind a Service, with probes that pass."""
    real_lab.apply(_WEB, _SERVICE)
    real_lab.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    yield real_lab
    real_lab.kubectl("delete", "deployment/web", "service/web")


def test_the_node_is_ready_and_real(real_lab):
    status = real_lab.provider.status()
    assert (status.state, status.nodes) == ("running", "real")
    node = real_lab.get("node", "lab-node-1")
    assert node["status"]["nodeInfo"]["containerRuntimeVersion"].startswith("containerd://")
    assert node["metadata"]["labels"]["labgrader.dev/node"] == "real"


def test_logs_and_exec(web):
    assert "GET / HTTP" in web.kubectl("logs", "deployment/web")
    assert web.kubectl("exec", "deployment/web", "--", "id", "-u").strip() == "0"


def test_a_service_is_found_by_its_name(web):
    script = "curl -fsS http://web:8000/ && curl -fsS http://web.default.svc.cluster.local:8000/"
    said = web.run_to_end(pod("asks", "labgrader/curl:1.0", "sh", "-c", script))
    assert said.count("<h1>Welcome to nginx!</h1>") == 2


def test_a_pod_reaches_itself_through_its_service(web):
    web.kubectl("scale", "deployment/web", "--replicas=1")
    wait_until(lambda: len(web.get("pods", "-l", "app=web")["items"]) == 1)
    # The node's rules for a Service follow its endpoints, a moment behind the list of pods; who is
    # sent to a pod that has gone would wait for minutes.
    wget = ("timeout", "2", "wget", "-qO-", "http://web:8000/")
    asks = ("exec", "deployment/web", "--", *wget)
    wait_until(lambda: "Welcome" in web.kubectl(*asks, check=False))
    web.kubectl("scale", "deployment/web", "--replicas=2")
    web.kubectl("rollout", "status", "deployment/web", "--timeout=60s")


def test_the_api_is_found_by_name_from_a_pod(real_lab):
    script = (
        "cd /var/run/secrets/kubernetes.io/serviceaccount && curl -fsS --cacert ca.crt "
        '-H "Authorization: Bearer $(cat token)" https://kubernetes.default.svc/api'
    )
    said = real_lab.run_to_end(pod("api", "labgrader/curl:1.0", "sh", "-c", script))
    assert json.loads(said)["kind"] == "APIVersions"


def test_the_servers_own_proxy_reaches_pods_and_services(web):
    name = web.get("pods", "-l", "app=web")["items"][0]["metadata"]["name"]
    for path in ("services/web:8000", f"pods/{name}:80"):
        said = web.kubectl("get", "--raw", f"/api/v1/namespaces/default/{path}/proxy/")
        assert "Welcome to nginx" in said


@contextlib.contextmanager
def _forwarded(lab) -> Iterator[str]:
    command = [lab.provider.layout.bin / "kubectl", "port-forward", "service/web", ":8000"]
    env = {"KUBECONFIG": str(lab.provider.kubeconfig()), "HOME": "/nonexistent"}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as forwarding:
        assert forwarding.stdout
        line = forwarding.stdout.readline()
        try:
            yield line.split()[2]
        finally:
            forwarding.terminate()


def test_port_forward(web):
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with _forwarded(web) as address, direct.open(f"http://{address}/", timeout=10) as answer:
        assert b"Welcome to nginx" in answer.read()


def test_top_and_the_autoscaler_have_figures(web):
    web.apply(_HPA)

    def figure() -> bool:
        status = web.get("hpa", "web").get("status", {})
        return any("resource" in m for m in status.get("currentMetrics") or ())

    wait_until(figure, 120)
    assert "web-" in web.kubectl("top", "pods")
    assert "lab-node-1" in web.kubectl("top", "nodes")
    web.kubectl("delete", "hpa", "web")


def test_a_failing_liveness_probe_restarts_the_container(real_lab):
    sick = pod("sick", "busybox:1.35", "sleep", "1000", restartPolicy="Always")
    sick["spec"]["containers"][0]["livenessProbe"] = {
        "exec": {"command": ["false"]},
        "periodSeconds": 1,
        "failureThreshold": 1,
    }
    real_lab.apply(sick)

    def restarted() -> bool:
        found = real_lab.get("pod", "sick")["status"].get("containerStatuses", [])
        return any(c["restartCount"] for c in found)

    wait_until(restarted)
    real_lab.kubectl("delete", "pod", "sick", "--now")


def test_a_job_of_a_cronjob_completes(real_lab):
    real_lab.kubectl(
        "create", "cronjob", "nightly", "--image=busybox:1.35", "--schedule=0 2 * * *",
        "--", "sh", "-c", "echo done",
    )  # fmt: skip
    real_lab.kubectl("create", "job", "tonight", "--from=cronjob/nightly")
    real_lab.wait("job/tonight", "condition=complete")
    assert real_lab.kubectl("logs", "job/tonight").strip() == "done"
    real_lab.kubectl("delete", "cronjob/nightly", "job/tonight", "--ignore-not-found")


def test_nothing_listens_on_the_host_but_one_loopback_port(real_lab):
    layout = real_lab.provider.layout
    port = int(real_lab.provider.status().server.rpartition(":")[2])
    listening = subprocess.run(
        ["ss", "-Hltnp"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    pids = {f"pid={c.pid}," for c in real_lab.provider.status().components}
    pids.add(f"pid={real_lab.init().pid},")
    theirs = {line.split()[3] for line in listening if any(pid in line for pid in pids)}
    assert theirs == {f"127.0.0.1:{port}"}
    assert layout.kubeconfig.stat().st_mode & 0o77 == 0
