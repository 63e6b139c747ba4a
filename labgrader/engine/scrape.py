"""What Prometheus makes of a ServiceMonitor and of a metrics page. Pure.

Written after the API reference of the Prometheus Operator: which Services are selected, which
labels a target gets, and how a sample's own labels give way to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from labgrader.model.resource import Object, dig, name_of


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a metrics page."""

    name: str
    labels: Mapping[str, str]
    value: float

    def with_labels(self, **labels: str) -> Series:
        """Return it with some labels changed."""
        return replace(self, labels={**self.labels, **labels})


def series_of(page: str) -> list[Series]:
    """Return what a page holds. Raises ``ValueError`` for one that Prometheus could not read."""
    from prometheus_client.parser import text_string_to_metric_families  # slow: only when needed

    try:
        families = list(text_string_to_metric_families(page))
    except (LookupError, AttributeError, TypeError) as error:
        raise ValueError(str(error)) from error
    samples = (sample for family in families for sample in family.samples)
    return [Series(one.name, dict(one.labels), float(one.value)) for one in samples]


def page_of(series: Iterable[Series]) -> str:
    """Write a page that holds these series."""
    return "".join(f"{_head(one)} {one.value!r}\n" for one in series)


def _head(one: Series) -> str:
    pairs = ",".join(f'{key}="{_escaped(value)}"' for key, value in one.labels.items())
    return f"{one.name}{{{pairs}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def looks_into(monitor: Object, namespace: str) -> bool:
    """Whether a ServiceMonitor looks for Services in a namespace."""
    chosen = dig(monitor, "spec.namespaceSelector", {})
    own = dig(monitor, "metadata.namespace")
    return bool(chosen.get("any")) or namespace in (chosen.get("matchNames") or [own])


def port_of(endpoint: Mapping[str, Any], service: Object) -> Object | None:
    """Return the Service's port that an endpoint of a ServiceMonitor means; None where none is."""
    ports: Sequence[Object] = dig(service, "spec.ports", [])
    if endpoint.get("port"):
        return next((one for one in ports if one.get("name") == endpoint["port"]), None)
    target = endpoint.get("targetPort")
    return next((one for one in ports if target and one.get("targetPort") == target), None)


@dataclass(frozen=True, slots=True)
class ScrapeTarget:
    """How samples of a target are labelled. ``relabel`` is Prometheus' metric_relabel_configs."""

    labels: Mapping[str, str]
    honor_labels: bool = False
    relabel: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    interval: str = "30s"

    @classmethod
    def usual(cls, service: str, namespace: str, port: str) -> Self:
        """Return what a plain ServiceMonitor makes of a Service's pod."""
        return cls(
            {
                "job": service,
                "service": service,
                "namespace": namespace,
                "endpoint": port,
                "instance": "10.244.0.10:8080",
                "pod": "trading-operator-controller-0",
                "container": "manager",
            }
        )

    def following(self, monitor: Object, endpoint: Mapping[str, Any], service: Object) -> Self:
        """Return what this ServiceMonitor makes of it."""
        labels = dict(self.labels)
        carried: Mapping[str, str] = dig(service, "metadata.labels", {})
        job = dig(monitor, "spec.jobLabel")
        labels["job"] = carried.get(job, name_of(service)) if job else name_of(service)
        labels["service"] = name_of(service)
        labels["endpoint"] = str(endpoint.get("port") or endpoint.get("targetPort"))
        for key in dig(monitor, "spec.targetLabels", []):
            if key in carried:
                labels[key] = carried[key]
        return replace(
            self,
            labels=labels,
            honor_labels=bool(endpoint.get("honorLabels")),
            relabel=tuple(_relabel(one) for one in endpoint.get("metricRelabelings") or ()),
            interval=str(endpoint.get("interval") or "30s"),
        )


def _relabel(config: Mapping[str, Any]) -> dict[str, Any]:
    """Translate a relabelling as Prometheus' configuration spells it, defaults included."""
    return {
        "source_labels": list(config.get("sourceLabels") or ()),
        "separator": config.get("separator", ";"),
        "regex": config.get("regex", "(.*)"),
        "modulus": config.get("modulus", 0),
        "target_label": config.get("targetLabel", ""),
        "replacement": config.get("replacement", "$1"),
        "action": str(config.get("action", "replace")).lower(),
    }
