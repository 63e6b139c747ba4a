"""The author's tools on a real API server: a lab of somebody else, and the page for newcomers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labgrader.app.workbench import Choice, Workbench
from labgrader.author.case_result import FaultKind
from labgrader.author.case_runner import CaseRunner
from labgrader.author.cases import load_cases
from labgrader.author.lint import lint
from labgrader.cli import root
from labgrader.errors import ExitCode
from labgrader.kube.client import Kube
from labgrader.kube.resources import Resource
from labgrader.paths import STATE_VARIABLE, content_root
from tests.support.colors import CHECK, RIGHT, answer, write_lab
from tests.support.pages import follow

pytestmark = [pytest.mark.cluster]

CONFIG_MAP = Resource("", "v1", "configmaps", "ConfigMap")


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A lab of two ConfigMaps and two checks, made without a line under labgrader/."""
    write_lab(tmp_path)
    return tmp_path


Verify = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def verify(
    lab: Path,
    kubeconfig: Path,
    cluster_state: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Verify:
    """Verify the small lab on the test run's cluster; return code and JSON."""
    monkeypatch.setenv(STATE_VARIABLE, str(cluster_state))

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        command = ["author", "verify", "--content", str(lab), "--kubeconfig", str(kubeconfig)]
        code = root.run([*command, "--format", "json", *arguments])
        out, err = capsys.readouterr()
        assert out, err
        return code, json.loads(out)

    return run


def kinds(report: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Return kind, criterion and place of all faults."""
    return {(f["kind"], f["criterion"], Path(f["where"]).stem) for f in report["faults"]}


def test_a_lab_of_somebody_else_is_perfect(lab: Path, verify: Verify, kube: Kube) -> None:
    assert lint(lab) == ([], [])
    code, report = verify()
    assert (code, report["outcome"], kinds(report)) == (ExitCode.OK, "passed", set())
    assert [(c["wrong_failed"], c["right_passed"]) for c in report["criteria"]] == [(1, 1), (1, 1)]
    assert kube.get(CONFIG_MAP, "one", "default") is None  # it cleans up behind itself
    code, report = verify("two/fail-red")
    assert (code, len(report["cases"])) == (ExitCode.OK, 1)


WRONG_CHECKS = [
    ("True", "name", {("miss", "one", "fail-red")}),
    (
        "False",
        "name",
        {("false alarm", "one", "the solution"), ("false alarm", "one", "equivalent-loud")},
    ),
    ('colour == "blue"', "name", {("false alarm", "one", "equivalent-loud")}),
    ('colour != "red"', '"one"', {("others hit", "one", "fail-red"), ("miss", "two", "fail-red")}),
]


@pytest.mark.parametrize(("one", "two", "expected"), WRONG_CHECKS)
def test_a_wrong_check_is_found_out(
    lab: Path, verify: Verify, one: str, two: str, expected: set[tuple[str, str, str]]
) -> None:
    (lab / "checks" / "colours.py").write_text(CHECK.replace("ONE", one).replace("TWO", two))
    code, report = verify()
    assert code == ExitCode.FAILED
    hidden = {("words", "one", "fail-red")}  # a check that always fails says so in other words
    assert kinds(report) - hidden == expected


def test_a_wrong_case_in_a_batch_is_tried_again_alone(
    lab: Path, kubeconfig: Path, kube: Kube
) -> None:
    """Only that one: what the batch says of the other cases counts."""
    wrong = lab / "tests" / "checks" / "two" / "fail-red.yaml"
    wrong.write_text(answer("two", "failed", "BLUE"))
    runner = CaseRunner(Workbench(Choice(kubeconfig=str(kubeconfig), content=str(lab))))
    try:
        runner.solve()
        batches = runner.batches(list(load_cases(lab / "tests" / "checks")))
        found = {
            case_result.case.name: case_result
            for batch in batches
            for case_result in runner.run_together(batch)
        }
        colours = {name: kube.get(CONFIG_MAP, name, "default") for name in ("one", "two")}
    finally:
        runner.clear()
    assert [len(batch) for batch in batches] == [2, 2]
    assert {name: [f.kind for f in case_result.faults] for name, case_result in found.items()} == {
        "one/equivalent-loud": [],
        "one/fail-red": [],
        "two/equivalent-loud": [],
        "two/fail-red": [FaultKind.MISS],
    }
    assert [name for name, case_result in found.items() if case_result.repeated] == ["two/fail-red"]
    assert all(one and one["data"] == {"colour": "blue"} for one in colours.values())


def test_a_check_that_passes_on_an_empty_cluster(lab: Path, verify: Verify) -> None:
    free = '    yield fact("free", True)\n'
    text = CHECK.replace("ONE", RIGHT).replace("TWO", "name")
    cut = text.index("    yield from judge(ctx, name, lambda")
    (lab / "checks" / "colours.py").write_text(
        text[:cut] + free + text[text.index("\n\n@check()\ndef two") :]
    )
    code, report = verify("one")
    assert code == ExitCode.FAILED
    assert ("miss", "one", "the empty cluster") in kinds(report)


def test_a_case_that_cannot_be_is_said_and_undone(lab: Path, verify: Verify) -> None:
    path = lab / "tests" / "checks" / "one" / "fail-red.yaml"
    path.write_text(path.read_text().replace("/data/colour", "/nowhere/colour"))
    code, report = verify()
    assert (code, kinds(report)) == (ExitCode.FAILED, {("broken case", "one", "fail-red")})


def test_what_no_solution_made_is_put_back(lab: Path, verify: Verify, kube: Kube) -> None:
    """A case may touch what others made; verify leaves it as it was."""
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs"}}
    kube.create(CONFIG_MAP, {**theirs, "data": {"colour": "green"}}, "default")
    path = lab / "tests" / "checks" / "one" / "fail-red.yaml"
    extra = answer("theirs", "failed", "red").split("changes:\n")[1]
    path.write_text(path.read_text() + extra)
    code, _ = verify("one")
    found = kube.get(CONFIG_MAP, "theirs", "default")
    kube.delete(CONFIG_MAP, "theirs", "default")
    assert found is not None
    assert (code, found["data"]) == (ExitCode.OK, {"colour": "green"})


def test_verify_wants_an_empty_lab(
    lab: Path, kube: Kube, kubeconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}
    kube.create(CONFIG_MAP, body, "default")
    command = ["author", "verify", "--content", str(lab), "--kubeconfig", str(kubeconfig)]
    without_consent = root.run(command)
    code = root.run([*command, "--yes"])
    still = kube.delete(CONFIG_MAP, "one", "default")
    err = capsys.readouterr().err
    assert (without_consent, code, still) == (ExitCode.USAGE, ExitCode.USAGE, True)
    assert "did not start the cluster" in err
    assert "wants an empty lab" in err


def test_the_page_for_newcomers_word_for_word(tmp_path: Path) -> None:
    """docs/writing-a-check.md, followed as it stands: its files and its commands."""
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        STATE_VARIABLE: str(tmp_path / "state"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    page = content_root() / "docs" / "writing-a-check.md"
    followed = follow(page, content_root(), environment, tmp_path)
    assert followed.folder == tmp_path / "my-lab"
    assert "nothing wrong in" in followed.output
    assert "passed: 3 cases (2 wrong, 1 right), all as they should be" in followed.output
