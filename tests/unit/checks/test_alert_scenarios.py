"""Pages, scrapes and scenarios; and Prometheus' own code, asked from here."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

from labgrader.clusters import rule_evaluator
from labgrader.clusters.rule_evaluator import Prometheus
from labgrader.errors import LabError, MissingCapability, TimedOut
from labgrader.toolkit.prometheus.exposition import page_of, series_of
from labgrader.toolkit.prometheus.rules import groups_of
from labgrader.toolkit.prometheus.scrape import (
    ScrapeTarget,
    looks_into,
    path_of,
    ports_behind,
    reached_by,
    refusal,
    seconds_of,
)
from labgrader.toolkit.prometheus.series import Condition, Page
from tests.support.lab_checks import module

alert_scenarios = module("_shared.alert_scenarios")
DOWN = alert_scenarios.DOWN
HEALTHY = alert_scenarios.HEALTHY
WARM_UP = alert_scenarios.WARM_UP
Stage = alert_scenarios.Stage
fired = alert_scenarios.fired
outcomes_of = alert_scenarios.outcomes_of

PAGE = """\
# HELP trading_algorithm_info One for each resource.
# TYPE trading_algorithm_info gauge
trading_algorithm_info{name="a",namespace="n",phase="Error"} 1
trading_algorithm_info{name="b",namespace="n",phase="Active"} 1
trading_algorithm_replicas{name="a",namespace="n"} 3
trading_algorithm_ready_replicas{name="a",namespace="n"} 0
controller_runtime_reconcile_errors_total{controller="t"} 4
odd{text="a \\"quoted\\" \\\\ word"} 1
"""
TARGET = ScrapeTarget.usual("svc", "n", "metrics")
STATES = {"a": Condition("Error", 3, 0), "b": Condition("Active", 2, 2)}


def stage_of(page: str, states: dict[str, Condition] = STATES) -> Stage:
    """Return a stage with a page and the usual target."""
    return Stage(Page(series_of(page), states), [TARGET])


def page_in(stage: Stage, scenario: str, phase: int) -> list[Any]:
    """Return the operator's page in a phase of a scenario."""
    found = next(one for one in stage.scenarios(0.1) if one["name"] == scenario)
    return series_of(found["phases"][phase]["targets"][-1]["page"])


def test_a_page_survives_being_written_again() -> None:
    assert series_of(page_of(series_of(PAGE))) == series_of(PAGE)


@pytest.mark.parametrize("page", ["{", 'a{b="c} 1\n', "a b\n"])
def test_no_page_at_all(page: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are the library's
        series_of(page)


def test_healthy_means_healthy_whatever_is_the_case_now() -> None:
    page = page_in(stage_of(PAGE), HEALTHY, 0)
    assert {one.labels["phase"] for one in page if "phase" in one.labels} == {"Active"}
    (ready,) = [one for one in page if one.name == "trading_algorithm_ready_replicas"]
    assert ready.value == 3


def test_a_resource_falls_ill_and_recovers_not_always_the_same_and_not_in_one_way() -> None:
    stage = stage_of(PAGE)
    assert [(one.resource, one.phase) for one in stage.illnesses] == [
        ("a", "Error"),
        ("b", "Pending"),
    ]
    for ill in stage.illnesses:
        before, during, after = (page_in(stage, ill.scenario, at) for at in range(3))
        phases = {
            one.labels["name"]: one.labels["phase"] for one in during if "phase" in one.labels
        }
        assert phases == {"a": "Active", "b": "Active", ill.resource: ill.phase}
        assert before == after


MONITOR: dict[str, Any] = {
    "metadata": {"namespace": "n", "name": "m"},
    "spec": {"jobLabel": "team", "targetLabels": ["team", "absent"]},
}
SERVICE: dict[str, Any] = {
    "metadata": {"name": "svc", "labels": {"team": "desk"}},
    "spec": {"ports": [{"name": "metrics", "port": 80, "targetPort": "m"}, {"name": "x"}]},
}


POD: dict[str, Any] = {
    "containers": [
        {"name": "side"},
        {
            "name": "manager",
            "ports": [
                {"name": "m", "containerPort": 8080},
                {"name": "extra", "containerPort": 9000},
            ],
        },
    ]
}


def test_labels_that_a_service_monitor_gives() -> None:
    endpoint = {
        "port": "metrics",
        "honorLabels": True,
        "metricRelabelings": [{"sourceLabels": ["a"], "targetLabel": "b", "action": "Replace"}],
    }
    target = TARGET.following(MONITOR, endpoint, SERVICE)
    assert target.labels["job"] == target.labels["team"] == "desk"
    assert "absent" not in target.labels
    assert target.honor_labels
    assert target.relabel[0]["action"] == "replace"
    assert target.relabel[0]["regex"] == "(.*)"


def test_where_a_service_monitor_looks() -> None:
    assert looks_into(MONITOR, "n")
    assert not looks_into(MONITOR, "other")
    everywhere = {**MONITOR, "spec": {"namespaceSelector": {"any": True}}}
    assert looks_into(everywhere, "other")
    named = {**MONITOR, "spec": {"namespaceSelector": {"matchNames": ["other"]}}}
    assert not looks_into(named, "n")


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ({"port": "metrics"}, "m"),
        ({"targetPort": "m"}, "m"),
        ({"targetPort": 8080}, "m"),
        ({"targetPort": 9000}, "extra"),
        ({"port": "80"}, None),
        ({"targetPort": 80}, None),
        ({"targetPort": "metrics"}, None),
        ({"port": "x", "targetPort": "m"}, None),
    ],
)
def test_the_port_of_an_endpoint(endpoint: dict[str, Any], name: str | None) -> None:
    found = reached_by(endpoint, ports_behind(SERVICE, POD))
    assert [one.name for one in found] == ([name] if name else [])


