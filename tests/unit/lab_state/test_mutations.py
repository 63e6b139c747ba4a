"""Changes as content writes them, where a controller works against them. No cluster."""

from __future__ import annotations

from typing import Any

import pytest

from labgrader.errors import LabError
from labgrader.kube.resources import LEASE, Object, Resource
from labgrader.lab_state import mutations
from tests.support.fake_cluster import FakeCluster
from tests.support.lab_on_fake import LabOnFake

TYPED: Object = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {"name": "leader", "namespace": "x"},
    "spec": {"holderIdentity": "me"},
}


class Busy(LabOnFake):
    """Creates the Lease again as often as ``times`` says, right after it was deleted."""

    _again = False

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times
        self.create(LEASE, {**TYPED, "spec": {"holderIdentity": "operator"}}, "x")

    def delete(self, resource: Resource, name: str, *more: Any, **options: Any) -> bool:
        """Delete it; what watches it is quicker than whoever deleted it."""
        gone = super().delete(resource, name, *more, **options)
        self._again = self.times > 0
        return gone

    def create(self, resource: Resource, body: Object, *more: Any, **options: Any) -> Object:
        """Create it, unless the operator was quicker."""
        if self._again:
            self._again, self.times = False, self.times - 1
            FakeCluster.create(self, resource, {**TYPED, "spec": {}}, "x")
        return super().create(resource, body, *more, **options)


def test_what_an_operator_creates_again_is_replaced_all_the_same() -> None:
    cluster = Busy(times=3)
    mutations.apply(cluster, [{"replace": TYPED}], "here")
    found = cluster.get(LEASE, "leader", "x")
    assert found
    assert found["spec"] == {"holderIdentity": "me"}


def test_what_is_created_again_each_time_cannot_be_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mutations, "GONE_SECONDS", 0.2)
    with pytest.raises(LabError, match="cannot be replaced: something creates it again"):
        mutations.apply(Busy(times=1000), [{"replace": TYPED}], "here")
