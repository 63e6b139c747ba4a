"""The ServiceMonitor, followed the way Prometheus would follow it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    POD,
    SERVICE,
    Context,
    Evidence,
    Fact,
    Failure,
    MissingCapability,
    Object,
    check,
    dig,
    fact,
    name_of,
)
from labgrader.toolkit.kubernetes import selector_written
from labgrader.toolkit.prometheus.exposition import series_of
from labgrader.toolkit.prometheus.scrape import seconds_of
from labgrader.toolkit.prometheus.service_monitors import (
    MONITOR,
    Scraped,
    chosen_services,
    scraped_by,
)
from labgrader.toolkit.workloads import Workload, is_ready

MOST_SECONDS = 150
"""The longest interval: two scrapes within the five minutes that Prometheus looks back."""

FEWEST_SAMPLES = 10
"""Any operator's page has as many; asked where no container runs and no page can be had."""


@check()
def service_monitor(
    ctx: Context, name: str, service: str, deployment: str, ports: Sequence[int], path: str
) -> Iterator[Fact]:
    """Makes of it what the Prometheus Operator makes of it, and asks for the page.

    It must select the operator's Service by labels that this Service has. `port` is the name of a
    port of the Service, `targetPort` the name or number of a port that a container of the pod
    declares. `relabelings` are applied by Prometheus' own code; a target that they drop, a
    `scrapeTimeout` longer than the interval and a `sampleLimit` below what the page holds leave
    nothing. Where containers run, every ready pod is asked at that port and path and must answer
    with metrics; elsewhere both have to be the operator's. One endpoint that does this is enough.

    Any interval up to 2m30s is right: Prometheus looks back five minutes, and a rate over them
    needs two samples. Labels and further relabelling are yours.
    """
    monitor = _stored(ctx, name)
    edit = f"kubectl edit servicemonitor {name} -n {ctx.namespace}"
    label = MONITOR.describe(name, ctx.namespace)
    chosen = {name_of(one): one for one in chosen_services(ctx, monitor)}
    yield _selected(ctx, monitor, service, chosen, edit)
    endpoints: Sequence[Mapping[str, Any]] = dig(monitor, "spec.endpoints", [])
    found = chosen.get(service)
    led = scraped_by(ctx, monitor, found, deployment) if found else []
    there = ", ".join(str(one.get("name")) for one in dig(found, "spec.ports", [])) or "none"
    named = ", ".join(str(one.get("port") or one.get("targetPort")) for one in endpoints) or "none"
    yield fact(
        "its port is one of the Service or of the pod",
        bool(led),
        reason=f"No endpoint leads to a port of {service}: it asks for {named}, there is {there}"
        if found
        else f"It does not select {service}, so no port is reached",
        expected="the name of the Service's port for the metrics",
        actual=named,
        fix=f"{edit}, and set spec.endpoints: [{{port: metrics}}]",
        evidence=[Evidence(label, "spec.endpoints", named)],
    )
    limit = int(dig(monitor, "spec.sampleLimit", 0))
    answered = _answered(ctx, led, (deployment, ports, path, limit), label, edit)
    yield answered
    yield _often(led, label, edit)


def _often(led: Sequence[Scraped], label: str, edit: str) -> Fact:
    """State that it is scraped so often that rates and alerts have something to work with."""
    intervals = [str(one.endpoint.get("interval") or "30s") for one in led]
    ok = any((seconds_of(one) or 0) <= MOST_SECONDS for one in intervals)
    shown = ", ".join(dict.fromkeys(intervals)) or "nothing is scraped"
    return fact(
        "it is scraped often enough",
        ok,
        reason=f"The interval is {shown}: Prometheus looks back 5 minutes, so most of the time"
        " there would be no metrics",
        expected="an interval of 30s",
        actual=shown,
        fix=f"{edit}, and set interval: 30s",
        evidence=[Evidence(label, "spec.endpoints", shown)],
    )


def _stored(ctx: Context, name: str) -> Object:
    found = ctx.get(MONITOR, name, ctx.namespace)
    if found is not None:
        return found
    label = MONITOR.describe(name, ctx.namespace)
    known = ctx.serves(MONITOR)
    raise Failure(
        f"{label} does not exist" if known else "The API server knows no ServiceMonitor",
        expected=label,
        actual="not found" if known else "no such kind: the Prometheus Operator brings it",
        fix=f"Create the ServiceMonitor {name}; step 5.1 has the manifest"
        if known
        else "Install the Prometheus Operator's definitions; `labgrader cluster prepare` does",
        evidence=[Evidence(label)],
    )


