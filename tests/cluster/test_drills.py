"""Every drill breaks a solved lab, is seen, and is gone after a reset; the command tells it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from labgrader.app.workbench import Choice, Workbench
from labgrader.author.case_runner import CaseRunner
from labgrader.cli import root
from labgrader.content.lab_folder import LabFolder
from labgrader.errors import ExitCode
from labgrader.kube.waiting import wait_until
from labgrader.lab_state import mutations
from labgrader.lab_state.restore import RestorePoint
from labgrader.learning.drills import load_drills
from labgrader.model.drill import Drill
from labgrader.model.result import Outcome
from labgrader.paths import content_root

pytestmark = [pytest.mark.cluster]

DRILLS = load_drills(content_root())


@pytest.fixture(scope="module")
def solved(own_cluster: Path, kubeconfig: Path) -> Iterator[Workbench]:
    bench = Workbench(Choice(kubeconfig=str(kubeconfig)))
    runner = CaseRunner(bench)
    runner.clear()
    runner.solve()
    yield bench
    runner.clear()
    bench.close()


@pytest.fixture
def broken(solved: Workbench, request: pytest.FixtureRequest) -> Iterator[Drill]:
    drill: Drill = request.param
    cluster = solved.cluster
    baseline = RestorePoint(cluster, list(mutations.touched(cluster, drill.changes)))
    assert outcomes(solved, drill) == {Outcome.PASSED}, "it is not healthy before"
    mutations.apply(cluster, drill.changes, drill.name)
    yield drill
    mutations.undo(cluster, drill.changes)
    baseline.restore()
    assert wait_until(lambda: outcomes(solved, drill) == {Outcome.PASSED}, 20)


def outcomes(bench: Workbench, drill: Drill) -> set[Outcome]:
    report = bench.grade(bench.catalog.select(drill.caught_by), lambda event: None)
    return {check.outcome for check in report.checks}


@pytest.mark.parametrize("broken", DRILLS, indirect=True, ids=lambda drill: drill.name)
def test_a_drill_breaks_what_it_says(solved: Workbench, broken: Drill) -> None:
    assert wait_until(lambda: outcomes(solved, broken) == {Outcome.FAILED}, 20)


def test_there_are_the_text_s_three_and_nine_more() -> None:
    assert len(DRILLS) >= 12
    assert {"resource-refused", "permission-denied", "nothing-reconciles"} <= {
        drill.name for drill in DRILLS
    }
    assert len(LabFolder(content_root()).drill_files) == len(DRILLS)


def test_the_command_begins_a_drill_gives_hints_and_says_when_it_is_over(
    solved: Workbench,
    kubeconfig: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    cluster = solved.cluster
    drill = next(one for one in DRILLS if one.name == "no-endpoints")
    baseline = RestorePoint(cluster, list(mutations.touched(cluster, drill.changes)))

    assert root.run(["drill", "start", drill.name, "--yes"]) == ExitCode.OK
    out = capsys.readouterr().out
    assert drill.title in out
    assert "labgrader check operator_service" in out
    assert drill.hints[0] not in out

    assert wait_until(lambda: outcomes(solved, drill) == {Outcome.FAILED}, 20)
    assert root.run(["drill", drill.name, "--level", "1"]) == ExitCode.FAILED
    out = capsys.readouterr().out
    assert drill.hints[0] in out
    assert drill.hints[1] not in out
    assert "Not healthy yet: operator_service" in out

    assert root.run(["drill", "start", drill.name, "--yes"]) == ExitCode.USAGE
    assert "not ready for this drill" in capsys.readouterr().err

    baseline.restore()
    assert wait_until(lambda: outcomes(solved, drill) == {Outcome.PASSED}, 20)
    assert root.run(["drill", drill.name]) == ExitCode.OK
    assert "Healthy: operator_service" in capsys.readouterr().out


def test_a_drill_needs_consent_on_somebody_else_s_cluster(
    solved: Workbench, kubeconfig: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = tmp_path / "kubeconfig"
    foreign.write_text(kubeconfig.read_text())
    code = root.run(["drill", "start", "no-endpoints", "--kubeconfig", str(foreign)])
    assert code != ExitCode.OK
    assert outcomes(solved, next(one for one in DRILLS if one.name == "no-endpoints")) == {
        Outcome.PASSED
    }
    assert capsys.readouterr().err


def test_unknown_drills_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert root.run(["drill", "start", "nonsense"]) == ExitCode.USAGE
    assert "no-endpoints" in capsys.readouterr().err
