"""What the operator does for a resource, from its creation to its end."""

from __future__ import annotations

from typing import Any

import pytest

from labgrader.kube.resources import CRD, NAMESPACE, dig
from labgrader.kube.rest_mapper import RestMapper
from labgrader.paths import content_root
from labgrader.util.bounded_yaml import read_documents
from proxy import Proxy
from running import ALGORITHM, AUTOSCALER, DEPLOYMENT, PLATFORM, SERVICE, Lab, until

pytestmark = [pytest.mark.cluster]
SAMPLE = "sample-momentum-algo"
FINALIZER, HOLD = "fintech.io/trading-algorithm-cleanup", "lab.fintech.io/hold"


def finalizers(lab: Lab, name: str) -> list[str]:
    return list(dig(lab.get(ALGORITHM, name), "metadata.finalizers", []))


def test_makes_the_children_and_tells_the_truth(lab: Lab) -> None:
    operator = lab.start()
    resource = lab.becomes(SAMPLE, "Active")
    status = resource["status"]
    assert (status["replicas"], status["readyReplicas"]) == (2, 2)
    assert {c["type"]: c["status"] for c in status["conditions"]} == {
        "Ready": "True",
        "Progressing": "False",
    }
    assert status["lastReconciled"]
    assert resource["metadata"]["finalizers"] == [FINALIZER]
    for child in lab.children(SAMPLE):
        assert child
        (owner,) = child["metadata"]["ownerReferences"]
        assert owner["uid"] == resource["metadata"]["uid"]
        assert child["metadata"]["labels"]["fintech.io/instance"] == SAMPLE
        assert child["metadata"]["creationTimestamp"] >= resource["metadata"]["creationTimestamp"]
    until(lambda: ("Normal", "DeploymentCreated") in lab.events(SAMPLE))
    assert operator.ask("probes", "/healthz")[0] == 200
    assert operator.ask("probes", "/readyz")[0] == 200
    lab.patch(
        ALGORITHM, SAMPLE, {"status": {"totalTrades": 7, "dailyPnL": -1.5}}, subresource="status"
    )
    labels = f'{{name="{SAMPLE}",namespace="{PLATFORM}",strategy="momentum"}}'
    until(lambda: operator.metric(f"trading_algorithm_total_trades{labels}") == 7)
    assert operator.metric(f"trading_algorithm_daily_pnl{labels}") == -1.5
    assert operator.metric(f"trading_algorithm_ready_replicas{labels}") == 2
    assert operator.metric('leader_election_master_status{name="trading-operator-leader"}') == 1
    assert "kube_customresource_info{" in operator.ask("metrics", "/metrics")[1]


def test_changes_of_the_spec_reach_the_children(lab: Lab) -> None:
    lab.start()
    lab.becomes(SAMPLE, "Active")
    lab.patch(
        ALGORITHM,
        SAMPLE,
        {
            "spec": {
                "scalingPolicy": {"maxReplicas": 8, "targetCPUUtilization": 55},
                "marketData": {"symbols": None},
            }
        },
    )
    until(lambda: dig(lab.get(AUTOSCALER, f"{SAMPLE}-hpa"), "spec.maxReplicas") == 8)

    def names() -> set[str]:
        found: Any = lab.get(DEPLOYMENT, f"{SAMPLE}-deployment")
        return {e["name"] for e in found["spec"]["template"]["spec"]["containers"][0]["env"]}

    until(lambda: "SYMBOLS" not in names(), "what is wished no more goes")
    assert "STRATEGY" in names()


