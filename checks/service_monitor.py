"""The ServiceMonitor, followed the way Prometheus would follow it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    MONITOR,
    POD,
    SERVICE,
    Context,
    Evidence,
    Fact,
    Failure,
    Object,
    Workload,
    check,
    chosen_services,
    dig,
    fact,
    is_ready,
    name_of,
    port_of,
    resolve_port,
    series_of,
    serving_container,
)


@check()
def service_monitor(
    ctx: Context, name: str, service: str, deployment: str, ports: Sequence[int], path: str
) -> Iterator[Fact]:
    """Goes from the selector to the Service, to its port, to the pods, and asks for the page.

    It must select the operator's Service by labels that this Service has, and name a port by the
    name that it has there. Where containers run, every ready pod is asked at that port and path and
    must answer with figures; elsewhere the path has to be the one that the operator serves. Labels,
    intervals and relabelling are yours.
    """
    monitor = _stored(ctx, name)
    edit = f"kubectl edit servicemonitor {name} -n {ctx.namespace}"
    label = MONITOR.describe(name, ctx.namespace)
    chosen = {name_of(one): one for one in chosen_services(ctx, monitor)}
    yield _selected(ctx, monitor, service, chosen, edit)
    endpoints: Sequence[Mapping[str, Any]] = dig(monitor, "spec.endpoints", [])
    found = chosen.get(service)
    led = [(one, port_of(one, found)) for one in endpoints] if found else []
    good = [(endpoint, port) for endpoint, port in led if port is not None]
    there = ", ".join(str(one.get("name")) for one in dig(found, "spec.ports", [])) or "none"
    named = ", ".join(str(one.get("port") or one.get("targetPort")) for one in endpoints) or "none"
    yield fact(
        "its port is one of the Service",
        bool(good),
        reason=f"No endpoint leads to a port of {service}: it asks for {named}, there is {there}"
        if found
        else f"It does not select {service}, so no port is reached",
        expected="the name of the Service's port for the metrics",
        actual=named,
        fix=f"{edit}, and set spec.endpoints: [{{port: metrics}}]",
        evidence=[Evidence(label, "spec.endpoints", named)],
    )
    yield _answered(ctx, good, (deployment, ports, path), label, edit)


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
        fix="Apply the manifest of this step"
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
    selector = str(dig(monitor, "spec.selector", {}))[:200]
    shown = ", ".join(chosen) or "no Service"
    return fact(
        f"it selects the Service {service}",
        service in chosen,
        weight=2,
        reason=f"It selects {shown}; {service} has {has}",
        expected=f"a selector that fits {has}",
        actual=f"{selector} selects {shown}",
        fix=f"{edit} (spec.selector), or kubectl label service {service} -n {ctx.namespace}"
        " with what it asks for",
        evidence=[Evidence(SERVICE.describe(service, ctx.namespace), "metadata.labels", has)],
    )


def _answered(
    ctx: Context,
    good: Sequence[tuple[Mapping[str, Any], Object]],
    asked: tuple[str, Sequence[int], str],
    label: str,
    edit: str,
) -> Fact:
    """State that there is a page with figures where it leads."""
    deployment, ports, path = asked
    paths = [str(endpoint.get("path") or "/metrics") for endpoint, _ in good]
    secure = [one for one, _ in good if str(one.get("scheme", "http")).lower() == "https"]
    wrong = "it asks by https, and the operator serves http" if secure else ""
    if not wrong and ctx.runs_containers:
        wrong = _pages(ctx, good, deployment, ports)
    elif not wrong and path not in paths:
        wrong = f"it asks for {', '.join(paths)}, and the operator serves {path}"
    wrong = wrong if good else "nothing is scraped"
    return fact(
        "it finds a page with figures",
        not wrong,
        reason=f"Prometheus would find no figures: {wrong}",
        expected=f"a page at {path}, by http",
        actual=wrong or ", ".join(paths),
        fix=f"{edit}, and set path: {path}",
        evidence=[Evidence(label, "spec.endpoints", wrong or ", ".join(paths))],
    )


def _pages(
    ctx: Context,
    good: Sequence[tuple[Mapping[str, Any], Object]],
    deployment: str,
    ports: Sequence[int],
) -> str:
    """Ask every ready pod of the operator as Prometheus would; say what is wrong, if anything."""
    workload = Workload.read(ctx, deployment)
    container = serving_container(workload.template, ports)
    pods = [name_of(pod) for pod in workload.current() if is_ready(pod)]
    if not pods:
        return f"no {POD.kind} of {deployment} is ready"
    for endpoint, port in good:
        number = resolve_port(container, port.get("targetPort", port.get("port")))
        path = str(endpoint.get("path") or "/metrics")
        for pod in pods:
            answer = ctx.ask("pods", pod, number or 0, path)
            if answer.status != 200:
                return f"{pod} answers {answer.status or answer.body[:80]} at :{number}{path}"
            try:
                if not series_of(answer.body):
                    return f"the page at :{number}{path} of {pod} holds no figure"
            except ValueError as error:
                return f"the page at :{number}{path} of {pod} cannot be read: {str(error)[:80]}"
    return ""
