"""`labgrader author lint`: every rule finds what it is there for, with file and line."""

from __future__ import annotations

import functools
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from labgrader.author import content as contents
from labgrader.author import reading
from labgrader.author.lint import lint
from labgrader.cli import root as cli
from labgrader.errors import ExitCode
from labgrader.paths import content_root

SHIPPED = content_root()
DOCS = SHIPPED / "docs" / "writing-a-check.md"
TASK = "tasks/task1-crd.yaml"
CASE = "tests/checks/sample_resource/fail-limit.yaml"
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@pytest.fixture(scope="module", autouse=True)
def _the_same_text_is_parsed_once() -> Iterator[None]:
    """Most files are the same in all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_parse", functools.cache(reading._parse))
        yield


@pytest.fixture
def content(first_task: Path, tmp_path: Path) -> Path:
    """A copy of the first task, which keeps all rules."""
    return shutil.copytree(first_task, tmp_path / "content")


@pytest.fixture(scope="module")
def first_task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped content without what belongs to the later tasks."""
    root = tmp_path_factory.mktemp("first_task")
    for folder in ("checks", "tasks", "solutions", "tests/checks"):
        shutil.copytree(SHIPPED / folder, root / folder)
    for path in root.glob("tasks/task[2-9]*"):
        path.unlink()
    manifest = root / "tasks" / "lab.yaml"
    manifest.write_text(manifest.read_text().replace("points: 100", "points: 20"))
    (root / "tasks" / "checklists.yaml").unlink()  # it is about all tasks
    shutil.rmtree(root / "tasks" / "drills")  # so are these
    ids = {c["id"] for step in _task(root)["steps"] for c in step.get("criteria", ())}
    used = {c.get("check", c["id"]) for s in _task(root)["steps"] for c in s["criteria"]}
    for path in (root / "tests" / "checks").iterdir():
        if path.name not in ids:
            shutil.rmtree(path)
    for path in root.glob("tests/checks/*/*.yaml"):
        path.write_text(
            re.sub(
                r"^also: \[(.*)\]$", lambda m: _only(m, ids), path.read_text(), flags=re.MULTILINE
            )
        )
    for path in (root / "solutions").glob("task-[2-9]*"):
        shutil.rmtree(path)
    for name, key, kept in (("reset", "task", {"task1"}), ("breaks", "caught_by", ids)):
        file = root / "solutions" / f"{name}.yaml"
        entries = [e for e in yaml.load(file.read_text(), Loader) if e[key] in kept]
        file.write_text(yaml.safe_dump(entries))
    for path in (root / "checks").glob("*.py"):
        declared = set(re.findall(r"@check\(.*\)\ndef (\w+)", path.read_text()))
        if not declared & used:
            path.unlink()
    return root


def _only(also: re.Match[str], ids: set[str]) -> str:
    """Leave out what later tasks have."""
    kept = [name for name in also[1].split(", ") if name in ids]
    return f"also: [{', '.join(kept)}]"