def test_what_others_break_is_put_right(lab: Lab) -> None:
    operator = lab.start()
    lab.becomes(SAMPLE, "Active")
    deployment = f"{SAMPLE}-deployment"
    image = "/spec/template/spec/containers/0/image"
    lab.patch(DEPLOYMENT, deployment, [{"op": "replace", "path": image, "value": "busybox:1"}])
    lab.patch(AUTOSCALER, f"{SAMPLE}-hpa", {"metadata": {"labels": None}})
    lab.delete(SERVICE, f"{SAMPLE}-service")

    def right() -> bool:
        made, service, hpa = lab.children(SAMPLE)
        containers = dig(made, "spec.template.spec.containers", [{}])
        labelled = dig(hpa, "metadata.labels", {}).get("fintech.io/instance") == SAMPLE
        return bool(containers[0]["image"] == "nginx:1.21" and service and labelled)

    until(right)
    operator.says(f"restored Deployment {deployment}")
    assert ("Normal", "DeploymentRestored") in until(lambda: lab.events(SAMPLE))


def test_the_count_is_the_autoscaler_s(lab: Lab) -> None:
    lab.start()
    lab.becomes(SAMPLE, "Active")
    deployment = f"{SAMPLE}-deployment"
    lab.patch(DEPLOYMENT, deployment, {"spec": {"replicas": 5}}, subresource="scale")
    until(lambda: dig(lab.get(ALGORITHM, SAMPLE), "status.readyReplicas") == 5)
    lab.patch(ALGORITHM, SAMPLE, {"spec": {"riskLimits": {"maxPositionSize": 2000}}})
    until(lambda: "2000" in str(dig(lab.get(DEPLOYMENT, deployment), "spec.template", {})))
    assert dig(lab.get(DEPLOYMENT, deployment), "spec.replicas") == 5


def test_the_count_survives_a_change_while_only_we_have_set_it(lab: Lab) -> None:
    lab.start()
    lab.becomes(SAMPLE, "Active")
    deployment = f"{SAMPLE}-deployment"
    lab.patch(ALGORITHM, SAMPLE, {"spec": {"riskLimits": {"maxPositionSize": 2000}}})
    until(lambda: "2000" in str(dig(lab.get(DEPLOYMENT, deployment), "spec.template", {})))
    assert dig(lab.get(DEPLOYMENT, deployment), "spec.replicas") == 2


def test_adopts_what_was_made_by_hand(lab: Lab) -> None:
    folder = content_root() / "solutions" / "task-4"
    for path in (*sorted(folder.glob("[12]0*")), *sorted(folder.glob("manual/*-children.yaml"))):
        for document in read_documents(path):
            resource = RestMapper(lab.kube).find(document["apiVersion"], document["kind"])
            assert resource
            lab.kube.create(resource, document, PLATFORM)
    lab.start()
    for name, low in (("momentum-trader-prod", 3), ("arbitrage-trader-prod", 5)):
        assert lab.becomes(name, "Active")["status"]["replicas"] == low
        assert all(dig(child, "metadata.ownerReferences") for child in lab.children(name))
        until(lambda name=name: ("Normal", "DeploymentAdopted") in lab.events(name))


def test_deletion_beside_somebody_else_s_finalizer(lab: Lab) -> None:
    operator = lab.start()
    lab.becomes(SAMPLE, "Active")
    lab.patch(ALGORITHM, SAMPLE, {"metadata": {"finalizers": [HOLD, FINALIZER]}})
    lab.delete(ALGORITHM, SAMPLE)
    until(lambda: finalizers(lab, SAMPLE) == [HOLD])
    assert lab.children(SAMPLE) == [None, None, None]
    operator.says("removed the finalizer")
    lab.patch(ALGORITHM, SAMPLE, {"metadata": {"finalizers": []}})
    until(lambda: lab.get(ALGORITHM, SAMPLE) is None)
    lab.make(SAMPLE)  # the same name again is somebody new
    lab.becomes(SAMPLE, "Active")


def test_it_lets_go_only_when_the_children_are_gone(lab: Lab) -> None:
    operator = lab.start()
    lab.becomes(SAMPLE, "Active")
    lab.patch(SERVICE, f"{SAMPLE}-service", {"metadata": {"finalizers": [HOLD]}})
    lab.delete(ALGORITHM, SAMPLE)
    until(lambda: lab.get(AUTOSCALER, f"{SAMPLE}-hpa") is None)
    operator.says(f"deleted Service {SAMPLE}-service")
    assert finalizers(lab, SAMPLE) == [FINALIZER]
    lab.patch(SERVICE, f"{SAMPLE}-service", {"metadata": {"finalizers": []}})
    until(lambda: lab.get(ALGORITHM, SAMPLE) is None)


