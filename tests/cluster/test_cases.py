"""Every check against right and wrong answers, on the real API server.

The same as ``labgrader author verify``, spread over the workers of the test run: each case is a
test, and the first test of a batch tries all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest

from labgrader.app.workbench import Choice, Workbench
from labgrader.author import case_result
from labgrader.author.case_runner import CaseRunner
from labgrader.author.cases import Case, load_cases
from labgrader.content.lab_folder import LabFolder
from labgrader.kube.client import Kube
from labgrader.paths import content_root
from tests.support.answers import Answers, selected
from tests.support.xdist_scheduler import case_group

PASTED = 5
"""Of one in so many failing cases, chosen by the run's seed, the fix is pasted as well."""

CASES = list(load_cases(LabFolder(content_root()).cases))

pytestmark = [pytest.mark.cluster]


@pytest.fixture(scope="module")
def runner(
    own_cluster: Path, kubeconfig: Path, kube: Kube, request: pytest.FixtureRequest
) -> Iterator[CaseRunner]:
    """A solved lab, shared by all cases of this worker, on a cluster of the lab's own."""
    seed = getattr(request.config.option, "randomly_seed", 0)
    bench = Workbench(Choice(kubeconfig=str(kubeconfig)))
    solved = CaseRunner(bench, lambda case: crc32(f"{seed} {case.name}".encode()) % PASTED == 0)
    solved.clear()
    assert not list(case_result.of_empty_cluster(solved.grade()))
    faults = case_result.of_solution(solved.solve())
    assert not [one for one in faults if one.text != "not judged (capability)"]
    yield solved
    solved.clear()


@pytest.fixture(scope="module")
def answers(runner: CaseRunner, request: pytest.FixtureRequest) -> Answers:
    """The cases of this session; those of one group come to the same worker."""
    groups: dict[int, list[Case]] = {}
    for case in selected(request):
        groups.setdefault(case_group(case.name), []).append(case)
    return Answers(runner, groups.values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, runner: CaseRunner, answers: Answers) -> None:
    """The named check says what the case expects, and only what depends on it suffers."""
    if lacks := runner.lacks(case):
        pytest.skip(lacks)
    found = answers.case_result(case)
    assert not found.faults, found
