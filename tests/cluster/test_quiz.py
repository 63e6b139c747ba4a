"""The quiz tells the truth: a real API server answers as the right option says, and no other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from labgrader.errors import LabError, Rejected, WebhookFailed
from labgrader.kube.client import Kube
from labgrader.kube.resources import Object, dig
from labgrader.kube.rest_mapper import RestMapper
from labgrader.kube.waiting import wait_until
from labgrader.lab_state import mutations
from labgrader.lab_state.solver import Solver
from labgrader.learning.quiz import load_quiz
from labgrader.learning.quiz_manifest import fits, judge_manifest
from labgrader.model.quiz import Kind, Mark, Question
from labgrader.paths import content_root
from tests.support.cleanup import wipe

pytestmark = pytest.mark.cluster

QUESTIONS = [q for concept in load_quiz(content_root()) for q in concept.questions]
ASKED = [q for q in QUESTIONS if q.kind is Kind.ANSWER]
MANIFESTS = [q for q in QUESTIONS if q.kind is Kind.MANIFEST]
SETTLES = 15.0
"""Seconds until the API server acts on roles and webhooks that were just stored."""


@pytest.fixture(scope="module")
def solved(kube: Kube) -> Iterator[Kube]:
    """A cluster with the namespace and the definition of task 1."""
    wipe(kube)
    Solver(kube, content_root(), lambda line: None).solve("task1")
    yield kube
    wipe(kube)


def ask(kube: Kube, verb: str, body: Object) -> Object | LabError:
    """Do what a proof asks, and return the answer.

    A creation is a real one: a dry run does not see everything, such as a `resourceVersion`.
    """
    resource = RestMapper(kube).find(body["apiVersion"], body["kind"])
    if resource is None:
        return Rejected(f'no matches for kind "{body["kind"]}"', status=404)
    namespace = body.get("namespace") or dig(body, "metadata.namespace")
    try:
        if verb == "create":
            created = kube.create(resource, body, namespace)
            if "metadata" in body:
                mutations.undo(kube, [{"create": body}])
            return created
        if verb == "patch":
            merge = body["merge"]
            return kube.patch(resource, body["name"], merge, namespace, dry_run=True)
        kube.delete(resource, body["name"], namespace)
        gone = Rejected("not found", status=404)
        return kube.get(resource, body["name"], namespace) or gone
    except (Rejected, WebhookFailed) as error:
        return error


@pytest.mark.parametrize("question", ASKED, ids=lambda question: question.id)
def test_the_cluster_answers_as_the_right_option_says(solved: Kube, question: Question) -> None:
    assert question.proof is not None
    ((verb, body),) = question.proof.ask.items()
    given = question.proof.given
    answers: list[Object | LabError] = []

    def as_said() -> bool:
        answers.append(ask(solved, verb, body))
        (right,) = (option.when for option in question.options if option.right)
        return right is not None and fits(right, answers[-1])

    try:
        mutations.apply(solved, given, question.id)
        assert wait_until(as_said, SETTLES), answers[-1]
        for option in question.options:
            assert option.when is not None
            assert option.right or not fits(option.when, answers[-1]), option.text
    finally:
        mutations.undo(solved, given)


@pytest.mark.parametrize("question", MANIFESTS, ids=lambda question: question.id)
def test_the_broken_manifest_is_wrong_and_the_solution_right(
    solved: Kube, question: Question
) -> None:
    broken = judge_manifest(question, question.manifest, solved)
    assert broken.mark is Mark.WRONG
    assert "The API server refuses it" in broken.reason
    assert judge_manifest(question, question.solution, solved).mark is Mark.RIGHT


@pytest.mark.parametrize(
    ("name", "old", "new", "mark"),
    [
        ("mend-a-definition", "minimum: 1", "minimum: 1, maximum: 9", Mark.RIGHT),
        (
            "mend-a-definition",
            "minimum: 1}",
            "x-kubernetes-validations: [{rule: self >= 1}]}",
            Mark.RIGHT,
        ),
        ("mend-a-definition", "integer, minimum: 1", "integer", Mark.WRONG),
        ("mend-a-definition", "scope: Namespaced", "scope: Cluster", Mark.WRONG),
        ("mend-a-deployment", "port: health", "port: 8081", Mark.RIGHT),
        ("mend-a-deployment", "replicas: 2", "replicas: 1", Mark.WRONG),
        ("mend-a-deployment", "path: /readyz", "path: /healthz", Mark.WRONG),
        ("mend-a-binding", "name: view", "name: edit", Mark.WRONG),
        ("mend-a-binding", "namespace: trading-platform", "namespace: default", Mark.WRONG),
        ("mend-a-cronjob", "0 2 * * *", "00 02 * * *", Mark.RIGHT),
        ("mend-a-cronjob", "0 2 * * *", "2 0 * * *", Mark.WRONG),
        ("mend-a-cronjob", "Forbid", "Replace", Mark.WRONG),
        ("mend-a-cronjob", "OnFailure", "Never", Mark.RIGHT),
        ("mend-a-service", "name: health, ", "name: probes, ", Mark.RIGHT),
        ("mend-a-service", "name: metrics", "name: figures", Mark.WRONG),
    ],
)
def test_other_answers(solved: Kube, name: str, old: str, new: str, mark: Mark) -> None:
    (question,) = (q for q in MANIFESTS if q.id == name)
    changed = question.solution.replace(old, new)
    assert changed != question.solution
    assert judge_manifest(question, changed, solved).mark is mark


def test_nothing_was_stored(solved: Kube) -> None:
    kinds = RestMapper(solved)
    for question in MANIFESTS:
        judge_manifest(question, question.solution, solved)
        sent = yaml.safe_load(question.solution)
        resource = kinds.find(sent["apiVersion"], sent["kind"])
        assert resource is not None
        namespace = dig(sent, "metadata.namespace")
        assert solved.get(resource, sent["metadata"]["name"], namespace) is None
