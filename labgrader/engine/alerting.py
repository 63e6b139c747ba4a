"""The scenarios in which alerts are tried by Prometheus' own rule engine. Pure.

Each begins with ten minutes in which all is well. The pages are those that the operator exposes,
changed as they would change if that were to happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from labgrader.engine.scrape import ScrapeTarget, Series, page_of

WARM_UP = 600
"""Seconds before anything happens."""

STEP = 30
"""Seconds between two scrapes, and between two evaluations."""

LATE = 2 * STEP
"""How much later than its time an alert may fire: it is noticed at the next evaluation."""

WINDOW = 300
"""Seconds over which rates are usually taken: until then they follow a change."""

INFO, REPLICAS, READY = (
    "trading_algorithm_info",
    "trading_algorithm_replicas",
    "trading_algorithm_ready_replicas",
)
ERRORS, LOOKS = "controller_runtime_reconcile_errors_total", "controller_runtime_reconcile_total"

HEALTHY, DOWN, VANISHED = "healthy", "down", "vanished"
MANY_ERRORS, FEW_ERRORS, NOT_READY = "many errors", "few errors", "not ready"


@dataclass(frozen=True, slots=True)
class Stage:
    """The operator's page and how it is scraped."""

    series: Sequence[Series]
    target: ScrapeTarget

    @property
    def resources(self) -> list[str]:
        """The names of the resources that the page tells about."""
        told = (one.labels.get("name", "") for one in self.series if one.name in (INFO, READY))
        return sorted({name for name in told if name})

    @property
    def counts_errors(self) -> bool:
        """Whether the page counts looks at a resource that failed."""
        return any(one.name == ERRORS for one in self.series)

    def scenarios(self, rate: float) -> list[dict[str, Any]]:
        """Return everything that is tried.

        Args:
            rate: errors a second from which on an alert has to fire; half as many are few, twice
                as many are many.
        """
        well = self._target(self._healthy())
        calm: list[dict[str, Any]] = [{"at": 0, "targets": [well]}]
        ill = self.resources[:1]
        unready = self._target(self._unready(ill[0])) if ill else well
        return [
            _scenario(HEALTHY, 1800, calm),
            _scenario(DOWN, 1800, [*calm, _then(WARM_UP, {**well, "up": False, "page": ""})]),
            _scenario(VANISHED, 2100, [*calm, {"at": WARM_UP, "targets": []}]),
            _scenario(MANY_ERRORS, 1800, [*calm, _then(WARM_UP, _failing(well, 2 * rate))]),
            _scenario(FEW_ERRORS, 1800, [*calm, _then(WARM_UP, _failing(well, rate / 2))]),
            _scenario(
                NOT_READY, 3000, [*calm, _then(WARM_UP, unready), _then(WARM_UP + 1200, well)]
            ),
        ]

    def _target(self, series: Iterable[Series]) -> dict[str, Any]:
        return {
            "labels": dict(self.target.labels),
            "honor_labels": self.target.honor_labels,
            "relabel": [dict(one) for one in self.target.relabel],
            "up": True,
            "page": page_of(series),
            "grow": [{"metric": LOOKS, "labels": {"result": "success"}, "rate": 0.1}],
        }

    def _healthy(self) -> list[Series]:
        """Return the page as it is when all is well, whatever is the case at the moment."""
        full = {_key(one): one.value for one in self.series if one.name == REPLICAS}

        def well(one: Series) -> Series:
            if one.name == INFO and "phase" in one.labels:
                return one.with_labels(phase="Active")
            if one.name == READY:
                return replace(one, value=full.get(_key(one), max(one.value, 1)))
            return one

        return [well(one) for one in self.series]

    def _unready(self, name: str) -> list[Series]:
        """Return the page when one resource has nothing that is ready."""

        def ill(one: Series) -> Series:
            if one.labels.get("name") != name:
                return one
            if one.name == INFO and "phase" in one.labels:
                return one.with_labels(phase="Error")
            return replace(one, value=0) if one.name == READY else one

        return [ill(one) for one in self._healthy()]


def _key(one: Series) -> tuple[str | None, str | None]:
    return one.labels.get("name"), one.labels.get("namespace")


def _scenario(name: str, seconds: int, phases: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "seconds": seconds, "step": STEP, "phases": phases}


def _then(at: int, target: dict[str, Any]) -> dict[str, Any]:
    return {"at": at, "targets": [target]}


def _failing(target: Mapping[str, Any], rate: float) -> dict[str, Any]:
    failing = [
        {"metric": ERRORS, "rate": rate},
        {"metric": LOOKS, "labels": {"result": "error"}, "rate": rate},
    ]
    return {**target, "grow": [*target["grow"], *failing]}


def groups_of(rules: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a rule file with the groups of PrometheusRules, each group under a name of its own."""
    groups = [
        {**group, "name": f"{group.get('name')} {at} {number}"}
        for at, rule in enumerate(rules)
        for number, group in enumerate((rule.get("spec") or {}).get("groups") or ())
    ]
    allowed = ("name", "interval", "limit", "rules", "query_offset", "labels")
    return {"groups": [{key: one[key] for key in allowed if key in one} for one in groups]}


Fired = Mapping[str, Any]
Outcomes = Mapping[str, Mapping[str, Any]]


def outcomes_of(answer: Mapping[str, Any]) -> Outcomes:
    """Return the outcomes of an answer by the names of their scenarios."""
    return {one["name"]: one for one in answer["scenarios"]}


def fired(
    outcomes: Outcomes, scenario: str, alert: str, about: Callable[[Fired], bool] | None = None
) -> list[Fired]:
    """Return when an alert fired in a scenario, and with what."""
    return [
        one
        for one in outcomes[scenario]["alerts"]
        if one["alert"] == alert and (about is None or about(one))
    ]
