"""The alerts as they stand: names, severities, times, and texts that can be rendered."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from labgrader.api import (
    Context,
    Evidence,
    Fact,
    Failure,
    Object,
    Resource,
    check,
    dig,
    fact,
    grouped,
)
from labgrader.toolkit.kubernetes import duration
from labgrader.toolkit.prometheus.rules import groups_of

RULE = Resource("monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule")
CRD_HINT = (
    "`labgrader cluster prepare` adds the Prometheus Operator's definitions; the lab's own cluster"
    " has them"
)


@check()
def alert_rules(ctx: Context, name: str, alerts: Sequence[Mapping[str, Any]]) -> Iterator[Fact]:
    """Has Prometheus' own code read the rules, and looks for the lab's alerts among them.

    Each needs its name, its severity and its time; the groups they stand in, and further rules, are
    yours. Every text is rendered as it would be when its alert fires: a shell that has eaten
    `$labels` leaves `{{ .name }}`, which Prometheus cannot render.
    """
    found = _stored(ctx, name)
    label = RULE.describe(name, ctx.namespace)
    edit = f"kubectl edit prometheusrule {name} -n {ctx.namespace}"
    answer = ctx.ask_prometheus({"groups": groups_of([found])})
    errors: Sequence[str] = answer["rule_errors"]
    loads = fact(
        "Prometheus can load the rules",
        not errors,
        reason=f"Prometheus refuses the rules: {'; '.join(errors)[:300]}",
        expected="rules without a mistake",
        actual="; ".join(errors)[:300] or "loaded",
        fix=edit,
        evidence=[Evidence(label, "spec.groups", "; ".join(errors)[:300])],
    )
    yield from grouped("Its alerts", (_alert(found, alert, label, edit) for alert in alerts))
    unrendered: Sequence[str] = answer.get("template_errors") or ()
    renders = fact(
        "its texts can be rendered",
        not unrendered and not errors,
        reason=f"A text cannot be rendered: {unrendered[0][:300]}"
        if unrendered
        else "Nothing is rendered as long as the rules cannot be loaded",
        expected="templates such as {{ $labels.name }}",
        actual="; ".join(unrendered)[:300] or "none rendered",
        fix=f"{edit}: write {{{{ $labels.name }}}}; quote the here-document's delimiter, <<'EOF'",
        evidence=[Evidence(label, "annotations", "; ".join(unrendered)[:300])],
    )
    yield from grouped("The rules load, and their texts render", (loads, renders))


def _stored(ctx: Context, name: str) -> Object:
    try:
        fix = f"Create the PrometheusRule {name}; step 5.5 has the manifest"
        return ctx.require(RULE, name, ctx.namespace, fix=fix)
    except Failure as error:
        if ctx.serves(RULE):
            raise
        raise Failure(
            "The API server knows no PrometheusRule",
            expected="the definitions of the Prometheus Operator",
            actual="no such kind",
            fix=CRD_HINT,
            evidence=error.evidence,
        ) from error


def _alert(found: Object, alert: Mapping[str, Any], label: str, edit: str) -> Fact:
    """State that one alert is there, with its severity and its time."""
    rules = [
        rule
        for group in dig(found, "spec.groups", [])
        for rule in group.get("rules") or ()
        if rule.get("alert") == alert["alert"]
    ]
    wanted = f"severity {alert['severity']}, for {alert['for']}"
    given = [
        (str(dig(rule, "labels.severity", "not set")), str(rule.get("for", "not set")))
        for rule in rules
    ]
    shown = "; ".join(f"severity {severity}, for {time}" for severity, time in given) or "absent"
    ok = any(
        severity == alert["severity"] and duration(time) == duration(str(alert["for"]))
        for severity, time in given
    )
    return fact(
        f"{alert['alert']} is there",
        ok,
        reason=f"{alert['alert']} has {shown} instead of {wanted}"
        if rules
        else f"There is no alert {alert['alert']}",
        expected=wanted,
        actual=shown,
        fix=f"{edit}: alert: {alert['alert']}, for: {alert['for']},"
        f" labels: {{severity: {alert['severity']}}}",
        evidence=[Evidence(label, str(alert["alert"]), shown)],
    )
