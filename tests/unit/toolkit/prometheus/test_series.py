"""What the series of a page mean: operators that are not the lab's, and names that say nothing."""

from __future__ import annotations

import pytest

from labgrader.clusters import rule_evaluator
from labgrader.clusters.rule_evaluator import Prometheus
from labgrader.errors import LabError
from labgrader.toolkit.prometheus.exposition import declared_in, series_of
from labgrader.toolkit.prometheus.rules import groups_of
from labgrader.toolkit.prometheus.scrape import ScrapeTarget
from labgrader.toolkit.prometheus.series import Condition, Page, Role, is_counter
from tests.support.lab_checks import module

alert_scenarios = module("_shared.alert_scenarios")
FEW_ERRORS = alert_scenarios.FEW_ERRORS
HEALTHY = alert_scenarios.HEALTHY
MANY_ERRORS = alert_scenarios.MANY_ERRORS
OTHERS_DOWN = alert_scenarios.OTHERS_DOWN
VANISHED = alert_scenarios.VANISHED
Stage = alert_scenarios.Stage
fired = alert_scenarios.fired
outcomes_of = alert_scenarios.outcomes_of

STATES = {"one": Condition("Active", 3, 3), "two": Condition("Active", 5, 5)}
TARGET = ScrapeTarget.usual("svc", "n", "metrics")

OTHER_OPERATOR = """\
# HELP algo_state State of an algorithm.
# TYPE algo_state gauge
algo_state{algorithm="n/one",state="active"} 1
algo_state{algorithm="n/one",state="error"} 0
algo_state{algorithm="n/two",state="active"} 1
algo_state{algorithm="n/two",state="error"} 0
# TYPE algo_ready gauge
algo_ready{algorithm="n/one"} 1
algo_ready{algorithm="n/two"} 1
# TYPE algo_pods_ready gauge
algo_pods_ready{algorithm="n/one"} 3
algo_pods_ready{algorithm="n/two"} 5
# TYPE algo_pods_desired gauge
algo_pods_desired{algorithm="n/one"} 3
algo_pods_desired{algorithm="n/two"} 5
# TYPE algo_unavailable gauge
algo_unavailable{algorithm="n/one"} 0
algo_unavailable{algorithm="n/two"} 0
# TYPE algo_condition gauge
algo_condition{algorithm="n/one",type="Ready",status="true"} 1
algo_condition{algorithm="n/two",type="Ready",status="true"} 1
# TYPE algo_mystery gauge
algo_mystery{algorithm="n/one"} 1
algo_mystery{algorithm="n/two"} 1
# TYPE algo_pnl gauge
algo_pnl{algorithm="n/one"} 15.5
algo_pnl{algorithm="n/two"} -3
# TYPE algo_sync_failures counter
algo_sync_failures_total{algorithm="n/one"} 2
algo_sync_failures_total{algorithm="n/two"} 0
# TYPE algo_sync counter
algo_sync_total 200
# TYPE algo_webhook_errors counter
algo_webhook_errors_total 9
# TYPE workqueue_retries_total counter
workqueue_retries_total 4
# TYPE algo_late_errors counter
"""


def page(text: str = OTHER_OPERATOR, states: dict[str, Condition] = STATES) -> Page:
    series = series_of(text)
    return Page(series, states, ("Active", "Pending", "Error"), declared_in(text, series))


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("algo_state", Role.PHASE),
        ("algo_ready", Role.READY),
        ("algo_pods_ready", Role.READY_COUNT),
        ("algo_pods_desired", Role.FIXED),
        ("algo_unavailable", Role.UNREADY),
        ("algo_condition", Role.CONDITION),
        ("algo_mystery", Role.UNKNOWN),
        ("algo_pnl", Role.FIXED),
        ("algo_sync_failures_total", Role.ERRORS),
        ("algo_sync_total", Role.LOOKS),
        ("algo_webhook_errors_total", Role.FIXED),
        ("workqueue_retries_total", Role.FIXED),
    ],
)
def test_what_a_series_tells(name: str, role: Role) -> None:
    found = page()
    assert {found.role(one) for one in found.series if one.name == name} == {role}


