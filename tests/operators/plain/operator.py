"""A foreign operator for tests: Python's standard library alone, and a look every half second.

It is written as somebody would who has read the lab's steps and nothing of this repository.
BEHAVIOR in its environment makes it right, or wrong in one way: see ../behaviors.yaml.
"""

import datetime
import http.server
import json
import os
import signal
import ssl
import threading
import time
import urllib.error
import urllib.request

BEHAVIOR = os.environ.get("BEHAVIOR", "right")
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
NAMESPACE, POD = os.environ["POD_NAMESPACE"], os.environ["POD_NAME"]
HOLDER = "the-one-and-only" if BEHAVIOR == "plain-holder" else POD
FINALIZER = "plain.example.com/clean-up"
IMAGE = "nginx:9.99-nowhere" if BEHAVIOR in ("bad-image", "lies") else "nginx:1.21"
LABELS = {
    "app.kubernetes.io/managed-by": "trading-operator",
    "fintech.io/component": "trading-algorithm",
}
SECONDS = 10
SHOWN = {}
"""Name to ready and wanted pods: what the page tells."""
PATHS = {
    "algorithm": f"/apis/fintech.io/v1/namespaces/{NAMESPACE}/tradingalgorithms",
    "deployment": f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments",
    "service": f"/api/v1/namespaces/{NAMESPACE}/services",
    "hpa": f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers",
    "lease": f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases",
}
TLS = ssl.create_default_context(cafile=f"{ACCOUNT}/ca.crt")
OPENER = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=TLS)
)


def call(method, path, body=None, kind="application/json"):
    """Return status and answer of a request to the API server."""
    with open(f"{ACCOUNT}/token", encoding="utf-8") as file:
        headers = {"Authorization": f"Bearer {file.read()}", "Content-Type": kind}
    data = json.dumps(body).encode() if body is not None else None
    url = f"https://kubernetes.default.svc{path}"
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with OPENER.open(request, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, {}


def merge(path, body):
    return call("PATCH", path, body, "application/merge-patch+json")


def now():
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def page():
    """Return metrics whose names say nothing; plain_b never moves."""
    rows = ["plain_errors_total 0"]
    for name, (ready, wanted) in sorted(SHOWN.items()):
        rows += [f'plain_a{{of="{name}"}} {int(ready >= wanted)}', f'plain_b{{of="{name}"}} 1']
    return "\n".join(rows)


class Pages(http.server.BaseHTTPRequestHandler):
    """Answers without a line break at the end, as many servers do."""

    def do_GET(self):
        text = "ok" if self.path != "/metrics" else page()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *words):
        pass


class Lead:
    """Leader election on a Lease, by the clock of this process."""

    def __init__(self):
        self.seen, self.since, self.leads = None, time.monotonic(), False

    def step(self):
        """Try to take or keep the Lease."""
        path = f"{PATHS['lease']}/trading-operator-leader"
        status, lease = call("GET", path)
        if status == 404:
            lease = {"metadata": {"name": "trading-operator-leader"}, "spec": {}}
        elif status != 200:
            return
        spec = lease.get("spec") or {}
        holder, note = (
            spec.get("holderIdentity"),
            (spec.get("holderIdentity"), spec.get("renewTime")),
        )
        if note != self.seen:
            self.seen, self.since = note, time.monotonic()
        expired = time.monotonic() - self.since > (spec.get("leaseDurationSeconds") or SECONDS)
        mine = holder == HOLDER
        if not (mine or not holder or expired or BEHAVIOR == "two-leaders"):
            self.leads = False
            return
        if mine and BEHAVIOR == "never-renews":
            self.leads = True
            return
        spec["renewTime"], spec["holderIdentity"] = now(), HOLDER
        spec["leaseDurationSeconds"] = SECONDS
        if not mine:
            spec["acquireTime"] = now()
            spec["leaseTransitions"] = (spec.get("leaseTransitions") or 0) + 1
        body = {**lease, "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": spec}
        if BEHAVIOR == "two-leaders":
            body["metadata"].pop("resourceVersion", None)
        made, _ = call("PUT", path, body) if status == 200 else call("POST", PATHS["lease"], body)
        self.leads = made < 300


