"""Whether the alerts would ring: tried in Prometheus' own rule engine."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    Context,
    Fact,
    Failure,
    MissingCapability,
    Resource,
    check,
    dig,
    fact,
    grouped,
    unjudged,
)
from labgrader.toolkit.facts import Subject
from labgrader.toolkit.kubernetes import duration
from labgrader.toolkit.prometheus.rules import groups_of
from labgrader.toolkit.prometheus.series import TELLING, Role

from ._shared.alert_scenarios import (
    DOWN,
    FEW_ERRORS,
    HEALTHY,
    LATE,
    MANY_ERRORS,
    OTHERS_DOWN,
    STEP,
    VANISHED,
    WARM_UP,
    WINDOW,
    Illness,
    Stage,
    fired,
    outcomes_of,
)
from ._shared.operator_movement import with_movement
from ._shared.operator_page import stage

CANNED = "no container runs here: the metrics are those of the lab's own operator"
RULE = Resource("monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule")


@check(seconds=75)
def alerts_fire(
    ctx: Context,
    name: str,
    down: Mapping[str, Any],
    errors: Mapping[str, Any],
    not_ready: Mapping[str, Any],
    scrape: Mapping[str, Any],
    probe: Mapping[str, Any],
) -> Iterator[Fact]:
    """Plays half an hour of the lab at a time to the rules: all well, then something breaks.

    The metrics are those that the operator exposes now. Which of them tell that a resource is ready
    and which count errors is recognised by their types, labels, values and words, so that an
    operator's own names are as good as the lab's. What they do not tell, a temporary resource
    does, if labgrader may write: it is watched becoming ready. What cannot be told is not judged.
    Where no container runs, the metrics of the lab's own operator are used, and the result says
    so. They are labelled as the ServiceMonitors have Prometheus label them, beside targets of other
    jobs.

    While all is well nothing may fire, nor when only another job's target is down. When the
    operator does not answer, or has vanished, when errors are frequent, and when a resource is not
    ready (the first or the last one, in each phase that a resource without ready pods may have;
    Suspended and Scaling are none of them), the alert that is for it must fire after its time. How
    the expressions are written is yours.
    """
    fix = f"Create the PrometheusRule {name} (step 5.5)"
    rules = ctx.require(RULE, name, ctx.namespace, fix=fix)
    scene = stage(ctx, **scrape)
    scene = scene.for_rules("\n".join(_texts(rules)))
    scene = with_movement(ctx, scene, scrape["resource"], probe)
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
    if scene.canned:
        yield fact(CANNED, ok=True, weight=0)
    for alert, facts in (
        (down, view.down(down)),
        (errors, view.errors(errors)),
        (not_ready, view.not_ready(not_ready)),
    ):
        yield from grouped(str(alert["alert"]), facts)


def _texts(rules: Any) -> Iterator[str]:
    """Yield every text of the rules that may name a series: expressions, and queries in texts."""
    for group in dig(rules, "spec.groups", []):
        for rule in group.get("rules") or ():
            yield str(rule.get("expr", ""))
            for texts in (dig(rule, "annotations", {}), dig(rule, "labels", {})):
                yield from (str(one) for one in texts.values() if "query" in str(one))


def _expressions(rules: Any, alerts: Sequence[str]) -> dict[str, list[str]]:
    """Return the expressions of each alert; empty where it is not there."""
    found: dict[str, list[str]] = {alert: [] for alert in alerts}
    for group in dig(rules, "spec.groups", []):
        for rule in group.get("rules") or ():
            if rule.get("alert") in found:
                found[rule["alert"]].append(str(rule.get("expr", "")))
    return found


class _View(Subject):
    """What came of the scenarios, and the words that facts about it share."""

    def __init__(
        self,
        ctx: Context,
        name: str,
        scene: Stage,
        answer: Mapping[str, Any],
        exprs: Mapping[str, Sequence[str]],
    ) -> None:
        super().__init__(RULE, name, ctx.namespace)
        self.scene = scene
        self.outcomes = outcomes_of(answer)
        self.exprs = exprs
        self.parsed = {one["expr"]: one for one in answer["queries"]}

    def fires(
        self, name: str, ok: bool, alert: Mapping[str, Any], reason: str, wanted: str
    ) -> Fact:
        """State what became of an alert; say which series it misses, if that is why."""
        missing = self._missing(alert["alert"]) if not ok else ""
        shown = "; ".join(self.exprs[alert["alert"]])[:300] or "there is no such alert"
        return self.fact(
            f"{alert['alert']} {name}",
            ok,
            str(alert["alert"]),
            reason=f"{alert['alert']} {reason}{missing}",
            expected=wanted,
            actual=shown,
            fix=f"{self.edit}: expr: {self._example(alert)}",
        )

    def _missing(self, alert: str) -> str:
        """Say which series an alert misses; one that only an ill resource has is not missing."""
        healthy, page = self.outcomes[HEALTHY], self.scene.page
        changing = {one.name for one in page.having(*TELLING)}
        silent = [one.labels["endpoint"] for one in self.scene.targets if not one.answers]
        if silent and any("up" in self.parsed[expr]["names"] for expr in self.exprs[alert]):
            return f": the ServiceMonitor's endpoint {silent[0]} has no metrics, so its up is 0"
        for expr in self.exprs[alert]:
            parsed = self.parsed[expr]
            for name, selector in zip(parsed["names"], parsed["selectors"], strict=True):
                if name not in changing and healthy["results"].get(selector, 0) < 1:
                    return f": nothing exposes {selector[:120]}"
        errors = [one for one in healthy["errors"].values() if one]
        return f": it cannot be evaluated ({errors[0][:120]})" if errors else ""

    def _example(self, alert: Mapping[str, Any]) -> str:
        """Return an expression that would do, in the names that the operator's page has."""
        page = self.scene.page
        if self.scene.canned or any(name in str(alert["example"]) for name in (*page.names, "up{")):
            return str(alert["example"])
        if "rate" in alert:
            errors = [
                f"sum(rate({one.name}[5m])) > {alert['rate']}" for one in page.having(Role.ERRORS)
            ]
            return next(iter(errors), "the rate of a metric that counts errors")
        ready = [f"{one.name} == 0" for one in page.having(Role.READY, Role.READY_COUNT)]
        phases = [
            f'{one.name}{{{page.phase_label(one)}!="{page.healthy_phase}"}} == 1'
            for one in page.having(Role.PHASE)
        ]
        return next(iter([*ready, *phases]), "a metric that tells which resource is ready")

    def silent(self, alert: Mapping[str, Any], scenario: str, told: str) -> Fact:
        """State that an alert does not fire in a scenario."""
        rang = fired(self.outcomes, scenario, alert["alert"])
        there = bool(self.exprs[alert["alert"]]) and not self.outcomes[scenario]["errors"].get(
            alert["alert"]
        )
        reason = f"fires although {told}" if rang else "cannot be tried"
        return self.fires(
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
        return self.fires(f"fires when {told}", ok, alert, reason, f"{wait:.0f} s after {told}")

    def down(self, alert: Mapping[str, Any]) -> Iterator[Fact]:
        """State what becomes of the alert about the operator."""
        yield self.silent(alert, HEALTHY, "all is well")
        yield self.silent(alert, OTHERS_DOWN, "only a target of another job is down")
        yield self.rings(alert, DOWN, "the operator does not answer", 0)
        yield self.rings(alert, VANISHED, "the operator has vanished", WINDOW)

    def errors(self, alert: Mapping[str, Any]) -> Iterator[Fact]:
        """State what becomes of the alert about errors."""
        few, many = f"errors are rarer than {alert['rate']}/s", f"than {alert['rate']}/s"
        facts = [
            self.silent(alert, FEW_ERRORS, few),
            self.rings(alert, MANY_ERRORS, f"errors are more {many}", WINDOW),
        ]
        yield from self._known(alert, facts, self.scene.counts_errors, "counts no errors")

    def not_ready(self, alert: Mapping[str, Any]) -> Iterator[Fact]:
        """State what becomes of the alert about a resource."""
        ills = self.scene.illnesses
        facts = [self.silent(alert, HEALTHY, "every resource is ready")]
        facts += [
            self.rings(alert, one.scenario, f"{one.resource} is {one.phase}, 0 ready", WINDOW)
            for one in ills
        ]
        facts += self._about(alert, ills) if ills else [self._about_nothing(alert)]
        told = bool(ills) or self._stands_still(alert)
        yield from self._known(alert, facts, told, "does not tell which resource is ready")

    def _about_nothing(self, alert: Mapping[str, Any]) -> Fact:
        """State that it does not fire: no series changes when a resource is not ready."""
        told = "a resource is not ready"
        reason = f"does not fire when {told}: no metric that it names changes then"
        return self.fires(f"fires when {told}", False, alert, reason, f"an alert when {told}")

    def _stands_still(self, alert: Mapping[str, Any]) -> bool:
        """Whether every metric that an alert names was seen not to change with a resource."""
        moved = self.scene.page.moved
        names = {name for expr in self.exprs[alert["alert"]] for name in self.parsed[expr]["names"]}
        return bool(names) and all(moved.get(name) is Role.FIXED for name in names)

    def _known(
        self, alert: Mapping[str, Any], facts: Sequence[Fact], told: bool, lack: str
    ) -> Iterator[Fact]:
        """Yield facts; as unjudged those that fail where a metric's meaning is not known."""
        named = {name for expr in self.exprs[alert["alert"]] for name in self.parsed[expr]["names"]}
        page = self.scene.page
        absent = {name for name in named if name and name != "up"} - page.names - page.declared
        unknown = page.unknown(named)
        for one in facts:
            if one.ok or not named or (absent and not self.scene.why):
                yield one
            elif self.scene.why:
                yield unjudged(one.name, _unseen(f"cannot be read: {self.scene.why}"))
            elif unknown:
                what = f"has {unknown[0]}, and what that means cannot be told from it"
                yield unjudged(one.name, _unseen(what))
            elif not told:
                yield unjudged(one.name, _unseen(lack))
            else:
                yield one

    def _about(self, alert: Mapping[str, Any], ills: Sequence[Illness]) -> list[Fact]:
        """State that it says which resource is not ready, and stops when it is ready again."""
        name, names = alert["alert"], self.scene.page.told
        rang = {one: fired(self.outcomes, one.scenario, name) for one in ills}
        wrong = next(
            (one for one in ills if not all(_names(a, one.resource, names) for a in rang[one])),
            ills[0],
        )
        every = [a for many in rang.values() for a in many]
        right = all(_names(a, one.resource, names) for one in ills for a in rang[one])
        return [
            self.fires(
                "names the resource, and no other",
                bool(every) and right,
                alert,
                f"does not say that it is about {wrong.resource}",
                f"a label or a text with {wrong.resource}",
            ),
            self.fires(
                "ends when the resource is ready again",
                bool(every) and all(one["until"] > 0 for one in every),
                alert,
                "goes on firing after the resource is ready again",
                "silence again",
            ),
        ]


def _names(alert: Mapping[str, Any], ill: str, names: Sequence[str]) -> bool:
    """Whether an alert says which resource it is about, and means no other."""
    said = " ".join([*alert["labels"].values(), *alert["annotations"].values()])
    return ill in said and not any(one in said for one in names if one != ill and one not in ill)


def _unseen(what: str) -> MissingCapability:
    return MissingCapability(
        f"The operator's page {what}",
        "Name its metrics for what they tell, such as …_ready or …_reconcile_errors_total",
    )
