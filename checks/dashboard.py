"""The dashboard: whether its panels would show anything."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    CONFIG_MAP,
    HEALTHY,
    Context,
    Evidence,
    Fact,
    Failure,
    check,
    dig,
    fact,
    outcomes_of,
    stage,
)

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
    reference operator exposes, scraped as the ServiceMonitor says, while all is well. Each series
    that an expression names must be there. Variables such as `$namespace` or `$__rate_interval` are
    filled in. Titles, kinds of panels, and whether all of it stands below `dashboard` are yours.
    """
    view = _View(ctx, name, key)
    told = view.expressions()
    yield view.fact(
        f"it has {panels} panels or more with an expression",
        len(told) >= panels,
        reason=f"Only {len(told)} panels have an expression",
        expected=f"{panels} panels with targets[].expr",
        actual=", ".join(title for title, _ in told)[:200] or "none",
    )
    for subject in subjects:
        has = any(one in expr for _, exprs in told for expr in exprs for one in subject["any"])
        yield view.fact(
            f"a panel is about {subject['about']}",
            has,
            reason=f"No panel is about {subject['about']}",
            expected=f"an expression with one of {', '.join(subject['any'])}…",
            actual="; ".join(expr for _, exprs in told for expr in exprs)[:200] or "none",
        )
    yield from view.shown(told, scrape)


class _View:
    """The dashboard, and the words that facts about it share."""

    def __init__(self, ctx: Context, name: str, key: str) -> None:
        self.ctx = ctx
        self.label = CONFIG_MAP.describe(name, ctx.namespace)
        self.edit = f"kubectl edit configmap {name} -n {ctx.namespace}"
        fix = f"kubectl create configmap {name} -n {ctx.namespace} --from-file={key}"
        found = ctx.require(CONFIG_MAP, name, ctx.namespace, fix=fix)
        texts: Mapping[str, str] = dig(found, "data", {})
        self.key = key if key in texts or len(texts) != 1 else next(iter(texts))
        self.data = self._read(texts)

    def _read(self, texts: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            data = json.loads(texts[self.key])
            whole = data.get("dashboard", data)
            if isinstance(whole, Mapping):
                return whole
            why = "`dashboard` is no object"
        except KeyError:
            why = "it is not there"
        except AttributeError:
            why = "it is no object"
        except RecursionError:
            why = "it is nested out of all proportion"
        except ValueError as error:
            why = str(error)
        raise Failure(
            f"data[{self.key}] is no JSON of a dashboard: {why}",
            expected="a JSON object with panels",
            actual=why,
            fix=self.edit,
            evidence=[Evidence(self.label, f"data[{self.key}]", why)],
        )

    def fact(self, name: str, ok: bool, **words: Any) -> Fact:
        """State a fact; ``actual`` is its evidence as well."""
        evidence = [Evidence(self.label, f"data[{self.key}]", str(words["actual"]))]
        return fact(name, ok, fix=words.pop("fix", self.edit), evidence=evidence, **words)

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

    def shown(
        self, told: Sequence[tuple[str, list[str]]], scrape: Mapping[str, Any]
    ) -> Iterator[Fact]:
        """State that every expression is one, and finds its series."""
        pairs = [(title, _filled(expr)) for title, exprs in told for expr in exprs][:MOST]
        scene = stage(self.ctx, **scrape).scenarios(1)[0]
        answer = self.ctx.ask_prometheus(
            {"queries": list(dict.fromkeys(expr for _, expr in pairs)), "scenarios": [scene]}
        )
        parsed = {one["expr"]: one for one in answer["queries"]}
        outcome = outcomes_of(answer)[HEALTHY]
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
        silent = [
            (title, selector)
            for title, expr in pairs
            for selector in parsed[expr]["selectors"]
            if outcome["results"].get(selector, 0) < 1
        ]
        failing = [(t, outcome["errors"][e]) for t, e in pairs if e in outcome["errors"]]
        why = [f"{t}: nothing exposes {s}" for t, s in silent] + [f"{t}: {e}" for t, e in failing]
        yield self.fact(
            "each panel has something to show",
            not why,
            weight=3,
            reason=f"A panel stays empty: {why[0][:250]}" if why else "",
            expected="series that something in the lab exposes",
            actual="; ".join(why)[:300] or f"{len(pairs)} expressions find their series",
            fix=f"kubectl get --raw /api/v1/namespaces/{self.ctx.namespace}/services/"
            f"{scrape['service']}:8080/proxy/metrics shows what there is; then {self.edit}",
        )


def _many(value: object) -> bool:
    return isinstance(value, list)


def _filled(expr: str) -> str:
    """Put something in the place of Grafana's variables: five minutes, whatever there is, one."""
    expr = _DURATIONS.sub("5m", expr)
    expr = _MATCHED.sub('=~".*"', expr)
    return _VARIABLE.sub("5m" if "[$" in expr else "1", expr)
