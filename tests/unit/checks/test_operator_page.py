"""What Prometheus sees of an operator: its own page where containers run, the lab's elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from labgrader.grading.context import Context
from labgrader.kube.protocols import Answer
from labgrader.kube.resources import (
    CRD,
    DEPLOYMENT,
    POD,
    REPLICA_SET,
    SERVICE,
    Object,
    Resource,
)
from labgrader.toolkit.prometheus.service_monitors import MONITOR
from tests.support.lab_checks import module

operator_page = module("_shared.operator_page")
Stage = operator_page.Stage
stage = operator_page.stage

CANNED = 'trading_algorithm_info{name="a",phase="Active"} 1\n'
PAGE = '# TYPE algo_ready gauge\nalgo_ready{algo="mine"} 1\n'
ALGORITHMS = {"group": "fintech.io", "version": "v1", "plural": "algorithms", "kind": "Algorithm"}


def owned(name: str, owner: str, **more: Any) -> Object:
    owners = [{"uid": owner, "controller": True}]
    return {"metadata": {"name": name, "uid": name, "ownerReferences": owners}, **more}


class Lab:
    """A cluster with an operator of one pod, as far as a stage asks for it."""

    namespace = "lab"

    def __init__(self, answers: dict[int, Answer], *, containers: bool = True) -> None:
        self.runs_containers = containers
        self.answers = answers
        template = {
            "containers": [
                {
                    "name": "manager",
                    "ports": [
                        {"name": "metrics", "containerPort": 8080},
                        {"name": "health", "containerPort": 8081},
                    ],
                }
            ]
        }
        self.endpoints: list[Object] = [{"port": "metrics"}]
        self.objects: dict[Resource, list[Object]] = {
            DEPLOYMENT: [
                {
                    "metadata": {"name": "operator", "uid": "d"},
                    "spec": {"template": {"spec": template}},
                }
            ],
            REPLICA_SET: [owned("r", "d")],
            POD: [owned("p", "r", status={"conditions": [{"type": "Ready", "status": "True"}]})],
            SERVICE: [
                {
                    "metadata": {"name": "svc", "labels": {"a": "b"}},
                    "spec": {
                        "ports": [
                            {"name": "metrics", "port": 80, "targetPort": "metrics"},
                            {"name": "health", "port": 81, "targetPort": "health"},
                        ]
                    },
                }
            ],
        }

    def list(self, resource: Resource, namespace: str) -> list[Object]:
        if resource == MONITOR:
            spec = {"selector": {"matchLabels": {"a": "b"}}, "endpoints": self.endpoints}
            return [{"metadata": {"name": "m", "namespace": "lab"}, "spec": spec}]
        return self.objects.get(resource, [])

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object | None:
        if resource == CRD:
            return None
        found = (one for one in self.objects[resource] if one["metadata"]["name"] == name)
        return next(found, None)

    def require(self, resource: Resource, name: str, namespace: str, *, fix: str = "") -> Object:
        return self.get(resource, name) or {}

    def list_live(self, resource: Resource) -> list[Object]:
        status = {"phase": "Active", "replicas": 2, "readyReplicas": 2}
        return [{"metadata": {"name": "mine"}, "status": status}]

    def http_get(self, kind: str, name: str, port: int, path: str) -> Answer:
        return self.answers.get(port, Answer(404, "not found"))

    def server_time(self) -> datetime:
        return datetime.now(UTC)

    def seen(self) -> Stage:
        return stage(cast("Context", self), "svc", "operator", CANNED, [8080, 8081], ALGORITHMS)


def test_the_page_that_is_there_is_judged() -> None:
    found = Lab({8080: Answer(200, PAGE)}).seen()
    assert (found.canned, found.why, found.page.told) == (False, "", ["mine"])
    assert [(one.labels["endpoint"], one.answers) for one in found.targets] == [("metrics", True)]


def test_the_labs_own_page_is_for_clusters_without_containers() -> None:
    found = Lab({}, containers=False).seen()
    assert (found.canned, found.page.told) == (True, ["a"])


def test_where_containers_run_no_page_is_made_up() -> None:
    assert "404" in Lab({}).seen().why
    assert "no metrics" in Lab({8080: Answer(200, "\n")}).seen().why
    assert "cannot be read" in Lab({8080: Answer(200, "<html>")}).seen().why
    assert "larger than" in Lab({8080: Answer(200, PAGE, cut=True)}).seen().why
    assert Lab({}).seen().page.series == []


def test_a_second_endpoint_without_metrics_is_a_target_that_is_down() -> None:
    lab = Lab({8080: Answer(200, PAGE), 8081: Answer(200, "ok")})
    lab.endpoints = [{"port": "health", "path": "/healthz"}, {"targetPort": 8080}]
    targets = {one.labels["endpoint"]: one.answers for one in lab.seen().targets}
    assert targets == {"health": False, "8080": True}
    lab.endpoints = [{"port": "health", "path": "/healthz"}]
    assert [one.answers for one in lab.seen().targets] == [True]  # service_monitor says it


def test_what_the_prometheus_operator_refuses_is_no_target() -> None:
    lab = Lab({8080: Answer(200, PAGE)})
    lab.endpoints = [{"port": "metrics", "interval": "10s", "scrapeTimeout": "1m"}]
    assert lab.seen().targets == []
