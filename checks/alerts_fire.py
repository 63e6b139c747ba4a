"""Whether the alerts would ring: tried in Prometheus' own rule engine."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    DOWN,
    FEW_ERRORS,
    HEALTHY,
    LATE,
    MANY_ERRORS,
    NOT_READY,
    STEP,
    VANISHED,
    WARM_UP,
    WINDOW,
    Context,
    Evidence,
    Fact,
    Failure,
    MissingCapability,
    Resource,
    Stage,
    check,
    dig,
    duration,
    fact,
    fired,
    groups_of,
    outcomes_of,
    stage,
    unjudged,
)

RULE = Resource("monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule")


@check(seconds=40)
def alerts_fire(
    ctx: Context,
    name: str,
    down: Mapping[str, Any],
    errors: Mapping[str, Any],
    not_ready: Mapping[str, Any],
    scrape: Mapping[str, Any],
) -> Iterator[Fact]:
    """Plays half an hour of the lab at a time to the rules: all well, then something breaks.

    The figures are those that the operator exposes now, or, where no container runs, those of the
    reference operator; they are labelled as the ServiceMonitor has Prometheus label them. While all
    is well nothing may fire. When the operator does not answer, or has vanished, when errors are
    frequent, and when a resource is not ready, the alert that is for it must fire after its time.
    How the expressions are written is yours.
    """
    rules = ctx.require(RULE, name, ctx.namespace, fix="Apply the PrometheusRule of this step")
    scene = stage(ctx, **scrape)
    exprs = _expressions(rules, (down["alert"], errors["alert"], not_ready["alert"]))
    question = {
        "groups": groups_of([rules]),
        "queries": [one for many in exprs.values() for one in many],
        "scenarios": scene.scenarios(float(errors["rate"])),
    }
    answer = ctx.ask_prometheus(question)
    if answer["rule_errors"]:
        raise Failure(
            f"Prometheus refuses the rules: {'; '.join(answer['rule_errors'])[:300]}",
            expected="rules that can be loaded",
            actual="; ".join(answer["rule_errors"])[:300],
            fix=f"kubectl edit prometheusrule {name} -n {ctx.namespace}",
        )
    view = _View(ctx, name, scene, answer, exprs)
    yield from view.down(down)
    yield from view.errors(errors)
    yield from view.not_ready(not_ready)


def _expressions(rules: Any, alerts: Sequence[str]) -> dict[str, list[str]]:
    """Return the expressions of each alert; empty where it is not there."""
    found: dict[str, list[str]] = {alert: [] for alert in alerts}
    for group in dig(rules, "spec.groups", []):
        for rule in group.get("rules") or ():
            if rule.get("alert") in found:
                found[rule["alert"]].append(str(rule.get("expr", "")))
    return found


class _View:
    """What came of the scenarios, and the words that facts about it share."""

    def __init__(
        self,
        ctx: Context,
        name: str,
        scene: Stage,
        answer: Mapping[str, Any],
        exprs: Mapping[str, Sequence[str]],
    ) -> None:
        self.scene = scene
        self.outcomes = outcomes_of(answer)
        self.exprs = exprs
        self.label = RULE.describe(name, ctx.namespace)
        self.edit = f"kubectl edit prometheusrule {name} -n {ctx.namespace}"
        self.parsed = {one["expr"]: one for one in answer["queries"]}

    def fact(self, name: str, ok: bool, alert: Mapping[str, Any], reason: str, wanted: str) -> Fact:
        """State what became of an alert; say which series it misses, if that is why."""
        missing = self._missing(alert["alert"]) if not ok else ""
        shown = "; ".join(self.exprs[alert["alert"]])[:300] or "there is no such alert"
        return fact(
            f"{alert['alert']} {name}",
            ok,
            reason=f"{alert['alert']} {reason}{missing}",
            expected=wanted,
            actual=shown,
            fix=f"{self.edit}: expr: {alert['example']}",
            evidence=[Evidence(self.label, str(alert["alert"]), shown)],
        )

    def _missing(self, alert: str) -> str:
        results = self.outcomes[HEALTHY]["results"]
        errors = [*self.outcomes[HEALTHY]["errors"].values()]
        for expr in self.exprs[alert]:
            for selector in self.parsed[expr]["selectors"]:
                if results.get(selector, 0) < 1:
                    return f": nothing exposes {selector[:120]}"
        return next((f": it cannot be evaluated ({one[:120]})" for one in errors if one), "")

    def silent(self, alert: Mapping[str, Any], scenario: str, told: str) -> Fact:
        """State that an alert does not fire in a scenario."""
        rang = fired(self.outcomes, scenario, alert["alert"])
        there = bool(self.exprs[alert["alert"]]) and not self.outcomes[scenario]["errors"].get(
            alert["alert"]
        )
        reason = f"fires although {told}" if rang else "cannot be tried"
        return self.fact(
            f"is silent when {told}", there and not rang, alert, reason, f"silence when {told}"
        )

    def rings(self, alert: Mapping[str, Any], scenario: str, told: str, slack: float) -> Fact:
        """State that an alert fires after its time in a scenario, and not before."""
        wait = float(duration(str(alert["for"])) or 0)
        rang = [one["from"] for one in fired(self.outcomes, scenario, alert["alert"])]
        earliest, latest = WARM_UP + wait - STEP, WARM_UP + wait + slack + LATE
        ok = any(earliest <= one <= latest for one in rang) and min(rang) >= earliest
        if not rang:
            reason = f"does not fire when {told}"
        else:
            reason = f"fires {min(rang) - WARM_UP:.0f} s after {told}, not after {wait:.0f} s"
        return self.fact(f"fires when {told}", ok, alert, reason, f"{wait:.0f} s after {told}")

    def down(self, alert: Mapping[str, Any]) -> Iterator[Fact]:
        """State what becomes of the alert about the operator."""
        yield self.silent(alert, HEALTHY, "all is well")
        yield self.rings(alert, DOWN, "the operator does not answer", 0)
        yield self.rings(alert, VANISHED, "the operator has vanished", WINDOW)

    def errors(self, alert: Mapping[str, Any]) -> Iterator[Fact]:
        """State what becomes of the alert about errors."""
        if not self.scene.counts_errors:
            yield unjudged(f"{alert['alert']} fires", _unseen("counts no errors"), weight=2)
            return
        yield self.silent(alert, FEW_ERRORS, f"errors are rarer than {alert['rate']}/s")
        yield self.rings(alert, MANY_ERRORS, f"errors are more than {alert['rate']}/s", WINDOW)

    def not_ready(self, alert: Mapping[str, Any]) -> Iterator[Fact]:
        """State what becomes of the alert about a resource."""
        names = self.scene.resources
        if not names:
            yield unjudged(f"{alert['alert']} fires", _unseen("tells about no resource"), weight=3)
            return
        ill = names[0]
        yield self.silent(alert, HEALTHY, "every resource is ready")
        yield self.rings(alert, NOT_READY, f"{ill} is not ready", WINDOW)
        rang = fired(self.outcomes, NOT_READY, alert["alert"])
        yield self.fact(
            "names the resource, and no other",
            bool(rang) and all(_names(one, ill, names) for one in rang),
            alert,
            f"does not say that it is about {ill}",
            f"a label or a text with {ill}",
        )
        yield self.fact(
            "ends when the resource is ready again",
            bool(rang) and all(one["until"] > 0 for one in rang),
            alert,
            "goes on firing after the resource is ready again",
            "silence again",
        )


def _names(alert: Mapping[str, Any], ill: str, names: Sequence[str]) -> bool:
    """Whether an alert says which resource it is about, and means no other."""
    said = " ".join([*alert["labels"].values(), *alert["annotations"].values()])
    return ill in said and not any(one in said for one in names if one != ill and one not in ill)


def _unseen(what: str) -> MissingCapability:
    return MissingCapability(
        f"The operator's page {what}", "Let it expose what the lab's operator does, or use that"
    )
