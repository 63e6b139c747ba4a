"""The operator as a real process, with its ServiceAccount's rights, against a real API server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from labgrader.app.workbench import Choice, Workbench
from labgrader.cli.run_operator import Login
from labgrader.kube.client import Kube
from labgrader.kube.resources import (
    AUTOSCALER,
    DEPLOYMENT,
    EVENT,
    LEASE,
    SERVICE,
    Resource,
    dig,
)
from labgrader.lab_state.solver import Solver
from labgrader.paths import content_root
from proxy import Proxy

PLATFORM = "trading-platform"
ALGORITHM = Resource("fintech.io", "v1", "tradingalgorithms", "TradingAlgorithm")
LEADER = "trading-operator-leader"
SECONDS = 60
SETTINGS = {
    "operator": {
        "reconcileInterval": "1s",
        "leaderElection": {"leaseDuration": "4s", "renewDeadline": "3s", "retryPeriod": "500ms"},
        "metrics": {"bindAddress": "127.0.0.1:0"},
        "health": {"bindAddress": "127.0.0.1:0"},
    }
}


def until(condition: Callable[[], Any], what: str = "") -> Any:
    """Wait until ``condition`` returns something true, and return that."""
    end = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {SECONDS} s: {what or condition}"
        time.sleep(0.05)
    return found


@dataclass(slots=True)
class Operator:
    """One running copy."""

    process: subprocess.Popen[bytes]
    log: Path
    config: Path

    def lines(self) -> list[dict[str, Any]]:
        text = self.log.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def says(self, message: str, times: int = 1) -> Any:
        """Wait for a line of the log."""
        return until(
            lambda: sum(message in line["message"] for line in self.lines()) >= times, message
        )

    def ask(self, what: str, path: str) -> tuple[int, str]:
        """GET a page of its probes or metrics."""
        self.says(f"serving {what}")
        (line,) = [one for one in self.lines() if one["message"] == f"serving {what}"]
        try:
            with urllib.request.urlopen(f"http://{line['address']}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metric(self, series: str) -> float | None:
        """Return a figure; ``series`` is everything before the value."""
        for line in self.ask("metrics", "/metrics")[1].splitlines():
            if line.startswith(f"{series} "):
                return float(line.rpartition(" ")[2])
        return None

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and wait until it has ended."""
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


class Lab:
    """The cluster with tasks 1 and 2 solved; starts operators and ends them."""

    def __init__(self, kube: Kube, kubeconfig: Path, folder: Path) -> None:
        self.kube, self._folder = kube, folder
        self._workbench = Workbench(Choice(kubeconfig=str(kubeconfig)))
        self._running: list[Operator] = []

    def solve(self, *tasks: str) -> None:
        for task in tasks:
            Solver(self.kube, content_root(), lambda line: None).solve(task)

    def start(self, settings: Any = SETTINGS, proxy: Proxy | None = None) -> Operator:
        folder = self._folder / str(len(self._running))
        folder.mkdir()
        login = Login(self._workbench, folder)
        login.prepare()
        login.config.write_text(yaml.safe_dump(settings), encoding="utf-8")
        if proxy:
            data = yaml.safe_load(login.kubeconfig.read_text(encoding="utf-8"))
            data["clusters"][0]["cluster"] = {"server": proxy.url}
            login.kubeconfig.write_text(yaml.safe_dump(data), encoding="utf-8")
        command = [sys.executable, "-m", "trading_operator", "--config", str(login.config)]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "--kubeconfig", str(login.kubeconfig)],
                env={**os.environ, "PYTHONPATH": str(content_root() / "solutions")},
                stdout=log,
                stderr=log,
            )
        self._running.append(Operator(process, folder / "log", login.config))
        return self._running[-1]

    def close(self) -> None:
        for operator in self._running:
            if operator.process.poll() is None:
                operator.process.kill()
                operator.process.wait()
        self._workbench.close()

    def tidy(self) -> None:
        """Remove what a test left, for the next one."""
        for resource in (ALGORITHM, DEPLOYMENT, SERVICE, AUTOSCALER, LEASE, EVENT):
            for obj in self.kube.list(resource, PLATFORM) or []:
                name = obj["metadata"]["name"]
                if obj["metadata"].get("finalizers"):
                    self.patch(resource, name, {"metadata": {"finalizers": []}})
                self.delete(resource, name)
        until(lambda: not self.kube.list(ALGORITHM, PLATFORM))

    def make(self, name: str, **spec: Any) -> None:
        body = {
            "apiVersion": "fintech.io/v1",
            "kind": "TradingAlgorithm",
            "metadata": {"name": name, "namespace": PLATFORM},
            "spec": {
                "marketData": {"sources": ["NYSE"], "updateFrequency": "1s", "symbols": ["SPY"]},
                "riskLimits": {"maxPositionSize": 1000, "dailyLossLimit": 10000},
                "scalingPolicy": {"minReplicas": 2, "maxReplicas": 4, "targetCPUUtilization": 80},
                "tradingStrategy": {"algorithm": "momentum"},
                **spec,
            },
        }
        self.kube.apply(ALGORITHM, body, PLATFORM)

    def get(self, resource: Resource, name: str) -> dict[str, Any] | None:
        return self.kube.get(resource, name, PLATFORM)

    def children(self, name: str) -> list[dict[str, Any] | None]:
        return [
            self.get(DEPLOYMENT, f"{name}-deployment"),
            self.get(SERVICE, f"{name}-service"),
            self.get(AUTOSCALER, f"{name}-hpa"),
        ]

    def phase(self, name: str) -> Any:
        return dig(self.get(ALGORITHM, name), "status.phase")

    def becomes(self, name: str, phase: str) -> dict[str, Any]:
        until(lambda: self.phase(name) == phase, f"{name} is {phase}")
        found = self.get(ALGORITHM, name)
        assert found
        return found

    def patch(self, resource: Resource, name: str, patch: Any, **more: Any) -> None:
        self.kube.patch(resource, name, patch, PLATFORM, **more)

    def delete(self, resource: Resource, name: str) -> None:
        self.kube.delete(resource, name, PLATFORM)

    def events(self, name: str) -> list[tuple[str, str]]:
        found = self.kube.list(EVENT, PLATFORM) or []
        about = [e for e in found if dig(e, "involvedObject.name") == name]
        return [(e["type"], e["reason"]) for e in about]

    def holder(self) -> str:
        return str(dig(self.get(LEASE, LEADER), "spec.holderIdentity", ""))

    def settled(self, proxy: Proxy, operator: Operator) -> list[str]:
        """Wait until several looks at everything in a row wrote nothing; return all writes."""
        series = (
            'controller_runtime_reconcile_total{controller="tradingalgorithm",result="success"}'
        )

        def quiet() -> bool:
            before, looks = len(proxy.work()), operator.metric(series) or 0
            until(lambda: (operator.metric(series) or 0) >= looks + 10)
            return len(proxy.work()) == before

        until(quiet, "it settles")
        return proxy.work()