def children(one):
    """Return what should be behind a resource, by kind."""
    name, spec = one["metadata"]["name"], one["spec"]
    scaling, strategy = spec["scalingPolicy"], spec.get("tradingStrategy", {}).get("algorithm", "")
    low = scaling["minReplicas"]
    env = {"STRATEGY": strategy, "SYMBOLS": ",".join(spec["marketData"].get("symbols", []))}
    container = {
        "name": "algorithm",
        "image": IMAGE,
        "ports": [{"containerPort": 80}],
        "env": [{"name": key, "value": value} for key, value in env.items()],
        "resources": {"requests": {"cpu": "100m", "memory": "32Mi"}},
    }
    template = {
        "metadata": {"labels": {"app": name, "fintech.io/strategy": strategy}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
    }
    cpu = scaling.get("targetCPUUtilization", 80)
    target = {"type": "Utilization", "averageUtilization": cpu}
    protocol = "UDP" if BEHAVIOR == "udp" else "TCP"
    return {
        "deployment": {"selector": {"matchLabels": {"app": name}}, "template": template},
        "service": {
            "selector": {"app": name},
            "ports": [{"port": 80, "targetPort": 80, "protocol": protocol}],
        },
        "hpa": {
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": f"{name}-deployment",
            },
            "minReplicas": low,
            "maxReplicas": scaling["maxReplicas"],
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }


def holds(wanted, there):
    """Whether all of ``wanted`` is in ``there``; the API server adds defaults."""
    if isinstance(wanted, dict):
        there = there if isinstance(there, dict) else {}
        return all(holds(value, there.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        same = isinstance(there, list) and len(there) == len(wanted)
        return same and all(map(holds, wanted, there))
    return wanted == there


def make_right(one):
    """Create and change what is not as it should be."""
    name, uid = one["metadata"]["name"], one["metadata"]["uid"]
    owner = {"apiVersion": "fintech.io/v1", "kind": "TradingAlgorithm", "name": name, "uid": uid}
    owners = [] if BEHAVIOR in ("strips-first", "leaves-a-child") else [owner]
    for part, spec in children(one).items():
        path = f"{PATHS[part]}/{name}-{part}"
        status, there = call("GET", path)
        body = {"metadata": {"labels": LABELS, "ownerReferences": owners}, "spec": spec}
        if status == 404:
            if part == "deployment":
                spec["replicas"] = one["spec"]["scalingPolicy"]["minReplicas"]
            body["metadata"]["name"] = f"{name}-{part}"
            call("POST", PATHS[part], body)
        elif BEHAVIOR == "annotates":
            body["metadata"]["annotations"] = {"plain.example.com/seen": now()}
            merge(path, body)
        elif BEHAVIOR == "fights" and part == "deployment":
            low = one["spec"]["scalingPolicy"]["minReplicas"]
            if there.get("spec", {}).get("replicas") != low:
                merge(path, {"spec": {"replicas": low}})
        elif BEHAVIOR != "ignores-updates" and not holds(body, there):
            merge(path, body)


def tell(one):
    """Write the status where it is not what the Deployment shows."""
    name, old = one["metadata"]["name"], one.get("status") or {}
    if BEHAVIOR == "status-once" and old:
        return
    _, behind = call("GET", f"{PATHS['deployment']}/{name}-deployment")
    shown, wanted = behind.get("status", {}), behind.get("spec", {}).get("replicas", 1)
    count, ready = shown.get("replicas", 0), shown.get("readyReplicas", 0)
    SHOWN[name] = ready, wanted
    if BEHAVIOR in ("status-early", "lies"):
        count = ready = wanted
    good = ready >= wanted
    condition = {
        "type": "Ready",
        "status": str(good),
        "reason": "DeploymentReady" if good else "PodsNotReady",
        "message": f"{ready} of {wanted} pods are ready",
        "lastTransitionTime": one["metadata"]["creationTimestamp"],  # it never moves
    }
    status = {
        "phase": "Active" if good else "Scaling" if ready else "Pending",
        "replicas": count,
        "readyReplicas": ready,
        "conditions": [condition],
    }
    if BEHAVIOR in ("hot-loop", "lies") or not holds(status, old):
        status["lastReconciled"] = now()
        merge(f"{PATHS['algorithm']}/{name}/status", {"status": status})


def clean_up(one):
    """Delete the children, then let go."""
    name, held = one["metadata"]["name"], one["metadata"].get("finalizers", [])
    if FINALIZER not in held:
        return
    let_go = {"metadata": {"finalizers": [entry for entry in held if entry != FINALIZER]}}
    if BEHAVIOR == "strips-first":
        merge(f"{PATHS['algorithm']}/{name}", let_go)
        time.sleep(3)
    left = False
    for part in children(one):
        if not (BEHAVIOR == "leaves-a-child" and part == "service"):
            status, _ = call("DELETE", f"{PATHS[part]}/{name}-{part}")
            left |= status != 404
    if not left:
        SHOWN.pop(name, None)
        merge(f"{PATHS['algorithm']}/{name}", let_go)


def reconcile(seen):
    """Look at every resource once."""
    _, found = call("GET", PATHS["algorithm"])
    for one in found.get("items", []):
        meta = one["metadata"]
        seen[meta["uid"] + meta["resourceVersion"]] = True
        if BEHAVIOR == "dies" and len(seen) > 3:
            print("the third event is too much", flush=True)
            os._exit(1)
        if BEHAVIOR == "ignores-a-resource" and meta["name"].startswith("arbitrage"):
            continue
        if meta.get("deletionTimestamp"):
            clean_up(one)
            continue
        if FINALIZER not in meta.get("finalizers", []):
            held = [*meta.get("finalizers", []), FINALIZER]
            merge(f"{PATHS['algorithm']}/{meta['name']}", {"metadata": {"finalizers": held}})
        make_right(one)
        tell(one)


def serve(port):
    server = http.server.ThreadingHTTPServer(("", port), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main():
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0))
    serve(8080)
    serve(8081)
    lead, seen = Lead(), {}
    while True:
        try:
            if BEHAVIOR != "idle":
                lead.step()
            if lead.leads:
                reconcile(seen)
        except OSError as error:
            print(error, flush=True)
        time.sleep(0.5)


main()
