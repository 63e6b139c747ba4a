"""Foreign operators (tests/operators) on a solved real node: made, let work, and graded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from labgrader.app.workbench import Workbench
from labgrader.clusters.embedded.nodes.images import built
from labgrader.errors import Rejected
from labgrader.kube.resources import AUTOSCALER, DEPLOYMENT, LEASE, Object, Resource, dig, name_of
from labgrader.kube.waiting import wait_until
from labgrader.model.result import CheckResult, Outcome
from tests.support.real_nodes import RealLab

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "embedded"))
from images.layers import Layer
from images.oci import Image, write_archive

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "operators"
SPACE = "trading-platform"
ALGORITHM = Resource("fintech.io", "v1", "tradingalgorithms", "TradingAlgorithm")
RULES = Resource("monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule")
NAME, LEADER, HOLD = "trading-operator-controller", "trading-operator-leader", "lab.test/hold"
SETTLE_SECONDS = 45.0
PROGRAM = "operator_main"


@dataclass(frozen=True)
class Behavior:
    """What one behavior of a make must earn."""

    name: str
    right: bool = False
    criterion: str = ""
    reason: str = ""
    behavior: str = ""
    beside: str = ""
    stranger: bool = False
    replicas: int = 1
    ci: tuple[str, ...] = ()
    makes: list[str] = field(default_factory=lambda: ["plain", "kopf", "controller-runtime"])


def behaviors(make: str) -> Iterator[Behavior]:
    """Yield the behaviors of a make."""
    listed = yaml.safe_load((FOLDER / "behaviors.yaml").read_text())
    for name, told in listed.items():
        found = Behavior(name, **told)
        if make in found.makes:
            yield found


def build(make: str, folder: Path) -> tuple[str, Path]:
    """Write the image of a make, on the Python of the lab's own images; return name and file."""
    base = next(image.file for image in built() if "trading-operator" in image.name)
    layers = [folder / "base", folder / "program"]
    with tarfile.open(base) as archive:
        layers[0].write_bytes(_first_layer(archive))
    layer = Layer()
    layer.file(f"app/{PROGRAM}", *_program(make, folder))
    if (wanted := FOLDER / make / "requirements.txt").is_file():
        _install(wanted, folder / "wheels")
        layer.tree(folder / "wheels", "app", skip=("__pycache__", "bin", "tests"))
    layer.write(layers[1])
    name = f"docker.io/labtest/{make}-operator:1"
    run = {
        "Env": ["PATH=/usr/bin:/bin", "PYTHONPATH=/app", "PYTHONUNBUFFERED=1", "HOME=/tmp"],
        "Entrypoint": [f"/app/{PROGRAM}"] if _is_go(make) else ["python3", f"/app/{PROGRAM}"],
        "User": "65532:65532",
    }
    file = folder / f"{make}.tar"
    architecture = base.name.split("-")[-2]
    write_archive(Image((name,), tuple(layers), run), architecture, file)
    return name, file


def _is_go(make: str) -> bool:
    return (FOLDER / make / "go.mod").is_file()


def _program(make: str, folder: Path) -> tuple[bytes, int]:
    """Return the program of a make, and its mode; what is in Go is compiled."""
    if not _is_go(make):
        return (FOLDER / make / "operator.py").read_bytes(), 0o644
    go = next(one for one in (shutil.which("go"), str(ROOT / ".tools/bin/go")) if one)
    command = [go, "build", "-trimpath", "-o", str(folder / PROGRAM), "."]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    subprocess.run(command, cwd=FOLDER / make, env=environment, check=True, capture_output=True)
    return (folder / PROGRAM).read_bytes(), 0o755


def _install(requirements: Path, target: Path) -> None:
    pip = [str(ROOT / ".tools/bin/python"), "-m", "pip", "install", "--quiet", "--no-deps"]
    options = ["--require-hashes", "--only-binary=:all:", "--python-version=3.11"]
    options += ["--implementation=cp", "--platform=manylinux2014_x86_64"]
    options += ["--platform=manylinux_2_28_x86_64", f"--target={target}", "-r", str(requirements)]
    subprocess.run([*pip, *options], check=True, capture_output=True)


