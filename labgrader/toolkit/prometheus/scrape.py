"""Translates ServiceMonitors to scrape targets, as the Prometheus Operator does. Pure.

Written after the API reference of the Prometheus Operator: which Services are selected, which
labels a target gets, and how a sample's own labels give way to them. What relabelings do to the
labels of a target, Prometheus' own code says (``toolkit.prometheus.service_monitors``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import quote, urlencode

from labgrader.kube.resources import Object, dig, name_of


def looks_into(monitor: Object, namespace: str) -> bool:
    """Whether a ServiceMonitor looks for Services in a namespace."""
    chosen = dig(monitor, "spec.namespaceSelector", {})
    own = dig(monitor, "metadata.namespace")
    return bool(chosen.get("any")) or namespace in (chosen.get("matchNames") or [own])


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a pod that Prometheus finds behind a Service.

    ``service`` is the name of the Service's port (empty where it has none that leads there);
    ``name`` and ``number`` are the container's, ``number`` None where it cannot be told.
    """

    service: str
    name: str
    number: int | None
    container: str = ""


def ports_behind(service: Object, pod: Object) -> list[Port]:
    """Return the ports that Prometheus finds: the Service's, and whatever else a pod declares."""
    declared = [
        Port("", str(port.get("name", "")), int(port["containerPort"]), str(one.get("name", "")))
        for one in dig(pod, "containers", [])
        for port in dig(one, "ports", [])
    ]
    found: list[Port] = []
    for port in dig(service, "spec.ports", []):
        target, name = port.get("targetPort", port.get("port")), str(port.get("name", ""))
        there = next((one for one in declared if target in (one.name, one.number)), None)
        if there is not None:
            found.append(replace(there, service=name))
        elif isinstance(target, int):
            found.append(Port(name, "", target))
        elif not declared:
            found.append(Port(name, str(target), None))
    taken = {one.number for one in found}
    return [*found, *(one for one in declared if one.number not in taken)]


def reached_by(endpoint: Mapping[str, Any], ports: Iterable[Port]) -> list[Port]:
    """Return the ports that an endpoint of a ServiceMonitor means.

    ``port`` is the name of the Service's port; ``targetPort`` is the name or the number of the
    container's, whatever the Service calls it.
    """
    if endpoint.get("port"):
        return [one for one in ports if one.service and _fits(endpoint["port"], one.service)]
    target = endpoint.get("targetPort")
    if isinstance(target, int):
        return [one for one in ports if one.number == target and (one.name or one.container)]
    return [one for one in ports if target and one.name and _fits(str(target), one.name)]


def _fits(wanted: str, name: str) -> bool:
    """Whether a name fits; the Prometheus Operator hands what is wanted on as a regex."""
    if wanted == name or len(wanted) > _LONGEST_NAME:
        return wanted == name
    try:
        return re.fullmatch(wanted, name) is not None
    except (re.error, OverflowError, RecursionError):
        return False


_LONGEST_NAME = 100


def path_of(endpoint: Mapping[str, Any]) -> str:
    """Return the path and the parameters that an endpoint asks for."""
    path = quote(
        "/" + str(endpoint.get("path") or "/metrics").lstrip("/"), safe="/%:@-._~!$&'()*+,;="
    )
    params = [(key, one) for key, many in (endpoint.get("params") or {}).items() for one in many]
    return f"{path}?{urlencode(params)}" if params else path


def refusal(endpoint: Mapping[str, Any]) -> str:
    """Say why the Prometheus Operator would pass over an endpoint; empty where it would not."""
    interval = seconds_of(endpoint.get("interval") or DEFAULT_INTERVAL)
    timeout = seconds_of(endpoint.get("scrapeTimeout") or "0s")
    if interval and timeout and timeout > interval:
        return f"scrapeTimeout {endpoint['scrapeTimeout']} is longer than the interval"
    return ""


DEFAULT_INTERVAL = "30s"


