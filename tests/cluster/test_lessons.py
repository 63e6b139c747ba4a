"""The lessons are measured on a real API server, come out as they say, and leave nothing."""

from __future__ import annotations

import pytest

from labgrader.cli import root
from labgrader.errors import ExitCode
from labgrader.kube.client import Kube
from labgrader.kube.resources import CONFIG_MAP, CRD, NAMESPACE, name_of
from labgrader.lab_state.solver import Solver
from labgrader.learning import measurements
from labgrader.learning.measurements import MEASUREMENTS, Row
from labgrader.paths import content_root
from labgrader.util.bounded_yaml import read_documents

pytestmark = [pytest.mark.cluster]

WHERE = "trading-platform"


@pytest.fixture
def rows(clean_lab: Kube, request: pytest.FixtureRequest) -> list[Row]:
    Solver(clean_lab, content_root(), lambda line: None).solve("task1")
    before = {name_of(one) for one in clean_lab.list(CONFIG_MAP, WHERE) or []}
    found = list(MEASUREMENTS[request.param](clean_lab, WHERE))
    assert {name_of(one) for one in clean_lab.list(CONFIG_MAP, WHERE) or []} == before
    assert not [one for one in clean_lab.list(CRD) or [] if measurements.GROUP in name_of(one)]
    return found


@pytest.mark.parametrize("rows", ["workers"], indirect=True)
def test_every_number_of_workers_does_the_same_work(rows: list[Row]) -> None:
    assert [row.requests for row in rows] == [measurements.WRITES] * 3


@pytest.mark.parametrize("rows", ["cache"], indirect=True)
def test_a_copy_takes_one_request(rows: list[Row]) -> None:
    asked, copied = rows
    assert (asked.requests, copied.requests) == (measurements.READS, 1)


@pytest.mark.parametrize("rows", ["watching"], indirect=True)
def test_a_watch_brings_the_change_and_no_more(rows: list[Row]) -> None:
    polled, watched = rows
    assert (polled.requests, watched.requests) == (measurements.ROUNDS, 1)
    assert 0 < watched.kilobytes < polled.kilobytes / 5


@pytest.mark.parametrize("rows", ["selecting"], indirect=True)
def test_the_server_picks_the_same_and_sends_less(rows: list[Row]) -> None:
    everything, picked = rows
    assert "6 picked" in everything.what
    assert picked.what.endswith("picks 6")
    assert 0 < picked.kilobytes < everything.kilobytes / 3


def test_each_lesson_has_a_measurement_and_each_measurement_a_lesson() -> None:
    files = sorted((content_root() / "tasks" / "lessons").glob("*.yaml"))
    named = [document["measure"] for path in files for document in read_documents(path)]
    assert sorted(named) == sorted(MEASUREMENTS)


def test_the_command(
    clean_lab: Kube, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")  # to read a lesson takes no cluster
    assert root.run(["lesson"]) == ExitCode.OK
    assert "workers: How many workers?" in capsys.readouterr().out
    assert root.run(["lesson", "cache"]) == ExitCode.OK
    assert "--measure" in capsys.readouterr().out
    assert root.run(["lesson", "nonsense"]) == ExitCode.USAGE
    assert clean_lab.get(NAMESPACE, WHERE) is None


def test_measuring_asks_before_it_writes_to_somebody_else_s_cluster(
    kubeconfig: str, tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = f"{tmp_path}/kubeconfig"
    with open(kubeconfig) as own, open(foreign, "w") as copy:  # noqa: PTH123
        copy.write(own.read())
    code = root.run(["lesson", "select", "--measure", "--kubeconfig", foreign])
    assert code == ExitCode.USAGE
    assert "will not make a few objects" in capsys.readouterr().err
