"""What Prometheus sees. Figures about resources are read from the cache when it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from trading_operator.kinds import ALGORITHM, Object, name_of

CONTROLLER = "tradingalgorithm"
PLAIN = ["name", "namespace"]
_FIGURES = (
    ("trading_algorithm_total_trades", "totalTrades", "Trades made, from the status."),
    ("trading_algorithm_daily_pnl", "dailyPnL", "Profit or loss of the day, from the status."),
    ("trading_algorithm_replicas", "replicas", "Pods there are."),
    ("trading_algorithm_ready_replicas", "readyReplicas", "Pods that are ready."),
)


class Metrics:
    """All series of the operator; names as the lab's alerts, runbook and dashboard use them."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.reconciles = Counter(
            "controller_runtime_reconcile_total",
            "Looks at a resource, by how they ended.",
            ["controller", "result"],
            registry=self.registry,
        )
        self.errors = Counter(
            "controller_runtime_reconcile_errors_total",
            "Looks at a resource that failed.",
            ["controller"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "controller_runtime_reconcile_time_seconds",
            "How long a look at a resource took.",
            ["controller"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
            registry=self.registry,
        )
        for result in ("success", "error", "requeue"):
            self.reconciles.labels(CONTROLLER, result)  # so that rate() has a zero to start from
        self.errors.labels(CONTROLLER)
        self.seconds.labels(CONTROLLER)

    def show(
        self,
        election: str,
        leads: Callable[[], bool],
        waiting: Callable[[], int],
        algorithms: Callable[[], Sequence[Object]],
    ) -> None:
        """Say from where the figures come that are read when Prometheus asks."""
        self.registry.register(_Collector(election, leads, waiting, algorithms))


class _Collector:
    def __init__(
        self,
        election: str,
        leads: Callable[[], bool],
        waiting: Callable[[], int],
        algorithms: Callable[[], Sequence[Object]],
    ) -> None:
        self._election, self._leads = election, leads
        self._waiting, self._algorithms = waiting, algorithms

    def describe(self) -> list[Metric]:
        """Promise nothing: what there is depends on the cache."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield all series. Only who leads has resources to tell about."""
        leads = self._leads()
        yield _one(
            "leader_election_master_status", "1 if this process leads.", self._election, leads
        )
        yield _one("workqueue_depth", "Names that wait.", CONTROLLER, self._waiting())
        found = self._algorithms() if leads else ()
        for metric, key, text in _FIGURES:
            family = GaugeMetricFamily(metric, text, labels=[*PLAIN, "strategy"])
            for obj in found:
                value = (obj.get("status") or {}).get(key)
                if isinstance(value, int | float):
                    family.add_metric([*_plain(obj), _strategy(obj)], value)
            yield family
        yield from _infos(found)


def _one(metric: str, text: str, name: str, value: float) -> Metric:
    family = GaugeMetricFamily(metric, text, labels=["name"])
    family.add_metric([name], value)
    return family


def _infos(found: Sequence[Object]) -> Iterator[Metric]:
    info = GaugeMetricFamily(
        "trading_algorithm_info", "One for each resource.", labels=[*PLAIN, "strategy", "phase"]
    )
    resource = GaugeMetricFamily(
        "kube_customresource_info",
        "One for each resource, shaped as kube-state-metrics shapes it.",
        labels=[
            *PLAIN,
            *("customresource_group", "customresource_version", "customresource_kind"),
        ],
    )
    group, version = ALGORITHM.api.split("/")
    for obj in found:
        phase = str((obj.get("status") or {}).get("phase") or "Pending")
        info.add_metric([*_plain(obj), _strategy(obj), phase], 1)
        resource.add_metric([*_plain(obj), group, version, ALGORITHM.name], 1)
    yield from (info, resource)


def _plain(obj: Object) -> list[str]:
    return [name_of(obj), str(obj["metadata"]["namespace"])]


def _strategy(obj: Object) -> str:
    spec: Any = obj.get("spec") or {}
    return str((spec.get("tradingStrategy") or {}).get("algorithm") or "unspecified")