@dataclass(frozen=True, slots=True)
class ScrapeTarget:
    """How samples of a target are labelled. ``relabel`` is Prometheus' metric_relabel_configs."""

    labels: Mapping[str, str]
    honor_labels: bool = False
    relabel: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    sample_limit: int = 0
    answers: bool = True

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
                "pod": f"{service}-0",
                "container": "manager",
            }
        )

    def following(
        self,
        monitor: Object,
        endpoint: Mapping[str, Any],
        service: Object,
        port: Port | None = None,
    ) -> Self:
        """Return what this ServiceMonitor makes of it, before its relabelings."""
        labels = dict(self.labels)
        carried: Mapping[str, str] = dig(service, "metadata.labels", {})
        job = dig(monitor, "spec.jobLabel")
        labels["job"] = carried.get(job) or name_of(service) if job else name_of(service)
        labels["service"] = name_of(service)
        labels["endpoint"] = str(endpoint.get("port") or endpoint.get("targetPort"))
        if port is not None and port.number:
            labels["instance"] = f"{_ADDRESS}:{port.number}"
            labels["container"] = port.container or labels["container"]
        for key in dig(monitor, "spec.targetLabels", []):
            if key in carried:
                labels[_sanitized(key)] = carried[key]
        return replace(
            self,
            labels=labels,
            honor_labels=bool(endpoint.get("honorLabels")),
            relabel=relabel_configs(endpoint.get("metricRelabelings")),
            sample_limit=int(dig(monitor, "spec.sampleLimit", 0)),
        )

    def discovered(
        self, endpoint: Mapping[str, Any], service: Object, port: Port
    ) -> dict[str, str]:
        """Return its labels as relabelings see them: with those of service discovery."""
        meta = "__meta_kubernetes_"
        found = {
            **{key: value for key, value in self.labels.items() if key != "instance"},
            "__address__": f"{_ADDRESS}:{port.number}" if port.number else _ADDRESS,
            "__scheme__": str(endpoint.get("scheme") or "http").lower(),
            "__metrics_path__": "/" + str(endpoint.get("path") or "/metrics").lstrip("/"),
            "__scrape_interval__": str(endpoint.get("interval") or DEFAULT_INTERVAL),
            "__scrape_timeout__": str(endpoint.get("scrapeTimeout") or "10s"),
            f"{meta}namespace": self.labels.get("namespace", ""),
            f"{meta}service_name": name_of(service),
            f"{meta}endpoints_name": name_of(service),
            f"{meta}pod_name": self.labels.get("pod", ""),
            f"{meta}pod_ip": _ADDRESS,
            f"{meta}pod_ready": "true",
            f"{meta}pod_phase": "Running",
            f"{meta}pod_node_name": "lab-node-1",
            f"{meta}pod_container_name": port.container,
            f"{meta}pod_container_port_name": port.name,
            f"{meta}pod_container_port_number": str(port.number or ""),
            f"{meta}pod_container_port_protocol": "TCP",
            "__tmp_prometheus_job_name": "serviceMonitor",
        }
        for how in ("endpoint_", "endpointslice_"):
            found |= {f"{meta}{how}port_name": port.service, f"{meta}{how}ready": "true"}
            found |= {
                f"{meta}{how}address_target_kind": "Pod",
                f"{meta}{how}address_target_name": self.labels.get("pod", ""),
            }
        for what in ("label", "annotation"):
            for key, value in dig(service, f"metadata.{what}s", {}).items():
                found[f"{meta}service_{what}_{_sanitized(key)}"] = str(value)
                found[f"{meta}service_{what}present_{_sanitized(key)}"] = "true"
        for key, many in (endpoint.get("params") or {}).items():
            found |= {f"__param_{key}": str(one) for one in many[:1]}
        return found

    def relabelled(self, labels: Mapping[str, str]) -> Self:
        """Return it with the labels that relabelings have left."""
        kept = {key: value for key, value in labels.items() if not key.startswith("__") and value}
        return replace(self, labels={"instance": labels["__address__"], **kept})


_ADDRESS = "10.244.0.10"


def _sanitized(name: str) -> str:
    return re.sub(r"\W", "_", name, flags=re.ASCII)


def relabel_configs(rules: object) -> list[dict[str, Any]]:
    """Return a ServiceMonitor's relabelings as Prometheus' configuration writes them."""
    return [_relabel(one) for one in rules] if isinstance(rules, list) else []


_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}


def seconds_of(text: object) -> float | None:
    """Return a duration of Prometheus, such as ``1m30s``, in seconds; None if it is none."""
    parts = re.findall(r"(\d+)(ms|[smhdwy])", str(text))
    if not parts or "".join(number + unit for number, unit in parts) != str(text):
        return None
    return float(sum(int(number) * _UNITS[unit] for number, unit in parts))


def _relabel(config: Mapping[str, Any]) -> dict[str, Any]:
    """Translate a relabeling as Prometheus' configuration spells it, defaults included."""
    sources = list(config.get("sourceLabels") or ())
    return {
        **({"source_labels": sources} if sources else {}),
        "separator": config.get("separator", ";"),
        "regex": config.get("regex", "(.*)"),
        "modulus": config.get("modulus", 0),
        "target_label": config.get("targetLabel", ""),
        "replacement": config.get("replacement", "$1"),
        "action": str(config.get("action", "replace")).lower(),
    }