def test_values_that_do_not_agree_with_the_word_are_not_believed() -> None:
    states = {"one": Condition("Error", 3, 0), "two": Condition("Active", 5, 5)}
    found = page('x_ready{algo="one"} 1\nx_ready{algo="two"} 1\n', states)
    assert {found.role(one) for one in found.series} == {Role.UNKNOWN}


def test_values_beside_the_status_tell_what_a_name_does_not() -> None:
    states = {"one": Condition("Pending", 3, 1), "two": Condition("Active", 5, 5)}
    found = page('x{algo="one"} 1\nx{algo="two"} 5\ny{algo="one"} 3\ny{algo="two"} 5\n', states)
    roles = {one.name: found.role(one) for one in found.series}
    assert roles == {"x": Role.READY_COUNT, "y": Role.FIXED}


def test_the_only_counter_of_errors_is_the_one_and_of_two_nobody_knows() -> None:
    one = page("# TYPE a counter\na_errors_total 1\n")
    assert [one.role(each) for each in one.series] == [Role.ERRORS]
    two = page("a_errors_total 1\nb_failures_total 1\n")
    assert [two.role(each) for each in two.series] == [Role.UNKNOWN, Role.UNKNOWN]


def test_a_metric_without_a_series_yet_is_known_and_has_no_meaning() -> None:
    found = page()
    assert found.unknown({"algo_late_errors", "algo_ready", "algo_mystery"}) == [
        "algo_late_errors",
        "algo_mystery",
    ]


def test_one_resource_is_ill_on_the_page() -> None:
    found = {
        (one.name, one.labels.get("state", one.labels.get("status", ""))): one.value
        for one in page().with_state({"two": "Pending"})
        if "two" in one.labels.get("algorithm", "")
    }
    assert found[("algo_state", "active")] == 0
    assert found[("algo_state", "pending")] == 1
    assert found[("algo_ready", "")] == 0
    assert found[("algo_pods_ready", "")] == 0
    assert found[("algo_unavailable", "")] == 1
    assert found[("algo_condition", "false")] == 1
    assert found[("algo_pods_desired", "")] == 5


def test_what_only_rises() -> None:
    text = "# TYPE a counter\na_total 1\n# TYPE b_total gauge\nb_total 1\nc_total 1\nd 1\n"
    assert [is_counter(one) for one in series_of(text)] == [True, False, True, False]


def built() -> bool:
    try:
        rule_evaluator.rules_binary()
    except LabError:
        return False
    return True


@pytest.mark.skipif(not built(), reason="the judge of alerts is not built: make kube")
def test_alerts_on_another_operators_series_are_judged_by_its_page() -> None:
    alerts = {
        "Good": 'algo_ready{algorithm=~".+"} == 0',
        "ByPhase": 'algo_state{state!="active"} == 1',
        "ByCount": "algo_pods_ready < algo_pods_desired",
        "OnePhase": 'algo_state{state="error"} == 1',
        "Nobody": "trading_algorithm_ready_replicas == 0",
        "Errors": "sum(rate(algo_sync_failures_total[5m])) > 0.1",
        "Down": 'absent(up{job="svc"} == 1)',
        "AnyDown": "up == 0 or absent(up)",
    }
    rules = [{"alert": name, "expr": expr, "for": "2m"} for name, expr in alerts.items()]
    stage = Stage(page(), [TARGET])
    question = {
        "groups": groups_of([{"spec": {"groups": [{"name": "g", "rules": rules}]}}]),
        "scenarios": stage.scenarios(0.1),
    }
    outcomes = outcomes_of(Prometheus().evaluate(question, timeout=20))
    rang = {name: {s for s in outcomes if fired(outcomes, s, name)} for name in alerts}
    error, pending = (one.scenario for one in stage.illnesses)
    for name in ("Good", "ByPhase", "ByCount"):
        assert rang[name] == {error, pending}
    assert rang["OnePhase"] == {error}
    assert rang["Nobody"] == set()
    assert rang["Errors"] == {MANY_ERRORS}
    assert FEW_ERRORS in outcomes
    assert rang["Down"] == {"down", VANISHED}
    assert rang["AnyDown"] == {"down", OTHERS_DOWN}
    assert outcomes[HEALTHY]["alerts"] == []