def test_a_bad_resource_is_told_about_and_holds_up_nobody(lab: Lab) -> None:
    operator = lab.start()
    lab.make("bad", scalingPolicy={"minReplicas": 5, "maxReplicas": 2})
    too_long = "a" * 60  # a Service's name ends at 63 characters
    lab.make(too_long)
    bad = lab.becomes("bad", "Error")
    ready = {c["type"]: c for c in bad["status"]["conditions"]}["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "InvalidSpec")
    assert "minReplicas (5) is greater than maxReplicas (2)" in ready["message"]
    assert lab.children("bad") == [None, None, None]
    lab.becomes(too_long, "Error")
    until(lambda: ("Warning", "InvalidSpec") in lab.events("bad"))
    until(lambda: ("Warning", "ApplyFailed") in lab.events(too_long))
    lab.make("good")
    lab.becomes("good", "Active")
    lab.patch(ALGORITHM, "bad", {"spec": {"scalingPolicy": {"maxReplicas": 6}}})
    lab.becomes("bad", "Active")
    assert operator.process.poll() is None
    assert lab.events("bad").count(("Warning", "InvalidSpec")) == 1
    lab.delete(ALGORITHM, too_long)
    until(lambda: lab.get(ALGORITHM, too_long) is None)


def test_a_scaled_down_one_is_suspended(lab: Lab) -> None:
    lab.start()
    lab.becomes(SAMPLE, "Active")
    scale = {"spec": {"replicas": 0}}
    lab.patch(DEPLOYMENT, f"{SAMPLE}-deployment", scale, subresource="scale")
    lab.becomes(SAMPLE, "Suspended")


def test_nothing_is_written_while_nothing_changes(lab: Lab, proxy: Proxy) -> None:
    lab.make("bad", scalingPolicy={"minReplicas": 5, "maxReplicas": 2})
    operator = lab.start(proxy=proxy)
    lab.becomes(SAMPLE, "Active")
    lab.becomes("bad", "Error")
    lab.settled(proxy, operator)
    operator.end()
    proxy.writes.clear()
    again = lab.start(proxy=proxy)  # a new process has nothing to say either
    writes = lab.settled(proxy, again)
    assert all(write.endswith("/status") for write in writes)  # learns once what a schema drops
    assert len(writes) <= 2


def test_a_definition_without_status_costs_the_status_only(lab: Lab) -> None:
    """Erratum E3, as the lab was written."""
    remove = {"op": "remove", "path": "/spec/versions/0/subresources"}
    lab.kube.patch(CRD, "tradingalgorithms.fintech.io", [remove])
    operator = lab.start()
    operator.says("no status subresource")
    until(lambda: all(lab.children(SAMPLE)))
    lab.delete(ALGORITHM, SAMPLE)
    until(lambda: lab.get(ALGORITHM, SAMPLE) is None)


def test_the_definition_may_come_and_go(lab: Lab) -> None:
    operator = lab.start()
    lab.becomes(SAMPLE, "Active")
    lab.kube.delete(CRD, "tradingalgorithms.fintech.io")
    operator.says("waiting: the API server serves no TradingAlgorithm")
    assert operator.process.poll() is None
    lab.solve("task1")
    lab.becomes(SAMPLE, "Active")


def test_a_namespace_that_ends_is_not_held_up(lab: Lab) -> None:
    """Its rights end with it, so the operator lets go as soon as it notices."""
    lab.start()
    lab.becomes(SAMPLE, "Active")
    lab.kube.delete(NAMESPACE, PLATFORM)
    until(lambda: lab.kube.get(NAMESPACE, PLATFORM) is None)
    lab.solve("task1", "task2")
