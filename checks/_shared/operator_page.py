"""The operator's metrics page as Prometheus would scrape it here: asked for, or the lab's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from labgrader.api import (
    CRD,
    PROBE_LABEL,
    Answer,
    Context,
    Object,
    Resource,
    Unsettled,
    dig,
    name_of,
)
from labgrader.toolkit.kubernetes import condition, moment
from labgrader.toolkit.prometheus.exposition import declared_in, series_of
from labgrader.toolkit.prometheus.scrape import ScrapeTarget
from labgrader.toolkit.prometheus.series import Condition, Page
from labgrader.toolkit.prometheus.service_monitors import Scraped, scraped
from labgrader.toolkit.workloads import Workload, is_ready, resolve_port, serving_container

from .alert_scenarios import Source, Stage

METRICS = "/metrics"
MOST_CHARACTERS = 1_000_000
"""How large a page may be that alerts are tried with: it is told anew for each scenario."""

NEW_SECONDS = 20.0
"""How long after its start an operator may not lead yet."""


def stage(
    ctx: Context,
    service: str,
    deployment: str,
    page: str,
    ports: Sequence[int],
    resource: Mapping[str, str],
) -> Stage:
    """Return what Prometheus would see of the operator.

    Where containers run that is what the operator exposes now; elsewhere it is ``page``. The labels
    are those that the ServiceMonitors give, or a plain one would.
    """
    found = scraped(ctx, service, deployment)
    usual = [ScrapeTarget.usual(service, ctx.namespace, "metrics")]
    kind = Resource(resource["group"], resource["version"], resource["plural"], resource["kind"])
    phases = _phases(ctx, kind)
    asked = [one for one in found if one.target]
    if not ctx.runs_containers:
        answers = [one.scheme == "http" and _leads_to(one, ports[0], METRICS) for one in asked]
        targets = _distinct(asked, answers) if found else usual
        return Stage(_canned(page, phases), targets, canned=True)
    states = _conditions(ctx, kind)
    read = _Reading(ctx, Workload.read(ctx, deployment), ports, states)
    pages = [read.page(one.port.number, one.path) if one.scheme == "http" else "" for one in asked]
    text = next(filter(None, pages), "") or read.page(None, METRICS)
    targets = _distinct(asked, [bool(one) for one in pages]) if found else usual
    series = series_of(text) if text else []
    seen = Page(series, states, phases, declared_in(text, series))
    source = read.sources.get(text)
    return Stage(seen, targets, why="" if text else read.why, source=source)


def _leads_to(one: Scraped, number: int, path: str) -> bool:
    return one.port.number in (None, number) and one.path.partition("?")[0] == path


def _distinct(asked: Sequence[Scraped], answers: Sequence[bool]) -> list[ScrapeTarget]:
    """Return the targets with what is known of their answers; two with the same labels are one.

    Where none answers, that is service_monitor's finding, and the first counts as answering: what
    is judged by it has mistakes of its own.
    """
    if answers and not any(answers):
        answers = [True, *answers[1:]]
    found: dict[str, ScrapeTarget] = {}
    for one, answer in zip(asked, answers, strict=True):
        if one.target is not None:
            key = str(sorted(one.target.labels.items()))
            found.setdefault(key, replace(one.target, answers=answer))
    return list(found.values())


def _canned(page: str, phases: Sequence[str]) -> Page:
    """Return the lab's own page, with the resources that it tells about."""
    series = series_of(page)
    names = {one.labels["name"] for one in series if "phase" in one.labels}
    ready = {one.labels.get("name"): one.value for one in series if "_ready_" in one.name}
    counts = {name: int(ready.get(name, 1)) for name in names}
    states = {name: Condition("Active", many, many) for name, many in counts.items()}
    return Page(series, states, phases)


def _phases(ctx: Context, kind: Resource) -> list[str]:
    """Return the phases that the definition allows, the one of a resource that is well first."""
    found = ctx.get(CRD, f"{kind.plural}.{kind.group}")
    path = "schema.openAPIV3Schema.properties.status.properties.phase.enum"
    allowed = [
        str(one)
        for version in dig(found, "spec.versions", [])
        if version.get("name") == kind.version
        for one in dig(version, path, [])
    ]
    return sorted(allowed or ["Pending", "Error"], key=lambda one: one != "Active")


def _conditions(ctx: Context, kind: Resource) -> dict[str, Condition]:
    """Return how the resources are now; what becomes of them is no news."""
    return {
        name_of(one): condition_of(one)
        for one in ctx.list_live(kind)
        if PROBE_LABEL not in dig(one, "metadata.labels", {})
    }


def condition_of(resource: Object | None) -> Condition:
    """Return how a resource is, by its status."""
    return Condition(
        str(dig(resource, "status.phase", "")),
        _whole(dig(resource, "status.replicas")),
        _whole(dig(resource, "status.readyReplicas")),
    )


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


@dataclass(slots=True)
class _Reading:
    """Asks the operator's pods for their pages; ``why`` says why there was none.

    ``sources`` says where each text was read.
    """

    ctx: Context
    workload: Workload
    ports: Sequence[int]
    states: Mapping[str, Condition]
    why: str = ""
    sources: dict[str, Source] = field(default_factory=dict)

    def page(self, port: int | None, path: str) -> str:
        """Return the page of the copy that leads, as far as one can be had; empty where not.

        Raises:
            Unsettled: a copy that has just started may still come to tell about the resources.
        """
        container = serving_container(self.workload.template, self.ports)
        number = port or resolve_port(container, "metrics") or self.ports[0]
        pods = [pod for pod in self.workload.current() if is_ready(pod)]
        self.why = "no pod of the operator is ready"
        found = ""
        for pod in pods:
            answer = self.ctx.http_get("pods", name_of(pod), number, path)
            text = self._readable(answer, f":{number}{path}")
            self.sources[text] = Source(name_of(pod), number, path)
            if text and self._tells(text):
                return text
            found = found or text
        if found and self.states and any(_is_new(pod, self.ctx.server_time()) for pod in pods):
            raise Unsettled("The operator has just started, and tells about no resource yet")
        return found

    def _readable(self, answer: Answer, where: str) -> str:
        if answer.status != 200:
            self.why = f"the operator answers {answer.status or answer.body[:80]} at {where}"
        elif answer.cut or len(answer.body) > MOST_CHARACTERS:
            self.why = f"the page at {where} is larger than can be read here"
        else:
            try:
                if series_of(answer.body):
                    return answer.body
                self.why = f"the page at {where} has no metrics"
            except ValueError as error:
                self.why = f"the page at {where} cannot be read: {str(error)[:80]}"
        return ""

    def _tells(self, text: str) -> bool:
        """Whether a page tells about a resource."""
        names = [f'"{name}"' for name in self.states] + [f'/{name}"' for name in self.states]
        return not names or any(name in text for name in names)


def _is_new(pod: Object, now: datetime) -> bool:
    since = moment(condition(pod, "Ready").get("lastTransitionTime"))
    return since is not None and (now - since).total_seconds() < NEW_SECONDS
