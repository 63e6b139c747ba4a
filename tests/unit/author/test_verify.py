"""What a verification makes of results: kinds of faults, the table, skeletons. No cluster."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labgrader.app.workbench import Choice, Workbench
from labgrader.author import confusion_table
from labgrader.author.case_result import (
    CaseResult,
    Fault,
    FaultKind,
    judge,
    of_empty_cluster,
    of_mistakes,
    of_solution,
)
from labgrader.author.case_runner import CaseRunner
from labgrader.author.cases import Case, load_cases
from labgrader.author.scaffold import new_check, new_task
from labgrader.author.verify import Verification, choose_cases
from labgrader.cli import root as cli
from labgrader.errors import Cause, ContentError, ExitCode, UsageError
from labgrader.model.result import CheckResult, Item, Outcome, Verdict
from labgrader.model.task import Criterion, Mistake

PASSED, FAILED, BLOCKED, ERROR = Outcome.PASSED, Outcome.FAILED, Outcome.BLOCKED, Outcome.ERROR


def result(name: str, outcome: Outcome, **more: Any) -> CheckResult:
    """A result that says everything that it should."""
    words = {"reason": "it is wrong", "expected": "a", "actual": "b", "fix": "c"}
    return CheckResult(name, "1.1", name, outcome, 2, **(words | more))


def case(expect: Outcome, reason: str = "", also: tuple[str, ...] = ()) -> Case:
    """An answer for the criterion ``one``."""
    return Case("one", "an answer", expect, (), reason, also, Path("tests/checks/one/x.yaml"))


BEFORE = {name: result(name, PASSED, earned=2) for name in ("one", "two", "three")}


def after(**outcomes: Outcome) -> dict[str, CheckResult]:
    """What an answer got; all else passed."""
    told = {name: result(name, outcome) for name, outcome in outcomes.items()}
    return {**BEFORE, **told}


CRASH = {"one": result("one", ERROR, cause=Cause.INTERNAL)}
NO_NODES = {"one": result("one", ERROR, cause=Cause.CAPABILITY)}


@pytest.mark.parametrize(
    ("answer", "got", "kinds"),
    [
        (case(FAILED), after(one=FAILED), []),
        (case(FAILED), after(one=FAILED, two=BLOCKED), []),
        (case(FAILED), after(), [FaultKind.MISS]),
        (case(FAILED), after(one=BLOCKED), [FaultKind.MISS]),
        (case(FAILED), BEFORE | CRASH, [FaultKind.MISS]),
        (case(FAILED), BEFORE | NO_NODES, [FaultKind.UNJUDGED]),
        (case(ERROR), BEFORE | NO_NODES, []),
        (case(FAILED), {**BEFORE, "one": result("one", FAILED, earned=2)}, [FaultKind.MISS]),
        (case(FAILED), after(one=FAILED, two=FAILED), [FaultKind.OTHERS_HIT]),
        (case(FAILED), after(one=FAILED, two=ERROR), [FaultKind.OTHERS_HIT]),
        (case(FAILED, also=("two",)), after(one=FAILED, two=FAILED), []),
        (case(FAILED, also=("two",)), after(one=FAILED), [FaultKind.BROKEN_CASE]),
        (case(FAILED, "is wrong"), after(one=FAILED), []),
        (case(FAILED, "other words"), after(one=FAILED), [FaultKind.WORDS]),
        (case(FAILED), {**BEFORE, "one": result("one", FAILED, fix="")}, [FaultKind.WORDS]),
        (case(PASSED), after(), []),
        (case(PASSED), after(one=FAILED), [FaultKind.FALSE_ALARM]),
        (case(PASSED), BEFORE | CRASH, [FaultKind.FALSE_ALARM]),
        (case(PASSED), after(two=FAILED), [FaultKind.OTHERS_HIT]),
        (case(PASSED), after(two=BLOCKED), [FaultKind.OTHERS_HIT]),
        (case(BLOCKED, also=("two",)), after(one=BLOCKED, two=FAILED), []),
        (case(BLOCKED, also=("two",)), after(one=PASSED, two=FAILED), [FaultKind.MISS]),
    ],
)
def test_an_answer_is_judged(
    answer: Case, got: dict[str, CheckResult], kinds: list[FaultKind]
) -> None:
    answer = replace(answer, reason="") if answer.expect is PASSED else answer
    before = {**BEFORE, **{name: replace(BEFORE[name], reason="") for name in BEFORE}}
    got = {k: replace(v, reason="") if v.outcome is PASSED else v for k, v in got.items()}
    assert [fault.kind for fault in judge(answer, before, got)] == kinds


def test_what_failed_before_is_not_hit() -> None:
    before = {**BEFORE, "two": result("two", FAILED)}
    assert judge(case(FAILED), before, after(one=FAILED, two=FAILED)) == ()


def test_bonus_is_nobodys_business() -> None:
    got = {**after(one=FAILED), "two": result("two", FAILED, optional=True)}
    assert judge(case(FAILED), BEFORE, got) == ()


def test_an_empty_cluster_earns_nothing() -> None:
    fine = {"one": result("one", FAILED), "two": result("two", BLOCKED)}
    assert list(of_empty_cluster(fine)) == []
    bad = {
        "one": result("one", PASSED, earned=2),
        "two": result("two", FAILED, earned=1),
        "three": result("three", ERROR, cause=Cause.TIMEOUT),
        "here": result("here", ERROR, cause=Cause.CAPABILITY),
        "four": result("four", ERROR, cause=Cause.INTERNAL),
    }
    kinds = [fault.kind for fault in of_empty_cluster(bad)]
    assert kinds == [FaultKind.MISS, FaultKind.MISS, FaultKind.UNJUDGED, FaultKind.FALSE_ALARM]


def test_the_solution_earns_everything() -> None:
    assert list(of_solution(BEFORE)) == []
    got = {"one": result("one", FAILED), "two": result("two", FAILED, optional=True), **NO_NODES}
    assert [fault.kind for fault in of_solution(got)] == [FaultKind.UNJUDGED]
    assert [fault.kind for fault in of_solution({"x": result("x", BLOCKED)})] == [
        FaultKind.FALSE_ALARM
    ]


def test_items_are_worth_whole_or_half_points() -> None:
    items = tuple(Item(str(points), PASSED, points, points) for points in (0.67, 1.33))
    (fault,) = of_solution({"one": replace(result("one", PASSED), items=items)})
    assert "group its conditions" in fault.text
    whole = tuple(replace(one, points=0.5) for one in items)
    assert not list(of_solution({"one": replace(result("one", PASSED), items=whole)}))


def verification(*case_results: CaseResult, empty: tuple[Fault, ...] = ()) -> Verification:
    """A run over ``one`` and ``two``."""
    return Verification(("one", "two"), empty, (), case_results, 12.3)


def case_result(expect: Outcome, outcome: Outcome | None, *kinds: FaultKind) -> CaseResult:
    """One judged case."""
    faults = tuple(Fault(kind, "one", "the/file.yaml", "text", "\x1b[31mbecause") for kind in kinds)
    return CaseResult(case(expect), outcome and result("one", outcome), faults)


def test_the_table_counts() -> None:
    run = verification(
        case_result(FAILED, FAILED),
        case_result(FAILED, FAILED, FaultKind.OTHERS_HIT, FaultKind.WORDS),
        case_result(FAILED, PASSED, FaultKind.MISS),
        case_result(PASSED, PASSED),
        case_result(PASSED, FAILED, FaultKind.FALSE_ALARM),
        case_result(PASSED, None, FaultKind.BROKEN_CASE),
        case_result(FAILED, ERROR, FaultKind.UNJUDGED),
    )
    assert confusion_table.rows(run)["one"] == confusion_table.Row(2, 1, 1, 1, 1, 1, 0, 1, 1)
    assert confusion_table.rows(run)["two"] == confusion_table.Row()
    shown = confusion_table.render(run)
    assert "failed: 7 cases (4 wrong, 3 right), 5 not as they should be" in shown
    assert "the/file.yaml" in shown
    assert "\x1b" not in shown
    data = json.loads(confusion_table.as_json(run))
    assert data["criteria"][0]["wrong_passed"] == 1
    assert len(data["cases"]) == 7
    assert data["outcome"] == "failed"


def test_only_perfect_is_passed() -> None:
    assert verification(case_result(FAILED, FAILED)).verdict() is Verdict.PASSED
    assert (
        verification(case_result(FAILED, ERROR, FaultKind.UNJUDGED)).verdict() is Verdict.UNJUDGED
    )
    for kind in set(FaultKind) - {FaultKind.UNJUDGED}:
        assert verification(case_result(FAILED, FAILED, kind)).verdict() is Verdict.FAILED
    miss = Fault(FaultKind.MISS, "one", "the empty cluster", "passes")
    run = verification(case_result(FAILED, FAILED), empty=(miss,))
    assert run.verdict() is Verdict.FAILED
    assert "NO" in confusion_table.render(run)


def test_cases_are_chosen_by_criterion_name_or_file() -> None:
    bench = Workbench()
    everything = choose_cases(bench, [])
    first = everything[0]
    assert {c.criterion for c in choose_cases(bench, [first.criterion])} == {first.criterion}
    assert choose_cases(bench, [first.name]) == [first]
    assert choose_cases(bench, [str(first.path)]) == [first]
    with pytest.raises(UsageError, match="no criterion with cases"):
        choose_cases(bench, ["nonsense"])


def test_a_lab_without_cases(tmp_path: Path) -> None:
    new_lab(tmp_path)
    new_task(tmp_path, 1)
    (tmp_path / "checks").mkdir()
    with pytest.raises(UsageError, match=r"no cases in .*install a wheel that has cases"):
        choose_cases(Workbench(Choice(content=str(tmp_path))), [])
    stray = tmp_path / "tests" / "checks" / "nothing" / "fail.yaml"
    stray.parent.mkdir(parents=True)
    change = "{delete: {apiVersion: v1, kind: Pod, name: x}}"
    stray.write_text(f"title: x\nexpect: failed\nchanges: [{change}]\n")
    with pytest.raises(ContentError, match="no criterion"):
        choose_cases(Workbench(Choice(content=str(tmp_path))), [])


@pytest.mark.parametrize("text", ["title: x\n", "a: 1\n---\nb: 2\n", "", "[1]\n"])
def test_what_is_no_case(tmp_path: Path, text: str) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "x.yaml").write_text(text)
    with pytest.raises(ContentError, match=r"x\.yaml"):
        list(load_cases(tmp_path))


def new_lab(root: Path) -> None:
    """A lab that is nothing but a name."""
    (root / "tasks").mkdir(parents=True)
    (root / "tasks" / "lab.yaml").write_text(
        "format: 1\nversion: '1'\npoints: 20\nid: small\ntitle: Small\nnamespace: small-lab\n"
    )


def test_skeletons_are_never_written_over(tmp_path: Path) -> None:
    new_lab(tmp_path)
    assert cli.run(["author", "new", "task", "1", "--content", str(tmp_path)]) == ExitCode.OK
    assert cli.run(["author", "new", "check", "mine", "--content", str(tmp_path)]) == ExitCode.OK
    made = {path: path.read_text() for path in tmp_path.rglob("*.*") if path.is_file()}
    assert any("small-lab" in text for text in made.values())
    (tmp_path / "checks" / "mine.py").write_text("mine")
    for what in (("task", "1"), ("check", "mine"), ("check", "Not-An-Id"), ("task", "0")):
        code = cli.run(["author", "new", *what, "--content", str(tmp_path)])
        assert code == ExitCode.USAGE, what
    assert (tmp_path / "checks" / "mine.py").read_text() == "mine"
    with pytest.raises(UsageError, match="already"):
        new_check(tmp_path, "mine")


def test_a_ground_grades_only_what_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    class Empty:
        checks: tuple[CheckResult, ...] = ()

    def grade(self: Workbench, criteria: list[Any], listener: object) -> Empty:
        asked.append([criterion.id for criterion in criteria])
        return Empty()

    monkeypatch.setattr(Workbench, "grade", grade)
    monkeypatch.setattr(Workbench, "cluster", None)
    runner = CaseRunner(Workbench())
    runner.grade()
    runner.grade({"namespace_active"})
    assert len(asked[0]) > 5
    assert asked[1] == ["namespace_active"]


def test_a_hint_that_no_answer_brings_out_is_a_fault() -> None:
    given = Mistake(when="No Thing", hint="look")
    never = Mistake(when="no other", hint="look elsewhere")
    criterion = Criterion("one", "one", "One", "1.1", 2, mistakes=(given, never))
    said = [replace(result("one", FAILED), reason="there is no thing")]
    (fault,) = of_mistakes([criterion], said)
    assert (fault.kind, fault.criterion) == (FaultKind.WORDS, "one")
    assert "'no other'" in fault.text
