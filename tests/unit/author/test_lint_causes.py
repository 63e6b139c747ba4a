"""`author lint` shows the cause first, and nothing that only follows from it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from labgrader.author.lint import lint
from labgrader.author.new_lab import new_lab
from labgrader.author.scaffold import new_check
from labgrader.cli import root as cli
from labgrader.errors import ExitCode
from labgrader.paths import content_root

TASK = "tasks/task1-greeting.yaml"
CHECK = "checks/greeting.py"
CASE = "tests/checks/greeting/equivalent-labelled.yaml"
DRILL = """\
title: Another greeting
caught_by: [greeting]
story: The application says something else.
hints: [Look, Type]
lesson: Read what is stored.
docs: [https://kubernetes.io/]
changes:
  - create: {apiVersion: v1, kind: ConfigMap, metadata: {name: greeting, namespace: hello}}
"""
CHECKLIST = """\
checklists:
  - {id: all, title: All, items: [{text: The greeting, criteria: [greeting]}]}
exam: [{domain: It, weight: 100, topics: [{text: It, criteria: [greeting]}]}]
pace: [{level: quick, minutes: [3, 5]}]
"""


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A lab that keeps every rule, with a drill and a second task that needs the first."""
    new_lab(tmp_path, "hello")
    root = tmp_path / "hello" / "labgrader_lab_hello"
    (root / "tasks" / "drills").mkdir()
    (root / "tasks" / "drills" / "other.yaml").write_text(DRILL)
    (root / "tasks" / "checklists.yaml").write_text(CHECKLIST)
    return root


def found(root: Path) -> list[tuple[str, str]]:
    """Return rule and file of each finding, in order."""
    return [(f.rule, f.path.relative_to(root).as_posix()) for f in lint(root)[0]]


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def test_the_lab_keeps_every_rule(lab: Path) -> None:
    assert lint(lab) == ([], [])


CAUSES = [
    ("yaml", TASK, "steps:", "steps: ["),
    ("form", TASK, "steps:", "stepps:"),
    ("form", TASK, "criteria:", "criterias:"),
    ("twice", TASK, "    criteria:", "    criteria: []\n    criteria:"),
    ("yaml", "tasks/lab.yaml", "points: 10", "points: [10"),
    ("form", "tasks/lab.yaml", "format: 1", "format: 2\nfrom_format_2: yes"),
    ("yaml", "solutions/reset.yaml", "- {task", "- {{task"),
    ("yaml", "solutions/breaks.yaml", "- title:", "- title: ["),
    ("yaml", "solutions/task-1/20-greeting.yaml", "data:", "data: ["),
    ("yaml", CASE, "title:", "title: ["),
    ("yaml", "tasks/checklists.yaml", "exam:", "exam: ["),
    ("yaml", "tasks/drills/other.yaml", "title:", "title: ["),
    ("loads", CHECK, "def greeting(", "def greeting(("),
    ("loads", CHECK, "@check()", "@chek()"),
    ("loads", CHECK, "NAMESPACE, Context", "NAMESPACE, Contexts, Context"),
]


@pytest.mark.parametrize(("rule", "file", "before", "after"), CAUSES)
def test_only_the_cause_is_found(lab: Path, rule: str, file: str, before: str, after: str) -> None:
    edit(lab / file, before, after)
    findings = found(lab)
    assert set(findings) == {(rule, file)}
    assert len(findings) == (2 if "stepps" in after else 1)  # unknown here, and missing there


@pytest.mark.parametrize("file", [TASK, "solutions/reset.yaml", "solutions/breaks.yaml"])
def test_a_file_that_is_not_there(lab: Path, file: str) -> None:
    (lab / file).unlink()
    findings = found(lab)
    if file != TASK:
        assert findings == [("file", file)]
    else:
        assert ("form", "tasks") in findings


def test_a_syntax_error_in_one_of_six_tasks(tmp_path: Path, lab: Path) -> None:
    """W60: once there were seven findings, six of them consequences."""
    shipped = content_root()
    root = tmp_path / "copy"
    for folder in ("checks", "tasks", "solutions", "tests/checks"):
        shutil.copytree(shipped / folder, root / folder)
    edit(root / "tasks" / "task1-crd.yaml", "title: Define", "title: [Define")
    assert found(root) == [("yaml", "tasks/task1-crd.yaml")]
    [note] = lint(root)[1]
    assert "task1-crd.yaml must be readable" in note


def test_what_does_not_rest_on_the_cause_is_found_after_it(lab: Path) -> None:
    edit(lab / "tasks" / "lab.yaml", 'title: "Hello"', "title: TODO")
    edit(lab / CASE, "expect: passed", "expect: passes")
    edit(lab / TASK, "steps:", "steps: [")
    assert found(lab) == [("yaml", TASK), ("words", "tasks/lab.yaml"), ("case", CASE)]


def test_a_check_that_no_file_can_hold_is_missing_all_the_same(lab: Path) -> None:
    edit(lab / TASK, "- id: greeting", "- id: greeting\n        check: farewell")
    edit(lab / CHECK, "@check()", "@chek()")
    assert found(lab) == [("loads", CHECK), ("check", TASK)]


@pytest.mark.parametrize(
    ("shared", "said"), [("def broken(:\n", "SyntaxError"), ("chek\n", "NameError: name 'chek'")]
)
def test_a_shared_file_is_named_once(lab: Path, shared: str, said: str) -> None:
    """Those that import it, also by another shared file, are not to blame."""
    folder = lab / "checks" / "_shared"
    folder.mkdir()
    (folder / "inner.py").write_text(shared)
    for name in ("one", "two"):
        new_check(lab, name)
        edit(
            lab / "checks" / f"{name}.py",
            "CONFIG_MAP =",
            "from ._shared import inner\n\nCONFIG_MAP =",
        )
    loads = [finding for finding in lint(lab)[0] if finding.rule == "loads"]
    assert [finding.path for finding in loads] == [folder / "inner.py"]
    assert said in loads[0].what
    (folder / "outer.py").write_text("from .inner import thing\n")
    edit(lab / CHECK, "@check()", "from ._shared.outer import thing\n\n\n@check()")
    syntax = [f for f in lint(lab)[0] if f.rule == "loads" and "SyntaxError" in f.what]
    assert {finding.path for finding in syntax} <= {folder / "inner.py"}


def test_a_shared_file_that_lacks_a_name_is_not_to_blame(lab: Path) -> None:
    (lab / "checks" / "_shared").mkdir()
    (lab / "checks" / "_shared" / "words.py").write_text("HELLO = 'Hello'\n")
    edit(lab / CHECK, "@check()", "from ._shared.words import HALLO\n\n\n@check()")
    assert found(lab) == [("loads", CHECK)]


def test_the_command_says_what_was_not_looked_at(
    lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(lab / TASK, "steps:", "steps: [")
    assert cli.run(["author", "lint", "--content", str(lab)]) == ExitCode.USAGE
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{lab / TASK}:")
    assert second.startswith("skipped: points, and names of criteria: task1-greeting.yaml")
    assert third.startswith("1 finding in ")
