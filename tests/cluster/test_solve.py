"""Solutions on a lab that is still on its way out."""

from __future__ import annotations

import pytest

from labgrader.cluster.kube import Kube
from labgrader.engine.solve import Solver
from labgrader.model.errors import LabError
from labgrader.model.resource import CRD, Resource
from labgrader.paths import content_root

pytestmark = [pytest.mark.cluster]

ALGORITHM = Resource("fintech.io", "v1", "tradingalgorithms", "TradingAlgorithm")
DEFINITION = "tradingalgorithms.fintech.io"
SAMPLE, PLATFORM = "sample-momentum-algo", "trading-platform"
HOLD = {"metadata": {"finalizers": ["lab.fintech.io/hold"]}}
LET_GO = {"metadata": {"finalizers": None}}


def held(kube: Kube) -> str:
    """Solve task 1, then delete its definition while its sample holds on; return the old uid."""
    Solver(kube, content_root(), lambda line: None).solve("task1")
    kube.patch(ALGORITHM, SAMPLE, HOLD, PLATFORM)
    uid: str = (kube.get(CRD, DEFINITION) or {})["metadata"]["uid"]
    kube.delete(CRD, DEFINITION)
    return uid


def test_a_solution_waits_for_what_is_being_deleted(clean_lab: Kube) -> None:
    old = held(clean_lab)
    said: list[str] = []

    def told(line: str) -> None:
        said.append(line)
        if len(said) == 1:
            clean_lab.patch(ALGORITHM, SAMPLE, LET_GO, PLATFORM)

    Solver(clean_lab, content_root(), told).solve("task1")
    assert said[0] == (
        f"task1: CustomResourceDefinition {DEFINITION} is being deleted; waiting until it is gone"
    )
    definition = clean_lab.get(CRD, DEFINITION)
    assert definition is not None
    assert definition["metadata"]["uid"] != old
    assert clean_lab.get(ALGORITHM, SAMPLE, PLATFORM) is not None


def test_a_solution_says_what_does_not_go(clean_lab: Kube) -> None:
    held(clean_lab)
    with pytest.raises(LabError, match="is being deleted and does not go") as caught:
        Solver(clean_lab, content_root(), lambda line: None, patience=0.2).solve("task1")
    assert DEFINITION in caught.value.message
    clean_lab.patch(ALGORITHM, SAMPLE, LET_GO, PLATFORM)
