"""The commands on a real API server: solve, check, watch, wait, reset, demo."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from labgrader.author.cases import load_cases
from labgrader.cli import root
from labgrader.content import catalog, validation
from labgrader.errors import ExitCode
from labgrader.kube.client import Kube
from labgrader.kube.resources import CRD, Resource
from labgrader.kube.waiting import wait_until
from labgrader.lab_state import mutations
from labgrader.lab_state.solver import Solver
from labgrader.paths import STATE_VARIABLE, content_root
from labgrader.report import as_json

pytestmark = [pytest.mark.cluster]

TRADING_ALGORITHM = Resource("fintech.io", "v1", "tradingalgorithms", "TradingAlgorithm")
SAMPLE = "sample-momentum-algo"
PLATFORM = "trading-platform"
DEFINITION = "tradingalgorithms.fintech.io"

TESTS = Path(__file__).parent.parent
CASES, GOLDEN = TESTS / "checks", TESTS / "golden"
AS_WRITTEN = (
    "rbac_hardening/fail-as-written",
    "operator_config/equivalent-as-written",
    "operator_rollout/fail-as-written",
    "lease_exists/equivalent-empty",
    "dashboard/equivalent-as-written",
    "logging_config/fail-as-written",
    "audit_policy/fail-as-written",
    "backup_job/fail-as-written",
    "runbook/fail-as-written",
    "alerts_fire/fail-as-written",
)
TYPED = ("task1", "task2", "task3", "task5")
"""The tasks of which the text's own manifests are tried; of task 4 cases try them."""

TOTAL = sum(validation.points_per_task(catalog.load(content_root()).lab).values())

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    kubeconfig: Path,
    cluster_state: Path,
    clean_lab: Kube,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run a command on the clean cluster, which is the lab's own by its kubeconfig's place."""
    monkeypatch.setenv(STATE_VARIABLE, str(cluster_state))

    def call(*arguments: str) -> tuple[int, str, str]:
        code = root.run([*arguments, "--kubeconfig", str(kubeconfig)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def solved_by(run: Run, *tasks: str) -> None:
    code, out, err = run("solve", *tasks)
    assert code == ExitCode.OK, out + err


def solve(kube: Kube) -> None:
    """Deploy the solution of task 1."""
    Solver(kube, content_root(), lambda line: None).solve("task1")


def test_empty_then_solved_then_reset(run: Run) -> None:
    code, out, _ = run("check", "--format", "json")
    assert code == ExitCode.FAILED
    assert json.loads(out)["score"]["earned"] == 0
    solved_by(run, "task1")
    solved_by(run, "task1")  # again: it is there already
    code, out, _ = run("check", "task1", "--format", "json")
    report = json.loads(out)
    assert code == ExitCode.OK
    assert report["score"] == {"earned": 20, "possible": 20, "withheld": 0, "bonus": 0}
    assert report["cluster"]["nodes"] == "simulated"
    assert report["cluster"]["server_version"].startswith("v1.")
    code, out, _ = run("reset", "--yes")
    assert (code, "nothing of the lab is left" in out) == (ExitCode.OK, True)
    code, out, _ = run("reset", "--yes")
    assert (code, "nothing of the lab is there" in out) == (ExitCode.OK, True)


def test_real_json_meets_its_schema(run: Run, clean_lab: Kube) -> None:
    schema = Draft202012Validator(json.loads(as_json.SCHEMA.read_text(encoding="utf-8")))
    schema.validate(json.loads(run("check", "--format", "json")[1]))
    solve(clean_lab)
    schema.validate(json.loads(run("check", "--format", "json")[1]))


def test_a_check_changes_nothing(run: Run, clean_lab: Kube) -> None:
    solve(clean_lab)
    before = (
        clean_lab.get(TRADING_ALGORITHM, SAMPLE, PLATFORM),
        clean_lab.get(CRD, DEFINITION),
    )
    run("check")
    after = (
        clean_lab.get(TRADING_ALGORITHM, SAMPLE, PLATFORM),
        clean_lab.get(CRD, DEFINITION),
    )
    assert before == after


def test_wait_returns_when_it_passes(run: Run, clean_lab: Kube) -> None:
    learner = threading.Thread(target=solve, args=(clean_lab,))
    learner.start()
    code, out, _ = run("check", "task1", "--wait", "60")
    learner.join()
    assert (code, "20 of 20" in out) == (ExitCode.OK, True)


def test_wait_gives_up(run: Run) -> None:
    code, out, err = run("check", "namespace_active", "--wait", "0.2")
    assert (code, "0 of 1 points" in out) == (ExitCode.FAILED, True)
    assert "not passed after" in err


def test_watch_sees_a_change_and_ends_with_ctrl_c(kubeconfig: Path, clean_lab: Kube) -> None:
    command = [sys.executable, "-m", "labgrader", "check", "task1", "--watch", "--plain"]
    process = subprocess.Popen(
        [*command, "--kubeconfig", str(kubeconfig)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        _read_until(process, "failed: 0 of 20 points")
        solve(clean_lab)
        _read_until(process, "passed: 20 of 20 points")
    finally:
        process.send_signal(2)
        _, err = process.communicate(timeout=30)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "CustomResourceDefinition tradingalgorithms.fintech.io created" in err
    assert "Traceback" not in err


def _read_until(process: subprocess.Popen[str], wanted: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(wanted):
            return
    raise AssertionError(f"the watch ended without {wanted!r}")


def test_reset_to_a_task_keeps_what_it_needs(run: Run, clean_lab: Kube) -> None:
    solved_by(run, "all")
    clean_lab.delete(TRADING_ALGORITHM, SAMPLE, PLATFORM)  # something of task 1 is missing
    code, out, _ = run("reset", "--to", "task2", "--dry-run")
    assert (code, "would put back the solution of task1" in out) == (ExitCode.OK, True)
    code, out, _ = run("reset", "--to", "task2", "--yes")
    assert (code, "the lab is at the start of task2" in out) == (ExitCode.OK, True)
    assert run("check", "task1")[0] == ExitCode.OK
    report = json.loads(run("check", "task2", "--format", "json")[1])
    assert report["score"]["earned"] == 0
    assert run("reset", "--to", "task9", "--yes")[0] == ExitCode.USAGE


def test_the_lab_as_it_was_written(run: Run, clean_lab: Kube) -> None:
    """Whoever types the lab's original text: its manifests, mistakes and all, in our own typing."""
    solved_by(run, *TYPED)
    remove = {"op": "remove", "path": "/spec/versions/0/subresources"}
    clean_lab.patch(CRD, DEFINITION, [remove])
    cases = {case.name: case for case in load_cases(CASES)}
    for name in AS_WRITTEN:
        mutations.apply(clean_lab, cases[name].changes, str(cases[name].path))

    def judged() -> dict[str, list[str | None]]:
        report = json.loads(run("check", *TYPED, "--format", "json")[1])
        checks = [check for task in report["tasks"] for check in task["checks"]]
        return {check["id"]: [check["outcome"], check["erratum"]] for check in checks}

    golden = json.loads((GOLDEN / "as-written.json").read_text(encoding="utf-8"))
    wait_until(lambda: judged() == golden, 10)
    assert judged() == golden