def _first_layer(archive: tarfile.TarFile) -> bytes:
    def read(path: str) -> bytes:
        stream = archive.extractfile(path)
        assert stream
        return stream.read()

    index = json.loads(read("index.json"))
    manifest = json.loads(read(_blob(index["manifests"][0])))
    return read(_blob(manifest["layers"][0]))


def _blob(described: Mapping[str, Any]) -> str:
    return f"blobs/{described['digest'].replace(':', '/')}"


class Stage:
    """A lab with tasks 1 to 3 solved, on which one foreign operator after the other works."""

    def __init__(self, bench: Workbench, lab: RealLab, image: str) -> None:
        self.bench, self.lab, self._image = bench, lab, image
        self._cluster = bench.cluster

    @contextmanager
    def playing(self, behavior: Behavior) -> Iterator[None]:
        """Let an operator behave so, and do with it what task 4 asks for."""
        stop = threading.Event()
        self._clear()
        if behavior.beside:
            self._deploy("beside", behavior.beside, 1)
        self._deploy(NAME, behavior.behavior or behavior.name, behavior.replicas)
        if behavior.stranger:
            threading.Thread(target=self._renew, args=(stop,), daemon=True).start()
        try:
            if behavior.criterion != "lease_held":  # the Lease is asked for without resources
                self._act()
            yield
        finally:
            stop.set()

    def judged(self, behavior: Behavior) -> str:
        """Grade until the behavior has earned what it should; return what is wrong, if anything."""
        found: dict[str, CheckResult] = {}

        def fits() -> bool:
            found.clear()
            wanted = [
                one.id
                for task in ("task3", "task4")
                for one in self.bench.catalog.select([task])
                if not one.optional or one.id == "operator_conduct"
            ]
            names = wanted if behavior.right else [behavior.criterion]
            found.update({one.id: one for one in self.bench.results(names) if one.id in names})
            return not _wrong(behavior, found)

        wait_until(fits, SETTLE_SECONDS, pause=1.0)
        return _wrong(behavior, found)

    def alerts(self, metric: str) -> CheckResult:
        """Grade the solution's alerts, but for the metrics, which are the plain operator's."""
        text = (ROOT / "solutions" / "task-5" / "50-alerts.yaml").read_text()
        body: Object = yaml.safe_load(text)
        own = {
            "TradingAlgorithmReconcileErrors": "rate(plain_errors_total[5m]) > 0.1",
            "TradingAlgorithmNotReady": f"{metric} == 0",
        }
        for group in body["spec"]["groups"]:
            for rule in group["rules"]:
                rule["expr"] = own.get(rule["alert"], rule["expr"])
                rule["annotations"]["about"] = "{{ $labels.of }}"
        self._cluster.delete(RULES, body["metadata"]["name"], SPACE)
        self._cluster.create(RULES, body, SPACE)
        return next(one for one in self.bench.results(["alerts_fire"]) if one.id == "alerts_fire")

    def _deploy(self, name: str, behavior: str, replicas: int) -> None:
        body: Object = yaml.safe_load((FOLDER / "deployment.yaml").read_text())
        labels = {"app": "trading-operator", "component": "controller"}
        labels = labels if name == NAME else {"app": name}
        body["metadata"] |= {"name": name, "labels": labels}
        spec = body["spec"]
        spec["replicas"], spec["selector"] = replicas, {"matchLabels": labels}
        spec["template"]["metadata"]["labels"] = labels
        container = spec["template"]["spec"]["containers"][0]
        container["image"] = self._image
        container["env"][0]["value"] = behavior
        self._cluster.create(DEPLOYMENT, body, SPACE)

    def _clear(self) -> None:
        """Take away operators, then resources, children and Lease."""
        cluster = self._cluster
        # An operator that still runs would make children anew, and put its finalizer on resources.
        assert wait_until(self._has_no_deployment, 60, pause=0.5)
        for one in cluster.list(ALGORITHM, SPACE) or []:
            cluster.patch(ALGORITHM, name_of(one), {"metadata": {"finalizers": None}}, SPACE)
            cluster.delete(ALGORITHM, name_of(one), SPACE)
        managed = ("-l", "app.kubernetes.io/managed-by=trading-operator", "--wait=false")
        self.lab.kubectl("delete", "svc,hpa", "-n", SPACE, *managed)
        cluster.delete(LEASE, LEADER, SPACE)
        assert wait_until(lambda: not cluster.list(ALGORITHM, SPACE), 10)

    def _has_no_deployment(self) -> bool:
        """Delete every Deployment; return whether none is left, and with it none of its pods."""
        found = self._cluster.list(DEPLOYMENT, SPACE) or []
        for one in found:
            self._cluster.delete(DEPLOYMENT, name_of(one), SPACE, foreground=True)
        # Without force: what is forced away in the API goes on for a while in its container.
        self.lab.kubectl("delete", "pods", "--all", "-n", SPACE, "--grace-period=1")
        return not found

    def _act(self) -> None:
        """Do as task 4 says: two resources, an update, a deletion that waits."""
        folder = ROOT / "solutions" / "task-4"
        for name in ("10-momentum", "20-arbitrage"):
            body: Object = yaml.safe_load((folder / f"{name}.yaml").read_text())
            if name == "10-momentum":
                body["spec"]["scalingPolicy"] |= {"maxReplicas": 15, "targetCPUUtilization": 60}
            self._cluster.create(ALGORITHM, body, SPACE)
        doomed = {
            "apiVersion": ALGORITHM.api_version,
            "kind": ALGORITHM.kind,
            "metadata": {"name": "test-deletion-algo", "finalizers": [HOLD]},
            "spec": {
                "marketData": {"sources": ["NYSE"], "symbols": ["TEST"], "updateFrequency": "1s"},
                "riskLimits": {"maxPositionSize": 1000, "dailyLossLimit": 10000},
                "scalingPolicy": {"minReplicas": 1, "maxReplicas": 2},
                "tradingStrategy": {"algorithm": "momentum"},
            },
        }
        self._cluster.create(ALGORITHM, doomed, SPACE)
        wait_until(lambda: self._there("test-deletion-algo-hpa"), 10)
        wait_until(lambda: self._there("momentum-trader-prod-hpa"), 10)
        update = {"scalingPolicy": {"maxReplicas": 20, "targetCPUUtilization": 50}}
        self._cluster.patch(ALGORITHM, "momentum-trader-prod", {"spec": update}, SPACE)
        self._cluster.delete(ALGORITHM, "test-deletion-algo", SPACE)
        wait_until(lambda: self._finalizers() == [HOLD], 10)
        kept = [one for one in self._finalizers() if one != HOLD]
        self._cluster.patch(
            ALGORITHM, "test-deletion-algo", {"metadata": {"finalizers": kept}}, SPACE
        )
        wait_until(lambda: self._cluster.get(ALGORITHM, "test-deletion-algo", SPACE) is None, 10)

    def _there(self, scaler: str) -> bool:
        return self._cluster.get(AUTOSCALER, scaler, SPACE) is not None

    def _finalizers(self) -> list[str]:
        found = self._cluster.get(ALGORITHM, "test-deletion-algo", SPACE)
        return list(dig(found, "metadata.finalizers", []))

    def _renew(self, stop: threading.Event) -> None:
        """Renew the Lease as an administrator, until ``stop``."""
        while not stop.wait(1.0):
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            spec = {"holderIdentity": "me", "leaseDurationSeconds": 15, "renewTime": now}
            try:
                if self._cluster.get(LEASE, LEADER, SPACE):
                    self._cluster.patch(LEASE, LEADER, {"spec": spec}, SPACE)
                else:
                    body = {"metadata": {"name": LEADER}, "spec": spec}
                    self._cluster.create(LEASE, body, SPACE)
            except Rejected:
                continue


def _wrong(behavior: Behavior, found: Mapping[str, CheckResult]) -> str:
    if behavior.right:
        bad = [one for one in found.values() if one.outcome is not Outcome.PASSED]
        return "; ".join(f"{one.id}: {one.outcome} {one.reason}" for one in bad)
    one = found[behavior.criterion]
    told = " ".join([one.reason, *(item.reason for item in one.items)])
    if one.outcome is Outcome.FAILED and behavior.reason in told:
        return ""
    return f"{one.id} is {one.outcome} (needs {one.blocked_by}): {told}"
