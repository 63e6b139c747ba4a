"""The live map: fed by watches, which break, are refused, and appear later."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labgrader.content import catalog
from labgrader.errors import Forbidden, Unreachable
from labgrader.grading.temporary_objects import PREFIX
from labgrader.kube.resources import CONFIG_MAP, CRD, DEPLOYMENT, LEASE, POD
from labgrader.object_map import watcher
from labgrader.object_map.watcher import Map, MapWatcher, wanted
from labgrader.paths import content_root
from labgrader.report.map import as_text
from tests.support.lab_on_fake import ALGORITHM, NS, LabOnFake, algorithm, definition, owned

LAB = catalog.load(content_root()).lab
PATIENCE = 10.0


class Watching:
    """A live map in its thread; ``until`` waits for a map in which something holds."""

    def __init__(self, cluster: LabOnFake) -> None:
        self.cluster = cluster
        self.atlas = MapWatcher(cluster, LAB, content_root())
        self._maps: queue.SimpleQueue[Map] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self.atlas.run, args=(self._maps.put,))
        self._thread.start()

    def until(self, holds: Callable[[Map], bool]) -> Map:
        while True:
            drawn = self._maps.get(timeout=PATIENCE)
            if holds(drawn):
                return drawn

    def text(self, part: str) -> str:
        """Wait until the map says it, and return the whole."""
        return as_text(self.until(lambda drawn: part in as_text(drawn)))

    def end(self) -> None:
        self.atlas.close()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self.cluster.break_watches(None)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> LabOnFake:
    for name in ("RETRY_SECONDS", "ABSENT_SECONDS", "PACE_SECONDS"):
        monkeypatch.setattr(watcher, name, 0.05)
    made = LabOnFake(ALGORITHM)
    made.put(CRD, definition())
    return made


@pytest.fixture
def watching(cluster: LabOnFake) -> Iterator[Watching]:
    started = Watching(cluster)
    yield started
    started.end()


def test_what_is_looked_at_is_what_the_lab_makes_and_what_comes_along() -> None:
    looked = wanted(content_root())
    assert {one.namespace for one in looked} == {None, NS}
    assert all(one.name for one in looked if one.namespace is None)
    kinds = {one.kind for one in looked}
    assert {"TradingAlgorithm", "CronJob", "Lease", "Pod", "ReplicaSet", "EndpointSlice"} <= kinds
    assert "Secret" not in kinds
    assert len(looked) == len(set(looked))


def test_read_once_says_what_is_there(cluster: LabOnFake) -> None:
    stored = cluster.put(ALGORITHM, algorithm("momentum-trader-prod", phase="Running"), NS)
    child = owned("momentum-trader-prod-deployment", stored, "TradingAlgorithm")
    cluster.put(DEPLOYMENT, child, NS)
    cluster.put(POD, {"metadata": {"name": f"{PREFIX}x"}}, NS)
    drawn = MapWatcher(cluster, LAB, content_root()).read()
    text = as_text(drawn)
    assert not drawn.reading
    assert "TradingAlgorithm momentum-trader-prod: Running" in text
    assert "      └─ … Deployment momentum-trader-prod-deployment: Ready 0/1\n" in text
    assert PREFIX not in text


def test_read_once_raises_where_nobody_answers(cluster: LabOnFake) -> None:
    cluster.fault = lambda verb, plural: Unreachable("gone")
    with pytest.raises(Unreachable):
        MapWatcher(cluster, LAB, content_root()).read()


def test_changes_come_by_themselves(watching: Watching, cluster: LabOnFake) -> None:
    assert "nothing yet" in as_text(watching.until(lambda drawn: not drawn.reading))
    asked = len(cluster.calls)
    cluster.put(LEASE, {"metadata": {"name": "trading-operator-leader"}}, NS)
    watching.text("Lease trading-operator-leader: held by nobody")
    cluster.put(
        LEASE,
        {"metadata": {"name": "trading-operator-leader"}, "spec": {"holderIdentity": "me"}},
        NS,
    )
    watching.text("held by me")
    cluster.delete(LEASE, "trading-operator-leader", NS)
    watching.until(lambda drawn: "held by me" not in as_text(drawn))
    verbs = {verb for verb, plural, *_ in cluster.calls[asked:] if plural == "leases"}
    assert verbs <= {"delete"}, "what is watched is not asked for"


def test_a_lost_cluster_leaves_a_stale_map_and_comes_back(
    watching: Watching, cluster: LabOnFake
) -> None:
    cluster.put(CONFIG_MAP, {"metadata": {"name": "trading-operator-config"}}, NS)
    watching.text("ConfigMap trading-operator-config")
    cluster.fault = lambda verb, plural: Unreachable("the cable is out")
    cluster.break_watches(Unreachable("the cable is out"))
    stale = watching.until(lambda drawn: bool(drawn.lost))
    assert stale.lost == "the cable is out"
    assert "trading-operator-config" in as_text(stale)
    cluster.fault = lambda verb, plural: None
    cluster.put(CONFIG_MAP, {"metadata": {"name": "trading-operator-logging"}}, NS)
    fresh = watching.until(lambda drawn: not drawn.lost and "logging" in as_text(drawn))
    assert "trading-operator-config" in as_text(fresh)


def test_what_may_not_be_read_is_named_and_the_rest_is_shown(
    watching: Watching, cluster: LabOnFake
) -> None:
    watching.until(lambda drawn: not drawn.reading)
    cluster.fault = lambda verb, plural: Forbidden("no") if plural == "roles" else None
    cluster.break_watches(None)
    drawn = watching.until(lambda drawn: drawn.unseen == ("Role",))
    assert not drawn.lost
    assert "tradingalgorithms.fintech.io" in as_text(drawn)
    assert "? Role: you may not read these" in as_text(drawn)


def test_a_kind_that_is_served_later_is_seen(watching: Watching, cluster: LabOnFake) -> None:
    late = watcher.Wanted("monitoring.coreos.com/v1", "ServiceMonitor", NS)
    assert late in wanted(content_root())
    watching.until(lambda drawn: not drawn.reading)
    from labgrader.kube.resources import Resource

    monitor = Resource("monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor")
    cluster.kinds.append(monitor)
    cluster.put(monitor, {"metadata": {"name": "trading-operator-metrics"}}, NS)
    watching.text("ServiceMonitor trading-operator-metrics")


def test_an_object_that_cannot_be_understood_is_said_and_ends_nothing(
    watching: Watching, cluster: LabOnFake
) -> None:
    watching.until(lambda drawn: not drawn.reading)
    cluster.put(POD, {"metadata": {"name": "odd"}, "status": {"containerStatuses": 7}}, NS)
    drawn = watching.until(lambda drawn: bool(drawn.lost))
    assert "TypeError" in drawn.lost
    cluster.delete(POD, "odd", NS)
    watching.until(lambda drawn: not drawn.lost)


def test_content_without_a_list_of_what_it_makes_is_said(tmp_path: Path) -> None:
    from labgrader.errors import ContentError

    with pytest.raises(ContentError):
        wanted(tmp_path)
