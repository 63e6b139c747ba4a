"""Measures the reference operator: many resources, memory, failover, and what it does when idle.

Run alone (`python bench/operator_load.py [HOW_MANY [IDLE_SECONDS]]`), or call ``measure`` with a
running cluster. The operator runs as its own process with the rights of its ServiceAccount.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labgrader import paths
from labgrader.app.workbench import Choice, Workbench
from labgrader.cli.run_operator import Login
from labgrader.clusters.embedded.provider import EmbeddedProvider
from labgrader.errors import LabError
from labgrader.kube.client import Kube
from labgrader.kube.resources import NAMESPACE, NODE, Resource, dig
from labgrader.lab_state.solver import Solver

PLATFORM = "trading-platform"
ALGORITHM = Resource("fintech.io", "v1", "tradingalgorithms", "TradingAlgorithm")
LEASE = Resource("coordination.k8s.io", "v1", "leases", "Lease")
CHILDREN = (
    Resource("apps", "v1", "deployments", "Deployment"),
    Resource("", "v1", "services", "Service"),
    Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
)
SETTINGS = """
operator:
  leaderElection: {leaseDuration: 15s, renewDeadline: 10s, retryPeriod: 2s}
  metrics: {bindAddress: "127.0.0.1:0"}
  health: {bindAddress: "127.0.0.1:0"}
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Times in seconds, memory in MiB (of one operator process)."""

    resources: int
    memory_at_start: float
    children_made: float
    all_active: float
    memory: float
    processor: float
    idle_changes: int
    after_kill: float
    after_stop: float


def measure(workbench: Workbench, how_many: int, idle_seconds: float = 60) -> Figures:
    """Measure on a running cluster with simulated nodes that has the solutions of task 1 and 2."""
    kube = workbench.cluster
    with tempfile.TemporaryDirectory() as folder:
        login = Login(workbench, Path(folder))
        login.prepare()
        login.config.write_text(SETTINGS, encoding="utf-8")
        first = _start(login)
        _until(lambda: _holder(kube) != "", 30)
        time.sleep(1)
        small = _memory(first)
        _stop(first, signal.SIGTERM)
        _enough_nodes(kube, how_many)
        for number in range(how_many):
            kube.create(ALGORITHM, _algorithm(number), PLATFORM)
        began = time.monotonic()
        first = _start(login)
        _until(lambda: _count(kube, CHILDREN[-1]) >= how_many, 600)
        children = time.monotonic() - began
        _until(lambda: _active(kube) >= how_many, 600)
        reconciled = time.monotonic() - began
        time.sleep(5)
        memory, processor = _memory(first), _processor(first)
        before = _versions(kube)
        time.sleep(idle_seconds)
        idle = len(before.symmetric_difference(_versions(kube)))
        second = _start(login)
        time.sleep(5)
        killed = _failover(kube, first, signal.SIGKILL)
        third = _start(login)
        time.sleep(5)
        stopped = _failover(kube, second, signal.SIGTERM)
        _stop(third, signal.SIGTERM)
    return Figures(how_many, small, children, reconciled, memory, processor, idle, killed, stopped)


def _start(login: Login) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "trading_operator"]
    command += ["--config", str(login.config), "--kubeconfig", str(login.kubeconfig)]
    environment = {**os.environ, "PYTHONPATH": str(paths.content_root() / "solutions")}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def _stop(process: subprocess.Popen[bytes], number: int) -> None:
    process.send_signal(number)
    process.wait(timeout=30)


def _failover(kube: Kube, leader: subprocess.Popen[bytes], number: int) -> float:
    """End the leader; return how long it took until another one held the Lease."""
    before = _holder(kube)
    began = time.monotonic()
    _stop(leader, number)
    _until(lambda: _holder(kube) not in ("", before), 60)
    return time.monotonic() - began


def _enough_nodes(kube: Kube, how_many: int) -> None:
    """Add copies of the simulated node until every pod finds a place."""
    (template,) = kube.list(NODE) or []
    for number in range(how_many * 2 // 80):  # twice what fits: 8 processors, 100m a pod
        name = f"load-node-{number}"
        labels = {**template["metadata"]["labels"], "kubernetes.io/hostname": name}
        annotations = {"kwok.x-k8s.io/node": "fake"}
        metadata = {"name": name, "labels": labels, "annotations": annotations}
        body = {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}}
        kube.create(NODE, {**body, "status": template["status"]})


def _algorithm(number: int) -> dict[str, Any]:
    return {
        "apiVersion": "fintech.io/v1",
        "kind": "TradingAlgorithm",
        "metadata": {"name": f"load-{number:04}"},
        "spec": {
            "marketData": {"sources": ["NYSE"], "updateFrequency": "1s", "symbols": ["SPY", "QQQ"]},
            "riskLimits": {"maxPositionSize": 1000, "dailyLossLimit": 10000},
            "scalingPolicy": {"minReplicas": 1, "maxReplicas": 2, "targetCPUUtilization": 80},
            "tradingStrategy": {"algorithm": "momentum", "parameters": {"lookback": "10m"}},
        },
    }


def _holder(kube: Kube) -> str:
    return str(dig(kube.get(LEASE, "trading-operator-leader", PLATFORM), "spec.holderIdentity", ""))


def _active(kube: Kube) -> int:
    time.sleep(0.3)  # asking is work as well
    found = kube.list(ALGORITHM, PLATFORM) or []
    return sum(dig(obj, "status.phase") == "Active" for obj in found)


def _count(kube: Kube, kind: Resource) -> int:
    time.sleep(0.3)
    return len(kube.list(kind, PLATFORM) or [])


def _versions(kube: Kube) -> set[str]:
    found = [obj for kind in (ALGORITHM, *CHILDREN) for obj in kube.list(kind, PLATFORM) or []]
    return {f"{dig(o, 'metadata.uid')} {dig(o, 'metadata.resourceVersion')}" for o in found}


def _memory(process: subprocess.Popen[bytes]) -> float:
    text = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    (line,) = [line for line in text.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def _processor(process: subprocess.Popen[bytes]) -> float:
    fields = (
        Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    )
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _until(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise LabError(f"not within {seconds} s")
        time.sleep(0.02)


def main() -> None:
    """Start a cluster, solve the lab, measure, say the figures, remove the cluster."""
    how_many = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory(prefix="labgrader-bench-") as state:
        os.environ[paths.STATE_VARIABLE] = state
        provider = EmbeddedProvider(name="bench")
        try:
            status = provider.up()
            workbench = Workbench(Choice(kubeconfig=str(status.kubeconfig)))
            for task in ("task1", "task2"):
                Solver(workbench.cluster, workbench.catalog.lab.root, lambda line: None).solve(task)
            assert workbench.cluster.get(NAMESPACE, PLATFORM)
            idle = float(sys.argv[2]) if len(sys.argv) > 2 else 60
            print(measure(workbench, how_many, idle))
            workbench.close()
        finally:
            provider.down(purge=True)


if __name__ == "__main__":
    main()
