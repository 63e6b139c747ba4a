"""A foreign operator for tests, on kopf: handlers for events, and a Lease of its own beside them.

BEHAVIOR in its environment makes it right, or wrong in one way: see ../behaviors.yaml. kopf has no
leader election by Lease, so a thread does that, and every handler waits until this copy leads.
"""

import asyncio
import http.server
import os
import ssl
import threading
import time
from datetime import UTC, datetime

import aiohttp
import kopf

BEHAVIOR = os.environ.get("BEHAVIOR", "right")
NAMESPACE, HOLDER = os.environ["POD_NAMESPACE"], os.environ["POD_NAME"]
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
API = "https://kubernetes.default.svc"
KINDS = {
    "deployment": f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments",
    "service": f"/api/v1/namespaces/{NAMESPACE}/services",
    "hpa": f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers",
}
ALGORITHMS = f"/apis/fintech.io/v1/namespaces/{NAMESPACE}/tradingalgorithms"
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
LABELS = {
    "app.kubernetes.io/managed-by": "trading-operator",
    "fintech.io/component": "trading-algorithm",
}
leads = asyncio.Event()


async def call(method, path, body=None, kind="application/json"):
    with open(f"{ACCOUNT}/token", encoding="utf-8") as file:
        headers = {"Authorization": f"Bearer {file.read()}", "Content-Type": kind}
    tls = ssl.create_default_context(cafile=f"{ACCOUNT}/ca.crt")
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.request(method, API + path, json=body, ssl=tls) as answer:
            return answer.status, await answer.json()


def now():
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def elect():
    """Take and keep the Lease."""
    seen, since = None, time.monotonic()
    while True:
        status, lease = await call("GET", f"{LEASES}/trading-operator-leader")
        spec = lease.get("spec") or {} if status == 200 else {}
        if spec.get("renewTime") != seen:
            seen, since = spec.get("renewTime"), time.monotonic()
        mine = spec.get("holderIdentity") == HOLDER
        free = not spec.get("holderIdentity") or time.monotonic() - since > 10
        if mine or free or BEHAVIOR == "two-leaders":
            spec |= {"holderIdentity": HOLDER, "renewTime": now(), "leaseDurationSeconds": 10}
            meta = {"name": "trading-operator-leader"}
            if status == 200 and BEHAVIOR != "two-leaders":
                meta["resourceVersion"] = lease["metadata"]["resourceVersion"]
            body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta}
            body["spec"] = spec
            path = f"{LEASES}/trading-operator-leader" if status == 200 else LEASES
            status, _ = await call("PUT" if status == 200 else "POST", path, body)
            if status < 300:
                leads.set()
        await asyncio.sleep(2)


def children(name, spec):
    """Return what should be behind a resource, by kind."""
    scaling, strategy = spec["scalingPolicy"], spec.get("tradingStrategy", {}).get("algorithm", "")
    env = {"STRATEGY": strategy, "SYMBOLS": ",".join(spec["marketData"].get("symbols", []))}
    container = {
        "name": "algorithm",
        "image": "nginx:9.99-nowhere" if BEHAVIOR == "bad-image" else "nginx:1.21",
        "env": [{"name": key, "value": value} for key, value in env.items()],
        "resources": {"requests": {"cpu": "100m"}},
    }
    labels = {"app": name, "fintech.io/strategy": strategy}
    pods = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    cpu = scaling.get("targetCPUUtilization", 80)
    target = {"type": "Utilization", "averageUtilization": cpu}
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"{name}-deployment"}
    protocol = "UDP" if BEHAVIOR == "udp" else "TCP"
    return {
        "deployment": {"selector": {"matchLabels": {"app": name}}, "template": pods},
        "service": {"selector": {"app": name}, "ports": [{"port": 80, "protocol": protocol}]},
        "hpa": {
            "scaleTargetRef": reference,
            "minReplicas": scaling["minReplicas"],
            "maxReplicas": scaling["maxReplicas"],
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }


@kopf.on.startup()
async def start(settings, **_):
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.persistence.finalizer = "kopf.example.com/marker"
    if BEHAVIOR != "idle":
        asyncio.create_task(elect())


@kopf.on.create("tradingalgorithms")
@kopf.on.resume("tradingalgorithms")
@kopf.on.update("tradingalgorithms", field="spec")
async def make_right(name, spec, body, reason, **_):
    await leads.wait()
    if BEHAVIOR == "ignores-a-resource" and name.startswith("arbitrage"):
        return
    if BEHAVIOR == "ignores-updates" and reason == "update":
        return
    await apply(name, spec, body)


async def apply(name, spec, body):
    """Create the children, or merge into them what should be."""
    for part, wanted in children(name, spec).items():
        child = {"metadata": {"name": f"{name}-{part}", "labels": LABELS}, "spec": wanted}
        if BEHAVIOR != "leaves-a-child":
            kopf.append_owner_reference(child, owner=body)
        status, _ = await call(
            "PATCH", f"{KINDS[part]}/{name}-{part}", child, "application/merge-patch+json"
        )
        if status == 404:
            if part == "deployment":
                wanted["replicas"] = spec["scalingPolicy"]["minReplicas"]
            await call("POST", KINDS[part], child)


@kopf.on.delete("tradingalgorithms")
async def clean_up(name, **_):
    for part, path in KINDS.items():
        if not (BEHAVIOR == "leaves-a-child" and part == "service"):
            await call("DELETE", f"{path}/{name}-{part}")


@kopf.timer("tradingalgorithms", interval=0.7)
async def look(name, body, **_):
    """Put right what others have changed, and write the status."""
    if not leads.is_set() or body["metadata"].get("deletionTimestamp"):
        return
    for part, wanted in children(name, body["spec"]).items():
        status, there = await call("GET", f"{KINDS[part]}/{name}-{part}")
        changed = (
            part == "hpa" and there.get("spec", {}).get("maxReplicas") != wanted["maxReplicas"]
        )
        ignored = BEHAVIOR == "ignores-a-resource" and name.startswith("arbitrage")
        if (status == 404 or changed) and BEHAVIOR != "ignores-updates" and not ignored:
            await apply(name, body["spec"], body)
    await tell(name, body)


async def tell(name, body):
    """Write the status where it is not what the Deployment shows."""
    _, behind = await call("GET", f"{KINDS['deployment']}/{name}-deployment")
    shown, wanted = behind.get("status", {}), behind.get("spec", {}).get("replicas", 1)
    ready, old = shown.get("readyReplicas", 0), body.get("status") or {}
    good = ready >= wanted
    status = {
        "phase": "Active" if good else "Scaling" if ready else "Pending",
        "replicas": shown.get("replicas", 0),
        "readyReplicas": ready,
    }
    if BEHAVIOR != "hot-loop" and all(old.get(key) == value for key, value in status.items()):
        return
    status["lastReconciled"] = now()
    condition = {"type": "Ready", "status": str(good), "reason": "AllReady" if good else "Waiting"}
    condition |= {"message": f"{ready} of {wanted}", "lastTransitionTime": now()}
    status["conditions"] = [condition]
    path = f"{ALGORITHMS}/{name}/status"
    await call("PATCH", path, {"status": status}, "application/merge-patch+json")


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok" if self.path != "/metrics" else b"kopf_operator_up 1\n")

    def log_message(self, *words):
        pass


for port in (8080, 8081):
    server = http.server.ThreadingHTTPServer(("", port), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
kopf.run(namespaces=[NAMESPACE], standalone=True)
