"""Batches of cases on a fake cluster: what one finds is told only after a single try."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from labgrader.app.workbench import Choice, Workbench
from labgrader.author import case_runner as runner_module
from labgrader.author import solved
from labgrader.author.case_result import CaseResult, FaultKind
from labgrader.author.case_runner import CaseRunner
from labgrader.author.verify import choose_cases
from labgrader.errors import Rejected
from labgrader.grading.services import CheckServices
from labgrader.grading.snapshot import Snapshot
from labgrader.kube.resources import CONFIG_MAP, Object, Resource
from labgrader.model.result import ClusterInfo
from tests.support.colors import CHECK, RIGHT, answer, write_lab
from tests.support.lab_on_fake import LabOnFake


class Patching(LabOnFake):
    """Knows JSON patches as well, of whole values."""

    def patch(
        self,
        resource: Resource,
        name: str,
        patch: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        namespace: str | None = None,
        **more: Any,
    ) -> Object:
        """Turn a JSON patch into a merge patch."""
        if isinstance(patch, Mapping):
            return super().patch(resource, name, patch, namespace, **more)
        merge: dict[str, Any] = {}
        for step in patch:
            *above, last = step["path"].strip("/").split("/")
            if above == ["nowhere"]:
                raise Rejected("there is no such place", status=422)
            inner = merge
            for part in above:
                inner = inner.setdefault(part, {})
            inner[last] = step.get("value")
        return super().patch(resource, name, merge, namespace, **more)


class Bench(Workbench):
    """The small lab on a fake cluster."""

    def __init__(self, content: Path) -> None:
        super().__init__(Choice(content=str(content)))
        self.fake = Patching()
        self.__dict__["cluster"] = self.fake

    def info(self, snapshot: Snapshot) -> ClusterInfo:
        """Name the fake."""
        return ClusterInfo("fake", "1", "fake")

    def capabilities(self, snapshot: Snapshot) -> frozenset[str]:
        """Offer nothing."""
        return frozenset()

    def _services(self) -> CheckServices:
        return CheckServices()

    @property
    def runs_containers(self) -> bool:
        return False


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (runner_module, solved):
        monkeypatch.setattr(module, "ECHO_SECONDS", 0.0)
    monkeypatch.setattr(solved, "ACT_SECONDS", 0.2)


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """The small lab: one wrong and one right answer for each of two checks."""
    write_lab(tmp_path)
    return tmp_path


def proved(lab: Path) -> tuple[Bench, dict[str, CaseResult], list[list[str]]]:
    """Try all cases; return the proofs by name, and the batches."""
    bench = Bench(lab)
    cases = choose_cases(bench, [])
    runner = CaseRunner(bench)
    runner.solve()
    batches = [[reach.case.name for reach in batch] for batch in runner.batches(cases)]
    return (
        bench,
        {case_result.case.name: case_result for case_result in runner.run_all(cases)},
        batches,
    )


def faults(found: Mapping[str, CaseResult]) -> Iterator[tuple[str, FaultKind]]:
    """Yield case and kind of each fault."""
    for name, case_result in found.items():
        for fault in case_result.faults:
            yield name, fault.kind


def colours(bench: Bench) -> list[str]:
    """Return what both ConfigMaps say in the end."""
    found = [bench.fake.get(CONFIG_MAP, name, "default") for name in ("one", "two")]
    return [one["data"]["colour"] for one in found if one]


def test_cases_of_two_checks_are_tried_together_and_none_is_repeated(lab: Path) -> None:
    bench, found, batches = proved(lab)
    assert batches == [
        ["one/equivalent-loud", "two/equivalent-loud"],
        ["one/fail-red", "two/fail-red"],
    ]
    assert not list(faults(found))
    assert not any(case_result.repeated for case_result in found.values())
    assert colours(bench) == ["blue", "blue"]


def test_a_miss_in_a_batch_is_found_by_the_single_try(lab: Path) -> None:
    (lab / "checks" / "colours.py").write_text(CHECK.replace("ONE", "True").replace("TWO", "name"))
    bench, found, _ = proved(lab)
    assert list(faults(found)) == [("one/fail-red", FaultKind.MISS)]
    assert found["one/fail-red"].repeated.startswith("passed instead of failed")
    assert not found["two/fail-red"].repeated
    assert colours(bench) == ["blue", "blue"]


THIRD = '''

@check()
def three(ctx, name):
    """Looks at the colour."""
    yield from judge(ctx, name, lambda colour: colour.lower() == "blue")
'''


def with_third(lab: Path, reads: str) -> None:
    """Add a criterion without cases of its own, which looks at the ConfigMap ``reads``."""
    task = lab / "tasks" / "task1-x.yaml"
    text = task.read_text()
    extra = text[text.index("      - id: two") :].replace("two", "three")
    extra = extra.replace("{name: three}", f"{{name: {reads}}}")
    extra, text = (
        extra.replace("points: 10", "points: 5"),
        text.replace("points: 10", "points: 5", 1),
    )
    task.write_text(text + extra)
    checks = lab / "checks" / "colours.py"
    checks.write_text(checks.read_text() + THIRD)


def test_whoever_hits_a_foreign_criterion_is_named_and_nobody_else(lab: Path) -> None:
    """The third check looks at what the cases of the first one change."""
    with_third(lab, reads="one")
    bench, found, batches = proved(lab)
    assert ["one/fail-red", "two/fail-red"] in batches
    assert list(faults(found)) == [("one/fail-red", FaultKind.OTHERS_HIT)]
    assert found["two/fail-red"].repeated  # in the batch it could have been either
    assert not found["two/fail-red"].faults
    assert colours(bench) == ["blue", "blue"]


def test_a_check_that_reads_what_another_case_changes_keeps_them_apart(lab: Path) -> None:
    """The second check looks at the first one's object: together, one would hide the other."""
    source = CHECK.replace("ONE", 'colour != "red"').replace("TWO", '"one"')
    (lab / "checks" / "colours.py").write_text(source)
    _, found, batches = proved(lab)
    assert [len(batch) for batch in batches] == [1, 1, 1, 1]
    assert set(faults(found)) == {
        ("one/fail-red", FaultKind.OTHERS_HIT),
        ("two/fail-red", FaultKind.MISS),
    }


def test_a_check_that_looks_elsewhere_only_when_something_is_wrong(lab: Path) -> None:
    """What it reads of the solution does not show it; what it reads of the answers does."""
    curious = f'{RIGHT} and True or bool(ctx.get(CONFIG_MAP, "two", "default")["data"] is None)'
    text = CHECK.replace("ONE", curious).replace("TWO", "name")
    (lab / "checks" / "colours.py").write_text(text)
    _, found, batches = proved(lab)
    assert ["one/fail-red", "two/fail-red"] in batches
    assert not list(faults(found))
    assert found["one/fail-red"].repeated == "one criterion reads what two of the cases change"


def test_what_cannot_be_brought_about_is_said_of_that_case_alone(lab: Path) -> None:
    path = lab / "tests" / "checks" / "one" / "fail-red.yaml"
    path.write_text(answer("one", "failed", "red").replace("/data/colour", "/nowhere/colour"))
    bench, found, _ = proved(lab)
    assert list(faults(found)) == [("one/fail-red", FaultKind.BROKEN_CASE)]
    assert found["two/fail-red"].found is not None
    assert colours(bench) == ["blue", "blue"]


def test_a_case_of_a_batch_counts_its_share_of_the_time(lab: Path) -> None:
    _, found, _ = proved(lab)
    assert found["one/fail-red"].seconds == found["two/fail-red"].seconds > 0
