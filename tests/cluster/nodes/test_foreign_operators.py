"""Operators that are not the lab's: right ones earn all points, wrong ones are told why not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from labgrader.app.workbench import Choice, Workbench
from labgrader.lab_state.reset import Reset
from labgrader.lab_state.solver import Solver
from labgrader.model.result import Outcome
from labgrader.paths import STATE_VARIABLE
from tests.support.foreign import Stage, behaviors, build
from tests.support.real_nodes import RealLab

pytestmark = [pytest.mark.cluster, pytest.mark.nodes]

MAKES = ("plain", "kopf")
SLOW = ("controller-runtime",)
"""Compiled from modules, which takes minutes the first time: outside CI."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Test every make with `--all-operators`."""
    if "make" in metafunc.fixturenames:
        everything = metafunc.config.getoption("--all-operators")
        metafunc.parametrize("make", [*MAKES, *(SLOW if everything else ())])


@pytest.fixture(scope="module")
def bench(real_lab: RealLab) -> Iterator[Workbench]:
    """A workbench on a real node with tasks 1 to 3 solved."""
    root = real_lab.provider.layout.root
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATE_VARIABLE, str(root.parent.parent))
        opened = Workbench(Choice(kubeconfig=str(real_lab.provider.kubeconfig())))
        assert opened.target.owned
    content = opened.catalog.lab.root
    solver = Solver(opened.cluster, content, lambda line: None, manual=False)
    for task in ("task1", "task2", "task3"):
        solver.solve(task)
    yield opened
    reset = Reset(opened.cluster, content, lambda line: None, grace_seconds=1)
    reset.run(include_unknown=True)
    opened.close()


def test_an_operator_is_judged_by_what_it_does(
    make: str, bench: Workbench, real_lab: RealLab, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """All in one go: cluster and image are shared. `--all-operators` tries the rest."""
    everything = request.config.getoption("--all-operators")
    chosen = [one for one in behaviors(make) if make in one.ci or everything]
    image, file = build(make, tmp_path)
    real_lab.provider.load_image(file)
    stage = Stage(bench, real_lab, image)
    wrong = {}
    for behavior in chosen:
        with stage.playing(behavior):
            if told := stage.judged(behavior):
                wrong[behavior.name] = told
            if (make, behavior.name) == ("plain", "right"):
                assert_movement_tells(stage)
    assert not wrong


def assert_movement_tells(stage: Stage) -> None:
    """A gauge whose name says nothing is judged by what it does as a resource becomes ready."""
    followed = stage.alerts("plain_a")
    assert followed.outcome is Outcome.PASSED, followed
    still = stage.alerts("plain_b")
    assert still.outcome is Outcome.FAILED, still
    assert "no metric that it names changes" in still.reason, still
    stage.bench.read_only = True
    try:
        untold = stage.alerts("plain_b")
    finally:
        stage.bench.read_only = False
    assert untold.outcome is Outcome.ERROR, untold
    assert "cannot be told" in untold.reason, untold
