"""Content: read as it is meant; when wrong, said with file, line and fix."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from labgrader.content import catalog, validation
from labgrader.content.check_files import load_checks
from labgrader.content.lab_folder import LabFolder
from labgrader.errors import Cause, CheckNotLoaded, ContentError, UsageError
from labgrader.paths import content_root
from labgrader.util.bounded_yaml import read_documents

LAB = "format: 1\nid: small\nversion: '1'\ntitle: Small\nnamespace: lab\npoints: 2\n"
TASK = """\
title: Task
story: Once upon a time
budget_seconds: 60
steps:
  - title: Step
    instructions: Do it
    criteria:
      - id: there
        check: exists
        title: It is there
        points: 2
        with: {name: x}
      - id: right
        check: exists
        title: It is right
        points: 3
        needs: [there]
        with: {name: y}
"""
CHECK = '''
from labgrader.api import check, fact

@check()
def exists(ctx, name, kind="Thing"):
    """Looks whether it exists."""
    yield fact("exists", True)
'''


@pytest.fixture
def content(tmp_path: Path) -> Path:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "checks").mkdir()
    (tmp_path / "tasks" / "lab.yaml").write_text(LAB)
    (tmp_path / "tasks" / "task1-x.yaml").write_text(TASK)
    (tmp_path / "checks" / "exists.py").write_text(CHECK)
    return tmp_path


def test_a_lab_is_read(content: Path) -> None:
    loaded = catalog.load(content)
    assert [c.id for c in loaded.lab.criteria()] == ["there", "right"]
    assert [c.step for c in loaded.lab.criteria()] == ["1.1", "1.1"]
    assert validation.points_per_task(loaded.lab) == {"task1": 5}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], ["there", "right"]),
        (["all"], ["there", "right"]),
        (["task1"], ["there", "right"]),
        (["task1.1"], ["there", "right"]),
        (["right"], ["right"]),
        (["right", "there"], ["there", "right"]),
    ],
)
def test_selection(content: Path, names: list[str], expected: list[str]) -> None:
    assert [c.id for c in catalog.load(content).select(names)] == expected


@pytest.mark.parametrize("name", ["task9", "task1.9", "nonsense", ""])
def test_selection_of_nothing(content: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no task, step or check"):
        catalog.load(content).select([name])


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("budget_seconds: 60\n", "", "task1-x.yaml:1: the file: 'budget_seconds' is a required"),
        ("points: 2", "points: two", "task1-x.yaml:11: steps.0.criteria.0.points"),
        ("title: Step", "title: [Step", "task1-x.yaml:6: not YAML"),
        ("id: right", "id: there", "the id there is used twice"),
        ("needs: [there]", "needs: [later]", "needs later, which no criterion before"),
        ("check: exists\n        title: It is r", "check: nope\n        title: It is r", "nope"),
        ("{name: y}", "{nam: y}", "unknown parameters ['nam'], missing ['name']"),
        ("steps:\n", "steps: none\nx:\n", "steps"),
    ],
)
def test_bad_tasks(content: Path, before: str, after: str, said: str) -> None:
    file = content / "tasks" / "task1-x.yaml"
    assert before in TASK
    file.write_text(TASK.replace(before, after))
    with pytest.raises(ContentError) as caught:
        catalog.load(content)
    assert said in str(caught.value), caught.value
    assert str(file) in str(caught.value)


def test_the_line_of_a_bad_reference_is_named(content: Path) -> None:
    (content / "tasks" / "task1-x.yaml").write_text(TASK.replace("[there]", "[later]"))
    with pytest.raises(ContentError, match=r"task1-x\.yaml:13:"):
        catalog.load(content)


@pytest.mark.parametrize(
    ("before", "line", "said"),
    [
        ("def broken(:\n", 1, "SyntaxError: invalid syntax"),
        ("\nimport not_there\n", 2, "ModuleNotFoundError: No module named 'not_there'"),
        ("1 / 0\n", 1, "ZeroDivisionError: division by zero"),
        ("raise SystemExit(0)\n", 1, "SystemExit: 0"),
        ("from ._shared.nowhere import x\n", 1, "No module named 'labgrader_labs."),
        ("from .exists import nothing\n", 1, "cannot import name 'nothing'"),
        ("from labgrader.grading import runner\n", 1, "it imports labgrader.grading, and a"),
        ("\nimport labgrader.grading.runner\n", 2, "it imports labgrader.grading.runner"),
        ("from labgrader import kube, api\n", 1, "it imports labgrader.kube"),
        ("def late():\n    from labgrader.cli import root\n", 2, "it imports labgrader.cli"),
    ],
)
def test_a_file_that_does_not_load_takes_away_its_own_checks_alone(
    content: Path, before: str, line: int, said: str
) -> None:
    other = CHECK.replace("def exists(", "def other(")
    (content / "checks" / "other.py").write_text(before + other)
    loaded = catalog.load(content)
    (fault,) = loaded.faults
    assert fault.startswith(f"{content / 'checks' / 'other.py'}:{line} cannot be loaded: ")
    assert said in fault
    assert "\n" not in fault
    assert set(loaded.checks) == {"exists"}, "nothing asks for the other one"

    task = content / "tasks" / "task1-x.yaml"
    task.write_text(TASK.replace("check: exists", "check: other", 1))
    stand_in = catalog.load(content).checks["other"]
    with pytest.raises(CheckNotLoaded, match=re.escape(said)) as caught:
        stand_in.judge(None, name="x")
    assert caught.value.cause is Cause.INTERNAL


def test_a_check_without_words(content: Path) -> None:
    text = CHECK.replace('    """Looks whether it exists."""\n', "")
    (content / "checks" / "exists.py").write_text(text)
    with pytest.raises(ContentError, match="no docstring"):
        catalog.load(content)


def test_check_files_share_and_two_labs_never_meet(tmp_path: Path) -> None:
    told = CHECK.replace("def exists(", "def told(")
    check = f"from ._shared.words import WORD\nfrom .exists import exists\n{told}"
    loaded = {}
    for lab in ("one-lab", "other lab"):
        folder = tmp_path / lab
        (folder / "_shared").mkdir(parents=True)
        (folder / "_shared" / "words.py").write_text(f"WORD = '{lab}'\n")
        (folder / "exists.py").write_text(CHECK)
        (folder / "told.py").write_text(check)
        loaded[lab] = load_checks(folder, lab)
    for lab, found in loaded.items():
        assert found.faults == ()
        checks = found.by_id()
        assert set(checks) == {"exists", "told"}, "what is imported is not declared again"
        judge = checks["told"].judge
        assert judge.__globals__["WORD"] == lab
        assert judge.__module__ == f"labgrader_labs.{re.sub('[- ]', '_', lab)}.checks.told"
    assert "checks" not in sys.modules


def test_a_check_declared_twice(content: Path) -> None:
    (content / "checks" / "again.py").write_text(CHECK)
    with pytest.raises(ContentError, match="already declared"):
        catalog.load(content)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"is no lab: there is no tasks/lab\.yaml"):
        catalog.load(tmp_path)


BOMB = "a: &a [x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content_bytes", "said"),
    [
        (BOMB.encode(), "more than 50 YAML aliases"),
        (b"x" * 2_000_001, "larger than 2 MB"),
        (b"\xff\xfe\x00", "no UTF-8"),
        (b"[" * 5000, "not"),
        (b"a: 2026-02-31\n", "no YAML"),
    ],
)
def test_hostile_files(content: Path, content_bytes: bytes, said: str) -> None:
    (content / "tasks" / "task1-x.yaml").write_bytes(content_bytes)
    with pytest.raises(ContentError, match=said):
        catalog.load(content)


class TestShippedContent:
    """The lab that ships keeps the rules that its users rely on."""

    @pytest.fixture
    def shipped(self) -> catalog.Catalog:
        return catalog.load(content_root())

    def test_the_schema_accepts_it(self) -> None:
        files = catalog.task_files(LabFolder(content_root()))
        assert files
        validation.explain(LabFolder(content_root()).manifest, files)

    def test_twenty_points_a_task(self, shipped: catalog.Catalog) -> None:
        assert set(validation.points_per_task(shipped.lab).values()) == {20}

    def test_every_check_is_used(self, shipped: catalog.Catalog) -> None:
        assert {c.check for c in shipped.lab.criteria()} == set(shipped.checks)

    def test_every_criterion_teaches(self, shipped: catalog.Catalog) -> None:
        for criterion in shipped.lab.criteria():
            assert len(criterion.hints) >= 2, criterion.id
            assert criterion.docs, criterion.id

    def test_errata_are_lessons_of_their_step(self, shipped: catalog.Catalog) -> None:
        for task in shipped.lab.tasks:
            for step in task.steps:
                known = {erratum.id for erratum in step.errata}
                used = {c.erratum for c in step.criteria if c.erratum}
                assert used <= known, step.id

    def test_every_task_has_a_solution_and_a_fault_for_the_demo(
        self, shipped: catalog.Catalog
    ) -> None:
        root = content_root()
        breaks = [
            entry for doc in read_documents(root / "solutions" / "breaks.yaml") for entry in doc
        ]
        ids = {criterion.id for criterion in shipped.lab.criteria()}
        assert {entry["caught_by"] for entry in breaks} <= ids
        for task in shipped.lab.tasks:
            number = task.id.removeprefix("task")
            assert list((root / "solutions" / f"task-{number}").glob("*.yaml")), task.id
            assert {c.id for c in task.criteria()} & {e["caught_by"] for e in breaks}, task.id
