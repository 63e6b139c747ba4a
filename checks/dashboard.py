"""The dashboard: whether its panels would show anything."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labgrader.api import (
    CONFIG_MAP,
    Context,
    Fact,
    MissingCapability,
    check,
    fact,
    grouped,
    unjudged,
)
from labgrader.toolkit.config_maps import text_under
from labgrader.toolkit.facts import Subject
from labgrader.toolkit.prometheus.series import Role, about_reconciling, is_counter

from ._shared.alert_scenarios import HEALTHY, Stage, outcomes_of
from ._shared.operator_page import stage

CANNED = "no container runs here: the metrics are those of the lab's own operator"

MOST = 200
"""How many expressions are looked at; a dashboard with more is several."""

LONGEST = 5_000
_DURATIONS = re.compile(r"\$\{?__(?:rate_interval|interval|range)\}?")
_MATCHED = re.compile(r'(!?=~?)\s*"[^"]*(?:\$\{?[A-Za-z_]|\[\[)[^"]*"')
_VARIABLE = re.compile(r"\$\{?[A-Za-z_][A-Za-z0-9_:]*\}?|\[\[[A-Za-z_]+\]\]")


@check(seconds=40)
def dashboard(
    ctx: Context,
    name: str,
    key: str,
    panels: int,
    subjects: Sequence[Mapping[str, Any]],
    scrape: Mapping[str, Any],
) -> Iterator[Fact]:
    """Reads the JSON as Grafana would, and has Prometheus' own code evaluate each expression.

    It is evaluated over what the operator exposes now, or, where no container runs, over what the
    lab's own operator exposes (the result says so), scraped as the ServiceMonitor says, while all
    is well. Each series that an expression names must be there. A counter must be shown as a rate
    or an increase: by itself it only says how long its process has been running. Variables such as
    `$namespace` or `$__rate_interval` are filled in. Metrics about the resources are those with a
    resource's name in a label, whatever they are called. Titles, kinds of panels, and whether all
    of it stands below `dashboard` are yours.
    """
    view = _View(ctx, name, key)
    told = view.expressions()
    judged = view.judge(told, scrape)
    if judged.scene.canned:
        yield fact(CANNED, ok=True, weight=0)
    count = view.fact(
        f"it has {panels} panels or more with an expression",
        len(told) >= panels,
        reason=f"Only {len(told)} panels have an expression",
        expected=f"{panels} panels with targets[].expr",
        actual=", ".join(title for title, _ in told)[:200] or "none",
    )
    about = (view.about(one, judged, told) for one in subjects)
    yield from grouped("Its panels", (count, *about))
    yield from grouped("Every panel shows data", view.shown(judged, scrape["service"]))


@dataclass(frozen=True, slots=True)
class _Judged:
    """What Prometheus' code says about expressions; a pair is a panel's title and one of them."""

    scene: Stage
    pairs: Sequence[tuple[str, str]]
    parsed: Mapping[str, Mapping[str, Any]]
    outcome: Mapping[str, Any]

    def empty(self) -> list[str]:
        """Return which selectors of which panel find nothing."""
        return [
            f"{title}: nothing exposes {selector}"
            for title, expr in self.pairs
            for selector in self.parsed[expr]["selectors"]
            if self.outcome["results"].get(selector, 0) < 1
        ]

    def bare_counters(self) -> list[tuple[str, str]]:
        """Return which panels show which counters as they are."""
        counters = {one.name for one in self.scene.page.series if is_counter(one)}
        return [
            (title, name)
            for title, expr in self.pairs
            for name, bare in zip(
                self.parsed[expr]["names"], self.parsed[expr]["bare"], strict=True
            )
            if bare and name in counters
        ]

    def names_about(self, what: str) -> list[str]:
        """Return the metrics about the resources, or about reconciling."""
        page = self.scene.page
        if what == "resources":
            return sorted({one.name for one in page.series if page.resource_of(one)})
        found = {one.name for one in page.having(Role.LOOKS, Role.ERRORS)}
        return sorted(found | {one.name for one in page.series if about_reconciling(one)})


class _View(Subject):
    """The dashboard, and the words that facts about it share."""

    def __init__(self, ctx: Context, name: str, key: str) -> None:
        self.ctx = ctx
        fix = f"kubectl create configmap {name} -n {ctx.namespace} --from-file={key}"
        found = ctx.require(CONFIG_MAP, name, ctx.namespace, fix=fix)
        used, text = text_under(found, key)
        super().__init__(CONFIG_MAP, name, ctx.namespace, path=f"data[{used}]")
        self.data = self._read(text)

    def _read(self, text: str) -> Mapping[str, Any]:
        try:
            data = json.loads(text)
            whole = data.get("dashboard", data)
            if isinstance(whole, Mapping):
                return whole
            why = "`dashboard` is no object"
        except AttributeError:
            why = "it is no object"
        except RecursionError:
            why = "it is nested out of all proportion"
        except ValueError as error:
            why = str(error)
        raise self.failure(
            f"{self.path} is no JSON of a dashboard: {why}",
            expected="a JSON object with panels",
            actual=why,
        )

    def about(
        self, subject: Mapping[str, Any], judged: _Judged, told: Sequence[tuple[str, list[str]]]
    ) -> Fact:
        """State that a panel is about a subject: by the lab's metrics, or by the page's own."""
        wanted = (*subject["any"], *judged.names_about(str(subject["meaning"])))
        has = any(one in expr for _, exprs in told for expr in exprs for one in wanted)
        return self.fact(
            f"a panel is about {subject['about']}",
            has,
            reason=f"No panel is about {subject['about']}",
            expected=f"an expression with one of {', '.join(subject['any'])}…",
            actual="; ".join(expr for _, exprs in told for expr in exprs)[:200] or "none",
        )

    def expressions(self) -> list[tuple[str, list[str]]]:
        """Return the titles of panels and their expressions, those in rows included."""
        waiting: list[Any] = [self.data]
        found: list[tuple[str, list[str]]] = []
        while waiting and len(found) < MOST:
            one = waiting.pop(0)
            for inner in ("panels", "rows"):
                listed = one.get(inner)
                waiting += [p for p in listed if isinstance(p, Mapping)] if _many(listed) else []
            targets = one.get("targets")
            exprs = [
                str(target["expr"])[:LONGEST]
                for target in (targets if _many(targets) else ())
                if isinstance(target, Mapping) and target.get("expr")
            ]
            if exprs:
                found.append((str(one.get("title", "without a title"))[:60], exprs))
        return found

    def judge(self, told: Sequence[tuple[str, list[str]]], scrape: Mapping[str, Any]) -> _Judged:
        """Have every expression parsed, and evaluated while all is well."""
        pairs = [(title, _filled(expr)) for title, exprs in told for expr in exprs][:MOST]
        scene = stage(self.ctx, **scrape)
        queries = list(dict.fromkeys(expr for _, expr in pairs))
        scene = scene.for_rules("\n".join(queries))
        answer = self.ctx.ask_prometheus({"queries": queries, "scenarios": [scene.calm()]})
        parsed = {one["expr"]: one for one in answer["queries"]}
        return _Judged(scene, pairs, parsed, outcomes_of(answer)[HEALTHY])

    def shown(self, judged: _Judged, service: str) -> Iterator[Fact]:
        """State that every expression is one, finds its series, and shows counters as rates."""
        pairs, parsed, outcome = judged.pairs, judged.parsed, judged.outcome
        wrong = [(t, e, parsed[e]["error"]) for t, e in pairs if parsed[e].get("error")]
        yield self.fact(
            "each expression can be read",
            not wrong,
            reason=f"{wrong[0][0]}: {wrong[0][1][:120]} is no PromQL: {wrong[0][2]}"
            if wrong
            else "",
            expected="expressions that Prometheus can parse",
            actual="; ".join(f"{title}: {why}" for title, _, why in wrong)[:300] or "all parse",
        )
        bare = judged.bare_counters()
        yield self.fact(
            "counters are shown as rates",
            not bare,
            reason=f"{bare[0][0]} shows the counter {bare[0][1]} without rate() or increase()"
            if bare
            else "",
            expected="rate(…[5m]) or increase(…[5m]) of a counter",
            actual="; ".join(f"{title}: {name}" for title, name in bare)[:300] or "no bare counter",
        )
        why = judged.empty()
        if why and judged.scene.why:
            told = f"The operator's page cannot be read: {judged.scene.why}"
            error = MissingCapability(told, "Let it serve /metrics, and grade again")
            yield unjudged("each panel has something to show", error)
            return
        failing = [(t, outcome["errors"][e]) for t, e in pairs if e in outcome["errors"]]
        why += [f"{title}: {error}" for title, error in failing]
        yield self.fact(
            "each panel has something to show",
            not why,
            reason=f"A panel stays empty: {why[0][:250]}" if why else "",
            expected="series that something in the lab exposes",
            actual="; ".join(why)[:300] or f"{len(pairs)} expressions find their series",
            fix=f"kubectl get --raw /api/v1/namespaces/{self.ctx.namespace}/services/"
            f"{service}:8080/proxy/metrics shows what there is; then {self.edit}",
        )


def _many(value: object) -> bool:
    return isinstance(value, list)


def _filled(expr: str) -> str:
    """Put something in the place of Grafana's variables: five minutes, whatever there is, one."""
    expr = _DURATIONS.sub("5m", expr)
    expr = _MATCHED.sub('=~".*"', expr)
    return _VARIABLE.sub("5m" if "[$" in expr else "1", expr)