def _selected(
    ctx: Context, monitor: Object, service: str, chosen: Mapping[str, Object], edit: str
) -> Fact:
    """State that it selects the operator's Service."""
    found = ctx.get(SERVICE, service, ctx.namespace)
    labels = dig(found, "metadata.labels", {})
    has = ", ".join(f"{key}={value}" for key, value in labels.items()) or "no labels"
    selector = selector_written(dig(monitor, "spec.selector", {}))[:200] or "an empty selector"
    shown = ", ".join(chosen) or "no Service"
    return fact(
        f"it selects the Service {service}",
        service in chosen,
        weight=2,
        reason=f"Its spec.selector {selector} selects {shown}; Service {service} has {has}",
        expected=f"a selector that fits {has}",
        actual=f"{selector} selects {shown}",
        fix=f"{edit}, and set spec.selector.matchLabels to labels of the Service {service}",
        evidence=[Evidence(SERVICE.describe(service, ctx.namespace), "metadata.labels", has)],
    )


def _answered(
    ctx: Context,
    led: Sequence[Scraped],
    asked: tuple[str, Sequence[int], str, int],
    label: str,
    edit: str,
) -> Fact:
    """State that there is a page with metrics where it leads."""
    deployment, ports, path, limit = asked
    wrong = [_fault(ctx, one, deployment, ports, path, limit) for one in led]
    why = "" if not all(wrong) else next(iter(wrong), "")
    why = why if led else "nothing is scraped"
    shown = ", ".join(one.path for one in led)
    fix = f"set spec.endpoints: [{{port: metrics, path: {path}, interval: 30s}}]"
    return fact(
        "it finds a page with metrics",
        not why,
        reason=f"Prometheus would find no metrics: {why}",
        expected=f"a page at {path}, by http",
        actual=why or shown,
        fix=f"{edit}, and {'remove spec.sampleLimit' if 'sampleLimit' in why else fix}",
        evidence=[Evidence(label, "spec.endpoints", why or shown)],
    )


def _fault(
    ctx: Context, one: Scraped, deployment: str, ports: Sequence[int], path: str, limit: int
) -> str:
    """Say why a target gives no metrics; empty where it gives some."""
    if one.target is None:
        return one.why
    if one.scheme == "https":
        return "it asks by https, and the operator serves http"
    if ctx.runs_containers:
        return _pages(ctx, one, deployment, ports, limit)
    if one.path.partition("?")[0] != path:
        return f"it asks for {one.path}, and the operator serves {path}"
    if one.port.number not in (None, ports[0]):
        return f"it asks port {one.port.number}, and the operator serves {path} on {ports[0]}"
    if 0 < limit < FEWEST_SAMPLES:
        return f"sampleLimit is {limit}, and an operator's page holds more than that"
    return ""


def _pages(ctx: Context, one: Scraped, deployment: str, ports: Sequence[int], limit: int) -> str:
    """Ask every ready pod of the operator as Prometheus would; say what is wrong, if anything."""
    workload = Workload.read(ctx, deployment)
    pods = [name_of(pod) for pod in workload.current() if is_ready(pod)]
    if not pods:
        return f"no {POD.kind} of {deployment} is ready"
    number = one.port.number or ports[0]
    where = f":{number}{one.path}"
    for pod in pods:
        answer = ctx.http_get("pods", pod, number, one.path)
        if answer.status != 200:
            return f"{pod} answers {answer.status or answer.body[:80]} at {where}"
        if answer.cut:
            raise MissingCapability(
                f"The page at {where} of {pod} is larger than can be read here", "Expose less"
            )
        try:
            count = len(series_of(answer.body))
        except ValueError as error:
            return f"the page at {where} of {pod} cannot be read: {str(error)[:80]}"
        if not count:
            return f"the page at {where} of {pod} holds no metrics"
        if 0 < limit < count:
            return f"the page of {pod} holds {count} samples, and sampleLimit is {limit}"
    return ""
