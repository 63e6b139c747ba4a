"""The lab where containers run: its whole story, and answers that show themselves only there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from labgrader.author import proof
from labgrader.author.ground import Ground
from labgrader.author.verify import cases_folder
from labgrader.engine.cases import Case, load_cases
from labgrader.model.errors import ExitCode
from labgrader.paths import STATE_VARIABLE, content_root
from labgrader.workbench import Choice, Workbench
from nodes_support import RealLab

CASES = [case for case in load_cases(cases_folder(content_root())) if case.containers]

pytestmark = [pytest.mark.cluster, pytest.mark.nodes]


@pytest.fixture(scope="module")
def ground(real_lab: RealLab) -> Iterator[Ground]:
    """A solved lab on a real node, with the reference operator at work in a pod."""
    root = real_lab.provider.layout.root
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATE_VARIABLE, str(root.parent.parent))
        workbench = Workbench(Choice(kubeconfig=str(real_lab.provider.kubeconfig())))
        assert workbench.target.owned
    solved = Ground(workbench)
    solved.clear()
    assert not list(proof.of_empty_cluster(solved.grade()))
    assert not list(proof.of_solution(solved.solve()))
    yield solved
    solved.clear()
    workbench.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, ground: Ground) -> None:
    """The named check says what the case expects, and only what depends on it suffers."""
    assert not ground.lacks(case)
    found = ground.prove(case)
    assert not found.faults, found


def test_the_demo_tells_the_whole_story_on_a_real_node(real_lab: RealLab) -> None:
    """On a cluster of its own; nothing is withheld there."""
    del real_lab  # these tests take turns, and are skipped together
    command = [sys.executable, "-m", "labgrader", "demo", "--nodes", "real"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.OK, done.stdout + done.stderr
    assert "not judged here" not in done.stdout
    assert "80 of 80 points" in done.stdout
