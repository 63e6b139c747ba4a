"""The scenarios in which this lab's alerts are tried by Prometheus' own rule engine. Pure.

Each begins with ten minutes in which all is well. The pages are those that the operator exposes,
changed as they would change if that were to happen, by what their series mean (``series``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from labgrader.toolkit.prometheus.exposition import Series, page_of
from labgrader.toolkit.prometheus.scrape import ScrapeTarget
from labgrader.toolkit.prometheus.series import Page, Role

WARM_UP = 600
"""Seconds before anything happens."""

STEP = 30
"""Seconds between two scrapes, and between two evaluations."""

LATE = 2 * STEP
"""How much later than its time an alert may fire: it is noticed at the next evaluation."""

WINDOW = 300
"""Seconds over which rates are usually taken: until then they follow a change."""

HEALTHY, DOWN, VANISHED, OTHERS_DOWN = "healthy", "down", "vanished", "others down"
MANY_ERRORS, FEW_ERRORS, NOT_READY = "many errors", "few errors", "not ready"

OTHERS = (
    {"job": "kube-state-metrics", "namespace": "monitoring", "endpoint": "http"},
    {"job": "market-data", "service": "market-data", "endpoint": "http"},
)
"""Targets beside the operator's, but for a dashboard; the last one is of its namespace."""

RESTING = ("suspended", "paused", "scaling", "progressing", "updating", "terminating", "deleting")
"""Phases of resources that are not well, and of which nobody need be told."""


_CHOOSES_BY_LABEL = re.compile(r"__name__|(?:^|[\s(,\"])\{")
"""A selector without a name: it may mean any series."""


@dataclass(frozen=True, slots=True)
class Illness:
    """A resource that is not ready, the phase that it has then, and the scenario's name."""

    resource: str
    phase: str

    @property
    def scenario(self) -> str:
        """The name of the scenario in which it is ill."""
        return f"{NOT_READY}: {self.resource} {self.phase}"


@dataclass(frozen=True, slots=True)
class Source:
    """A page of a pod."""

    pod: str
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class Stage:
    """The operator's page and how it is scraped.

    ``canned`` says that it is the lab's own page, because no container runs; ``why`` says why there
    is no page although containers run. ``mentioned`` is a text that names all series that matter,
    or empty where all do. ``source`` is where the page was read, if it was.
    """

    page: Page
    targets: Sequence[ScrapeTarget]
    canned: bool = False
    why: str = ""
    mentioned: str = ""
    source: Source | None = None

    def for_rules(self, text: str) -> Stage:
        """Return it with the series alone that a text names: others decide nothing."""
        chooses = _CHOOSES_BY_LABEL.search(text) or any(one.sample_limit for one in self.targets)
        return self if chooses else replace(self, mentioned=text)

    @property
    def counts_errors(self) -> bool:
        """Whether the page counts how often reconciling has failed."""
        return bool(self.page.having(Role.ERRORS))

    @property
    def illnesses(self) -> list[Illness]:
        """What is tried: the first and the last resource, and every phase of one that is not ready.

        No more than there is need for: each is a scenario.
        """
        names = self.page.told
        well = self.page.healthy_phase.lower()
        phases = [p for p in self.page.phases if p.lower() != well and p.lower() not in RESTING]
        phases = sorted(phases, key=lambda one: one != "Error")[:MOST_PHASES] or ["Error"]
        ends = names[:1] + names[1:][-1:]
        many = max(len(phases), len(ends)) if names else 0
        return [Illness(ends[at % len(ends)], phases[at % len(phases)]) for at in range(many)]

    def calm(self) -> dict[str, Any]:
        """Return the scenario in which all is well and nothing else is scraped."""
        return _scenario(HEALTHY, 1800, [{"at": 0, "targets": self._seen(self._page({}))}])

    def scenarios(self, rate: float) -> list[dict[str, Any]]:
        """Return everything that is tried.

        Args:
            rate: errors a second from which on an alert has to fire; half as many are few, twice
                as many are many.
        """
        well = self._page({})
        others = [self._other(labels, up=True) for labels in OTHERS]
        seen = self._seen(well)
        down = [{**one, "up": False, "page": ""} for one in seen]
        silent = [self._other(labels, up=False) for labels in OTHERS]
        calm: list[dict[str, Any]] = [{"at": 0, "targets": [*others, *seen]}]
        after: list[tuple[str, int, Sequence[Mapping[str, Any]]]] = [
            (DOWN, 1800, [*others, *down]),
            (VANISHED, 2100, others),
            (OTHERS_DOWN, 1500, [*silent, *seen]),
            (MANY_ERRORS, 1800, [*others, *self._failing(seen, 2 * rate)]),
            (FEW_ERRORS, 1800, [*others, *self._failing(seen, rate / 2)]),
        ]
        found = [_scenario(HEALTHY, 1800, calm)]
        for name, long, targets in after:
            found.append(_scenario(name, long, [*calm, _then(WARM_UP, targets)]))
        for one in self.illnesses:
            ill = [*others, *self._seen(self._page({one.resource: one.phase}))]
            phases = [*calm, _then(WARM_UP, ill), _then(WARM_UP + 1200, calm[0]["targets"])]
            found.append(_scenario(one.scenario, 3000, phases))
        return found

    def _page(self, ill: Mapping[str, str]) -> str:
        every = self.page.with_state(ill)
        return page_of(one for one in every if not self.mentioned or one.name in self.mentioned)

    def _seen(self, page: str) -> list[dict[str, Any]]:
        looks = [one for one in self.page.having(Role.LOOKS) if not _is_odd(one)]
        grow = [{"metric": one.name, "labels": dict(one.labels), "rate": 0.1} for one in looks]
        return [
            {
                "labels": dict(target.labels),
                "honor_labels": target.honor_labels,
                "relabel": [dict(one) for one in target.relabel],
                "sample_limit": target.sample_limit,
                "up": target.answers,
                "page": page if target.answers else "",
                "grow": grow,
            }
            for target in self.targets
        ]

    def _other(self, labels: Mapping[str, str], *, up: bool) -> dict[str, Any]:
        space = next((one.labels.get("namespace", "") for one in self.targets), "")
        whole = {"namespace": space, "instance": "10.244.0.20:9100", **labels}
        return {"labels": whole, "up": up, "page": ""}

    def _failing(self, seen: Sequence[Mapping[str, Any]], rate: float) -> list[dict[str, Any]]:
        """Let one series of each metric that counts errors rise."""
        first = {one.name: one for one in reversed(self.page.having(Role.ERRORS))}
        grow = [
            {"metric": one.name, "labels": dict(one.labels), "rate": rate} for one in first.values()
        ]
        return [{**one, "grow": [*one["grow"], *grow]} for one in seen]


MOST_PHASES = 4


def _is_odd(one: Series) -> bool:
    """Whether a series counts looks that ended in a way which is not the usual one."""
    return any(value.lower() in ("requeue", "requeue_after") for value in one.labels.values())


def _scenario(name: str, seconds: int, phases: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "seconds": seconds, "step": STEP, "phases": phases}


def _then(at: int, targets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"at": at, "targets": list(targets)}


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