def _task(root: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.load((root / TASK).read_text(), Loader)
    return data


def found(root: Path) -> list[tuple[str, str, int, str]]:
    """Return rule, file, line and words of each finding."""
    return [(f.rule, f.path.relative_to(root).as_posix(), f.line, f.what) for f in lint(root)[0]]


def test_the_shipped_lab_keeps_every_rule() -> None:
    findings, skipped = lint(SHIPPED)
    assert [str(finding) for finding in findings] == []
    assert skipped == []


def test_the_copy_keeps_every_rule(content: Path) -> None:
    assert found(content) == []


def test_every_file_is_read_once(content: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    def documents(path: Path) -> Any:
        read.append(path)
        return reading.documents(path)

    monkeypatch.setattr(contents, "documents", documents)
    assert found(content) == []
    assert len(read) == len(set(read))
    assert content / TASK in read


EDITS = [
    ("form", TASK, "budget_seconds: 360", "budget_secs: 360", "unknown field budget_secs"),
    ("form", TASK, "points: 2\n", "points: two\n", "'two' is not of type"),
    ("form", "tasks/lab.yaml", "title:", "titel:", "unknown field titel"),
    ("form", "tasks/lab.yaml", '">=0.1"', '"0.1 or so"', "not a version specifier"),
    ("twice", TASK, "budget_seconds: 360", "budget_seconds: 360\ntitle: again", "key title"),
    ("yaml", TASK, "title: Define", "title: [Define", "expected"),
    (
        "points",
        "tasks/lab.yaml",
        "points: 20\n",
        "points: 21\n",
        "make 20, and the manifest says 21",
    ),
    ("budget", TASK, "budget_seconds: 360", "budget_seconds: 6", "6 seconds"),
    ("words", TASK, "title: Define", "title: TODO", "TODO"),
    ("words", TASK, "title: Define the TradingAlgorithm API", "title: '  '", "blank"),
    ("ids", TASK, "id: sample_resource", "id: namespace_active", "used already"),
    ("needs", TASK, "needs: [crd_established]", "needs: [later]", "needs later"),
    ("check", TASK, "check: namespace_active", "check: nowhere", "does not exist"),
    ("orphan", TASK, "check: namespace_active", "check: nowhere", "no criterion uses"),
    ("parameters", TASK, "with: {name: trading-platform}", "with: {nam: x}", "unknown nam"),
    ("parameters", TASK, "with: {name: trading-platform}", "with: {nam: x}", "name is missing"),
    (
        "hints",
        TASK,
        "          - Namespaces are created with one short command.\n",
        "",
        "has 1 hint",
    ),
    ("docs", TASK, "docs: [https://", "docs: [http://", "no https:// link"),
    ("errata", TASK, "erratum: E3", "erratum: E99", "names the erratum E99"),
    (
        "docstring",
        "checks/namespace_active.py",
        '    """Looks at the',
        '    x = """',
        "no docstring",
    ),
    ("loads", "checks/namespace_active.py", "@check()", "@chek()", "NameError"),
    ("loads", "checks/namespace_active.py", "@check()", "@check(", "SyntaxError"),
    ("case", CASE, "expect: failed", "expect: fail", "expect is one of"),
    ("case", CASE, "reason:", "reasons:", "unknown field reasons"),
    ("case", CASE, "  - patch:", "  - patsch:", "unknown change patsch"),
    ("case", CASE, "      kind: TradingAlgorithm\n", "", "patch needs kind"),
    ("case", CASE, "expect: failed", "expect: failed\nalso: [nothing]", "no other criterion"),
    ("case", CASE, "expect: failed", "expect: passed\nalso: [crd_columns]", "means nothing"),
    ("reset", "solutions/reset.yaml", "kind: Namespace", "kind: Nothing", "is never reset"),
    ("reset", "solutions/reset.yaml", "task: task1", "task: task8", "task8 is no task"),
    ("breaks", "solutions/breaks.yaml", "caught_by: crd", "caught_by: xcrd", "is no criterion"),
    ("step", TASK, "solution: [30-sample.yaml]", "solution: [31.yaml]", "31.yaml does not exist"),
    ("step", TASK, "solution: [30-sample.yaml]", "", "30-sample.yaml belongs to no step"),
    ("step", TASK, "gaps: [jsonPath]", "gaps: [jsonPat]", "no `jsonPat: value`"),
    ("step", TASK, "predict: kind-of-webhook", "predict: nothing", "nothing is no question"),
    ("solution", "solutions/task-1/10-namespace.yaml", "kind: Namespace", "kin: x", "needs"),
]


@pytest.mark.parametrize(("rule", "file", "before", "after", "said"), EDITS)
def test_a_rule_finds(
    content: Path, rule: str, file: str, before: str, after: str, said: str
) -> None:
    path = content / file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    matching = [f for f in found(content) if f[0] == rule and said in f[3]]
    assert matching, found(content)


def test_the_line_is_the_line(content: Path) -> None:
    path = content / TASK
    path.write_text(path.read_text().replace("erratum: E3", "erratum: E99"))
    number = 1 + path.read_text().splitlines().index("        erratum: E99")
    [(rule, file, line, what)] = found(content)
    assert (rule, file, line) == ("errata", TASK, number)
    assert what.startswith("crd_status_subresource names the erratum E99")


def test_all_at_once(content: Path) -> None:
    for rule, file, before, after, _ in EDITS:
        if rule not in ("yaml", "loads", "form"):
            path = content / file
            path.write_text(path.read_text().replace(before, after, 1))
    assert {"points", "errata", "reset", "case", "docstring"} <= {f[0] for f in found(content)}


def test_what_lies_about(content: Path) -> None:
    cases = content / "tests" / "checks"
    (cases / "stray.yaml").write_text("title: x\n")
    (cases / "sample_resource" / "fail-never.yml").write_text("title: x\n")
    (cases / "nothing").mkdir()
    (cases / "sample_resource" / "fail-empty.yaml").write_text("# nothing\n")
    (content / "solutions" / "task-9").mkdir()
    for path in (cases / "namespace_active").glob("equivalent*"):
        path.unlink()
    said = {(rule, where.rsplit("/", 1)[-1]) for rule, where, _, _ in found(content)}
    assert said == {
        ("orphan", "stray.yaml"), ("orphan", "fail-never.yml"), ("orphan", "nothing"),
        ("case", "fail-empty.yaml"), ("orphan", "task-9"), ("tested", "task1-crd.yaml"),
    }  # fmt: skip


def test_tasks_that_are_called_wrongly_or_alike(content: Path) -> None:
    shutil.copy(content / TASK, content / "tasks" / "task1-again.yaml")
    shutil.copy(content / TASK, content / "tasks" / "taskx.yaml")
    said = [what for rule, _, _, what in found(content) if rule == "names"]
    assert len(said) == 2, said


def test_nothing_at_all(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    findings, skipped = lint(tmp_path)
    assert {finding.rule for finding in findings} >= {"file", "form"}
    assert len(skipped) == 1


def test_whatever_stands_in_the_files_it_does_not_crash(content: Path) -> None:
    dice = random.Random(20)
    odd = [None, 7, "x", [], [1], {}, {"a": 1}, True, [[]], [None], {"id": []}]

    def spoil(value: Any) -> Any:
        if dice.random() < 0.02:
            return dice.choice(odd)
        if isinstance(value, dict):
            return {key: spoil(entry) for key, entry in value.items()}
        return [spoil(entry) for entry in value] if isinstance(value, list) else value

    files = [content / TASK, content / CASE, *(content / "solutions").glob("*.yaml")]
    originals = {file: yaml.load(file.read_text(), Loader) for file in files}
    for _ in range(30):
        for file, data in originals.items():
            file.write_text(yaml.dump(spoil(data), Dumper=Dumper))
        lint(content)


def test_the_command(content: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["author", "lint", "--content", str(content)]) == ExitCode.OK
    (content / TASK).write_text((content / TASK).read_text().replace("points: 2\n", "points: 1\n"))
    shutil.rmtree(content / "tests")
    capsys.readouterr()
    assert cli.run(["author", "lint", "--content", str(content)]) == ExitCode.USAGE
    out = capsys.readouterr().out
    assert re.search(r"lab\.yaml:\d+: points: ", out)
    assert "skipped: there is no" in out
    assert cli.run(["author", "lint", "--content", "/nonexistent"]) == ExitCode.USAGE


def test_every_rule_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8").split("## What lint looks at")[1]
    documented = set(re.findall(r"`(\w+)`", text))
    sources = [*(SHIPPED / "labgrader" / "author").rglob("*.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    used = set(re.findall(r'finding\(\s*"(\w+)"', code))
    used |= set(re.findall(r'Finding\(\s*\w+, [^"]+?, "(\w+)"', code))
    assert used == documented