IN_CONTAINERS = 12
"""The points of what shows itself only where containers run."""


def needing_containers() -> set[str]:
    """Return the criteria that say of themselves, or of what they need, that containers run."""
    loaded = catalog.load(content_root())
    found: set[str] = set()
    for one in loaded.lab.criteria():  # what is needed stands above
        if "containers" in loaded.checks[one.check].capabilities or found & set(one.needs):
            found.add(one.id)
    return found


def test_the_demo_tells_its_story(run: Run) -> None:
    """All five tasks on simulated nodes: every point is earned, or withheld with its reason."""
    code, out, err = run("demo")
    assert code == ExitCode.OK, out + err
    assert "The story holds" in out
    empty, solved, *_ = re.findall(r"(\d+) of (\d+) points", out)
    assert (empty, solved) == (("0", str(TOTAL)), (str(TOTAL - IN_CONTAINERS), str(TOTAL)))
    told = set(re.findall(r"not judged here: (\w+): ", out))
    assert told == needing_containers()
    criteria = catalog.load(content_root()).lab.criteria()
    assert sum(c.points for c in criteria if c.id in told and not c.optional) == IN_CONTAINERS
    assert TOTAL == 100


def test_the_demo_wants_an_empty_lab(run: Run, clean_lab: Kube) -> None:
    solve(clean_lab)
    code, _, err = run("demo")
    assert (code, "wants an empty lab" in err) == (ExitCode.USAGE, True)
    assert clean_lab.get(TRADING_ALGORITHM, SAMPLE, PLATFORM) is not None


def test_doctor(run: Run) -> None:
    code, out, _ = run("doctor")
    seen = f"gradable: {TOTAL - IN_CONTAINERS} of {TOTAL} points"
    assert (code, seen in out) == (ExitCode.UNJUDGED, True)
    assert "no containers, which these need: operator_rollout" in out
    assert "--nodes real" in out


def test_objects_that_change_while_they_are_graded(run: Run, clean_lab: Kube) -> None:
    """Whatever is seen in the middle of a change, points never exceed what the end state earns."""
    solve(clean_lab)
    stop = threading.Event()

    def fiddle() -> None:
        values = [1000000, 2000000]
        while not stop.is_set():
            values.reverse()
            patch = {"spec": {"riskLimits": {"maxPositionSize": values[0]}}}
            clean_lab.patch(TRADING_ALGORITHM, SAMPLE, patch, PLATFORM)

    fiddler = threading.Thread(target=fiddle)
    fiddler.start()
    codes = {run("check", "task1", "--format", "json")[0] for _ in range(20)}
    stop.set()
    fiddler.join()
    assert codes <= {ExitCode.OK, ExitCode.FAILED}
    patch = {"spec": {"riskLimits": {"maxPositionSize": 1000000}}}
    clean_lab.patch(TRADING_ALGORITHM, SAMPLE, patch, PLATFORM)
    assert wait_until(lambda: run("check", "task1")[0] == ExitCode.OK, 5)
