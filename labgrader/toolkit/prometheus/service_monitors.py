"""Resolves ServiceMonitors of the lab to the ports of pods that Prometheus scrapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from labgrader.grading.context import Context
from labgrader.kube.resources import DEPLOYMENT, SERVICE, Object, Resource, dig, name_of
from labgrader.kube.selectors import matches
from labgrader.toolkit.prometheus.scrape import (
    Port,
    ScrapeTarget,
    looks_into,
    path_of,
    ports_behind,
    reached_by,
    refusal,
    relabel_configs,
)

MONITOR = Resource("monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor")


@dataclass(frozen=True, slots=True)
class Scraped:
    """A port of a pod that an endpoint of a ServiceMonitor leads to.

    ``target`` is None where Prometheus would not ask it at all, and ``why`` says why not.
    """

    endpoint: Mapping[str, Any]
    port: Port
    target: ScrapeTarget | None
    scheme: str
    path: str
    why: str = ""


def chosen_services(ctx: Context, monitor: Object) -> list[Object]:
    """Return the Services of the lab's namespace that a ServiceMonitor selects."""
    if not looks_into(monitor, ctx.namespace):
        return []
    selector = dig(monitor, "spec.selector", {})
    services = ctx.list(SERVICE, ctx.namespace)
    return [one for one in services if matches(selector, dig(one, "metadata.labels", {}))]


def scraped_by(ctx: Context, monitor: Object, service: Object, deployment: str) -> list[Scraped]:
    """Return what a ServiceMonitor has Prometheus scrape behind a Service that it selects."""
    found = ctx.get(DEPLOYMENT, deployment, ctx.namespace)
    ports = ports_behind(service, dig(found, "spec.template.spec", {}))
    usual = ScrapeTarget.usual(name_of(service), ctx.namespace, "metrics")
    return [
        _scraped(ctx, usual.following(monitor, endpoint, service, port), endpoint, service, port)
        for endpoint in dig(monitor, "spec.endpoints", [])
        for port in reached_by(endpoint, ports)
    ]


def _scraped(
    ctx: Context, target: ScrapeTarget, endpoint: Mapping[str, Any], service: Object, port: Port
) -> Scraped:
    """Apply an endpoint's relabelings to a target, by Prometheus' own code."""
    scheme = str(endpoint.get("scheme") or "http").lower()
    whole = Scraped(endpoint, port, target, scheme, path_of(endpoint))
    why = refusal(endpoint)
    if why:
        return replace(whole, target=None, why=f"the Prometheus Operator refuses it: {why}")
    if not endpoint.get("relabelings") and not endpoint.get("metricRelabelings"):
        return whole
    question = {
        "labels": target.discovered(endpoint, service, port),
        "relabel": relabel_configs(endpoint.get("relabelings")),
        "metric_relabel": list(target.relabel),
    }
    (made,) = ctx.ask_prometheus({"targets": [question]})["targets"]
    if made["error"]:
        return replace(whole, target=None, why=f"Prometheus refuses a relabeling: {made['error']}")
    if not made["kept"]:
        return replace(whole, target=None, why="its relabelings drop the target")
    if not endpoint.get("relabelings"):
        return whole
    labels: Mapping[str, str] = made["labels"]
    number = labels["__address__"].rpartition(":")[2]
    known = int(number) if number.isdecimal() else port.number
    return replace(
        whole,
        port=replace(port, number=known),
        target=target.relabelled(labels),
        scheme=labels.get("__scheme__", scheme),
        path=path_of({**endpoint, "path": labels.get("__metrics_path__", "/metrics")}),
    )


def scraped(ctx: Context, service: str, deployment: str) -> list[Scraped]:
    """Return what the ServiceMonitors of the lab's namespace scrape behind a Service."""
    return [
        each
        for monitor in ctx.list(MONITOR, ctx.namespace)
        for one in chosen_services(ctx, monitor)
        if name_of(one) == service
        for each in scraped_by(ctx, monitor, one, deployment)
    ]
