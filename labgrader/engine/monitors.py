"""Follows ServiceMonitors to what they make Prometheus scrape, and asks there what is exposed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labgrader.engine.alerting import INFO, READY, Stage
from labgrader.engine.context import Context
from labgrader.engine.labels import matches
from labgrader.engine.scrape import ScrapeTarget, looks_into, port_of, series_of
from labgrader.engine.workload import Workload, is_ready, resolve_port, serving_container
from labgrader.model.resource import SERVICE, Object, Resource, dig, name_of

MONITOR = Resource("monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor")


@dataclass(frozen=True, slots=True)
class Scraped:
    """One endpoint of a ServiceMonitor that leads to a port of a Service."""

    monitor: Object
    endpoint: Mapping[str, Any]
    service: Object
    port: Object

    @property
    def path(self) -> str:
        """What is asked for there."""
        return str(self.endpoint.get("path") or "/metrics")


def chosen_services(ctx: Context, monitor: Object) -> list[Object]:
    """Return the Services of the lab's namespace that a ServiceMonitor selects."""
    if not looks_into(monitor, ctx.namespace):
        return []
    selector = dig(monitor, "spec.selector", {})
    services = ctx.list(SERVICE, ctx.namespace)
    return [one for one in services if matches(selector, dig(one, "metadata.labels", {}))]


def scraped(ctx: Context, service: str) -> Iterator[Scraped]:
    """Yield by which ServiceMonitors of the lab's namespace a Service is scraped."""
    for monitor in ctx.list(MONITOR, ctx.namespace):
        for one in chosen_services(ctx, monitor):
            if name_of(one) == service:
                for endpoint in dig(monitor, "spec.endpoints", []):
                    port = port_of(endpoint, one)
                    if port is not None:
                        yield Scraped(monitor, endpoint, one, port)


def stage(ctx: Context, service: str, deployment: str, page: str, ports: Sequence[int]) -> Stage:
    """Return what Prometheus would see of the operator.

    Where containers run that is what the operator exposes now; elsewhere, and where it does not
    answer or tells about no resource, ``page``. The labels are those that the ServiceMonitors give,
    or a plain one would.
    """
    target = ScrapeTarget.usual(service, ctx.namespace, "metrics")
    found = next(iter(scraped(ctx, service)), None)
    if found is not None:
        target = target.following(found.monitor, found.endpoint, found.service)
    live = _live(ctx, deployment, found.path if found else "/metrics", ports)
    return Stage(series_of(live or page), target)


def _live(ctx: Context, deployment: str, path: str, ports: Sequence[int]) -> str:
    """Return the page of the copy that leads, as far as one can be had; empty where not."""
    if not ctx.runs_containers:
        return ""
    workload = Workload.read(ctx, deployment)
    container = serving_container(workload.template, ports)
    port = resolve_port(container, "metrics") or ports[0]
    for pod in workload.current():
        if not is_ready(pod):
            continue
        answer = ctx.ask("pods", name_of(pod), port, path)
        if answer.status == 200 and not answer.cut and _tells(answer.body):
            return answer.body
    return ""


def _tells(page: str) -> bool:
    """Whether a page can be read, and tells about a resource."""
    try:
        return any(one.name in (INFO, READY) for one in series_of(page))
    except ValueError:
        return False