def test_groups_of_several_rules_keep_apart() -> None:
    rule = {"spec": {"groups": [{"name": "g", "rules": [], "partialResponseStrategy": "x"}]}}
    assert [one["name"] for one in groups_of([rule, rule])["groups"]] == ["g 0 0", "g 1 0"]
    assert groups_of([{"spec": None}, {}]) == {"groups": []}


def built() -> bool:
    try:
        rule_evaluator.rules_binary()
    except LabError:
        return False
    return True


needs_judge = pytest.mark.skipif(not built(), reason="the judge of alerts is not built: make kube")


@needs_judge
def test_an_alert_fires_in_time_and_says_for_whom() -> None:
    rules = {
        "spec": {
            "groups": [
                {
                    "name": "g",
                    "rules": [
                        {"alert": "Down", "expr": 'up{job="svc"} == 0', "for": "5m"},
                        {
                            "alert": "Ill",
                            "expr": 'trading_algorithm_info{phase="Error"} == 1',
                            "for": "1m",
                        },
                    ],
                }
            ]
        }
    }
    stage = stage_of(PAGE)
    question = {"groups": groups_of([rules]), "scenarios": stage.scenarios(0.1)}
    outcomes = outcomes_of(Prometheus().evaluate(question, timeout=20))
    assert [one["from"] for one in fired(outcomes, DOWN, "Down")] == [WARM_UP + 300]
    (ill,) = fired(outcomes, stage.illnesses[0].scenario, "Ill")
    assert (ill["labels"]["name"], ill["labels"]["exported_namespace"]) == ("a", "n")
    assert ill["until"] > 0
    assert fired(outcomes, HEALTHY, "Ill") == []


@needs_judge
def test_an_answer_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Prometheus()
    first = judge.evaluate({"queries": ["up"]}, timeout=20)
    monkeypatch.setattr(rule_evaluator, "rules_binary", lambda: Path("/nowhere"))
    assert judge.evaluate({"queries": ["up"]}, timeout=20) is first


@needs_judge
def test_a_question_that_is_none_is_an_error_and_not_kept() -> None:
    judge = Prometheus()
    for _ in range(2):
        with pytest.raises(TimedOut, match="gave up"):
            judge.evaluate({"scenarios": [{"name": "x", "step": 0}]}, timeout=20)


def alert(expr: str, text: str) -> dict[str, Any]:
    """Return a rule of which nothing good is to be expected."""
    rule = {"alert": "A", "expr": expr, "for": "5m", "annotations": {"summary": text}}
    return {"groups": {"groups": [{"name": "g", "rules": [rule]}]}}


@needs_judge
@pytest.mark.parametrize(
    ("expr", "text"),
    [
        ("up == 0", "{{ range 1000000000 }}x{{ end }}"),
        (f"{'-' * 100_000}up == 0", "x"),
    ],
)
def test_what_explodes_is_ended(
    expr: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(TimedOut, match="did not answer"):
        Prometheus().evaluate(alert(expr, text), timeout=1)
    assert list(tmp_path.iterdir()) == [], "its files go with it"


def test_without_the_program_alerts_are_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Path:
        raise LabError("not built", "Run `make kube`")

    monkeypatch.setattr(rule_evaluator, "rules_binary", missing)
    with pytest.raises(MissingCapability, match="make kube"):
        Prometheus().evaluate({}, timeout=1)


def test_what_relabelings_see_and_leave() -> None:
    endpoint = {"port": "metrics", "path": "stats", "params": {"a": ["1"]}, "scheme": "HTTP"}
    service = {**SERVICE, "metadata": {"name": "svc", "labels": {"app.kubernetes.io/name": "x"}}}
    (port,) = reached_by(endpoint, ports_behind(service, POD))
    found = TARGET.following(MONITOR, endpoint, service, port)
    seen = found.discovered(endpoint, service, port)
    assert seen["__meta_kubernetes_service_label_app_kubernetes_io_name"] == "x"
    assert seen["__meta_kubernetes_pod_container_port_number"] == "8080"
    assert seen["__metrics_path__"] == "/stats"
    assert path_of(endpoint) == "/stats?a=1"
    left = found.relabelled({"__address__": "h:9", "job": "y", "__meta_x": "z", "gone": ""})
    assert left.labels == {"instance": "h:9", "job": "y"}


def test_an_endpoint_that_the_prometheus_operator_refuses() -> None:
    assert "longer than the interval" in refusal({"interval": "10s", "scrapeTimeout": "1m"})
    assert "longer than the interval" in refusal({"scrapeTimeout": "31s"})
    assert refusal({"interval": "1m30s", "scrapeTimeout": "90s"}) == ""
    assert [seconds_of(one) for one in ("1d", "1m30s", "x", "5")] == [86400, 90, None, None]


@pytest.mark.parametrize("port", ["(a+)+$", "x{1,9999999999}", "[", "a" * 500])
def test_a_port_that_is_meant_to_harm_fits_nothing(port: str) -> None:
    assert reached_by({"port": port}, ports_behind(SERVICE, POD)) == []


def test_a_page_is_shortened_to_what_the_rules_name() -> None:
    stage = stage_of(PAGE)
    assert len(page_in(stage.for_rules("trading_algorithm_info == 1"), HEALTHY, 0)) == 2
    for text in ('{job="svc"} == 1', '{__name__=~"trading.*"} == 1', "count({job='x'})"):
        assert len(page_in(stage.for_rules(text), HEALTHY, 0)) == len(series_of(PAGE))
