"""Exit code 1 is for a verdict alone; what cannot be written or loaded has codes of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labgrader.cli import root
from labgrader.content import check_trial
from labgrader.errors import ExitCode
from tests.support.serving import kubeconfig_of_nothing
from tests.support.small_lab import make_lab


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A lab of one check that passes without a cluster."""
    return make_lab(tmp_path / "content")


def started(*arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    """Run the program as a process of its own."""
    command = [sys.executable, "-m", "labgrader", *arguments]
    return subprocess.run(command, check=False, timeout=60, **options)  # type: ignore[call-overload,no-any-return]


def check_of(lab: Path, kubeconfig: Path) -> list[str]:
    return ["check", "--content", str(lab), "--kubeconfig", str(kubeconfig)]


def test_what_becomes_of_standard_output(lab: Path, tmp_path: Path) -> None:
    """The verdict's code where the reader has gone; 4 where the report is lost; never silence."""
    arguments = check_of(lab, kubeconfig_of_nothing(tmp_path))
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    whole = started(*arguments, **piped)
    assert (whole.returncode, whole.stderr) == (ExitCode.OK, b""), whole

    with Path("/dev/full").open("w") as device:
        full = started(*arguments, stdout=device, stderr=subprocess.PIPE)
    assert full.returncode == ExitCode.FAULT
    assert b"cannot be written to standard output" in full.stderr

    closed = started(*arguments, preexec_fn=lambda: os.close(1), stderr=subprocess.PIPE)
    assert closed.returncode == ExitCode.FAULT
    assert closed.stderr.count(b"\n") == 1

    read, write = os.pipe()
    os.close(read)
    gone = started(*arguments, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (gone.returncode, gone.stderr) == (ExitCode.OK, b"")

    latin = started(*arguments, **piped, env={**os.environ, "PYTHONIOENCODING": "latin-1"})
    assert (latin.returncode, latin.stderr) == (ExitCode.OK, b"")
    assert latin.stdout.decode("latin-1").splitlines()[-1].startswith("passed: ")


def test_the_text_is_shown_beside_files(
    lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = check_of(lab, kubeconfig_of_nothing(tmp_path))
    junit, data = tmp_path / "report.xml", tmp_path / "a=b.json"
    more = ["--format", "junit", "--output", str(junit), "--output", f"json={data}"]
    assert root.run([*arguments, *more]) == ExitCode.OK
    assert capsys.readouterr().out.splitlines()[-1].startswith("passed: ")
    assert junit.read_text().startswith("<?xml")
    assert data.read_text().startswith("{")


@pytest.mark.parametrize(
    "body", ["raise SystemExit(0)", "raise BaseException('x')", "import nothing_of_that_name", "("]
)
def test_a_check_file_that_does_not_load(
    lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], body: str
) -> None:
    """It is one line and exit code 2; what others judge is judged, its own criteria cannot be."""
    (lab / "checks" / "broken.py").write_text(f"{body}\n\ndef wanted(): ...\n")
    arguments = check_of(lab, kubeconfig_of_nothing(tmp_path))
    code = root.run(arguments)
    out, err = capsys.readouterr()
    assert (code, err.count("\n")) == (ExitCode.USAGE, 1)
    assert "broken.py:1 cannot be loaded: " in err
    last = out.splitlines()[-1]
    assert last.startswith("unjudged: 2 of 2 points")
    assert "1 check file cannot be loaded" in last

    task = lab / "tasks" / "task1-first.yaml"
    more = "      - {id: wanted, title: It is wanted, points: 3, hints: [Look]}\n"
    task.write_text(task.read_text() + more)
    code = root.run([*arguments, "--format", "json"])
    out, err = capsys.readouterr()
    assert (code, err.count("\n")) == (ExitCode.USAGE, 1)
    always, wanted = json.loads(out)["tasks"][0]["checks"]
    assert always["outcome"] == "passed"
    assert (wanted["outcome"], wanted["cause"]) == ("error", "internal")
    assert "broken.py:1 cannot be loaded: " in wanted["reason"]


def test_a_check_file_without_end(
    lab: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("labgrader.content.check_trial.TRIAL_SECONDS", 3.0)
    (lab / "checks" / "endless.py").write_text("import threading\nthreading.Event().wait(30)\n")
    assert root.run(check_of(lab, kubeconfig_of_nothing(tmp_path))) == ExitCode.USAGE
    assert "endless.py was not loaded within" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import re\nre.match(r'(a*)*b', 'a' * 60)\n", "was not loaded within"),
        ("import os\nos._exit(0)\n", "ends the process when it is loaded (exit code 0)"),
        ("import sys\nprint('.')\nsys.exit(3)\n", "cannot be loaded: SystemExit: 3"),
    ],
)
def test_a_check_file_that_would_take_the_process_along(
    lab: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    why: str,
) -> None:
    monkeypatch.setattr("labgrader.content.check_trial.TRIAL_SECONDS", 3.0)
    (lab / "checks" / "odd.py").write_text(text)
    assert root.run(check_of(lab, kubeconfig_of_nothing(tmp_path))) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert "odd.py" in err
    assert why in err


def test_check_files_are_tried_once_for_each_content(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABGRADER_STATE_DIR", str(tmp_path / "state"))
    folder, tries = lab / "checks", list[object]()
    begin = subprocess.Popen
    monkeypatch.setattr(
        check_trial.subprocess, "Popen", lambda *a, **k: tries.append(a) or begin(*a, **k)
    )
    for _ in range(2):
        check_trial.demand_loadable(folder, "lab")
    assert len(tries) == 1
    copy = shutil.copytree(folder, tmp_path / "copy")
    check_trial.demand_loadable(copy, "other")
    assert len(tries) == 1
    (copy / "more.py").write_text("X = 1\n")
    check_trial.demand_loadable(copy, "other")
    assert len(tries) == 2


def test_a_check_that_holds_the_interpreter_is_ended(lab: Path, tmp_path: Path) -> None:
    """A regular expression that backtracks hears neither a deadline nor Ctrl-C."""
    file = lab / "checks" / "always.py"
    hold = "    import re; re.match(r'(a*)*b', 'a' * 60)\n    yield fact("
    file.write_text(file.read_text().replace("    yield fact(", hold))
    program = (
        "import sys; from labgrader.cli import main, watchdog; watchdog.SILENCE_SECONDS = 4;"
        f" sys.argv[1:] = {check_of(lab, kubeconfig_of_nothing(tmp_path))!r}; main()"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.count(b"\n")) == (ExitCode.FAULT, 1), done
    assert b"held the interpreter" in done.stderr


def test_nothing_that_is_made_is_for_others_to_write(tmp_path: Path) -> None:
    """Whatever the shell around allows."""
    made = started(
        "tasks", "task1", "--write", str(tmp_path / "work"), preexec_fn=lambda: os.umask(0)
    )
    assert made.returncode == ExitCode.OK
    paths = [tmp_path / "work", *(tmp_path / "work").rglob("*")]
    assert len(paths) > 1
    assert not [path for path in paths if path.stat().st_mode & 0o022]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("chekc",), "Did you mean check?"),
        (("check", "tsak1"), "Did you mean task1?"),
        (("check", "namespace_activ"), "Did you mean namespace_active?"),
        (("check", "--format", "jsno"), "Did you mean json? See `labgrader check --help`"),
        (("check", "--formt", "json"), "See `labgrader check --help`"),
        (("cluster", "up", "--nodes", "simulatd"), "Did you mean simulated?"),
        (("cluster", "statsu"), "See `labgrader cluster --help`"),
        (("tasks", "task"), "Did you mean task"),
        (("quiz", "crds"), "Did you mean crd?"),
        (("drill", "dead-webhok"), "Did you mean dead-webhook?"),
    ],
)
def test_near_misses_are_named(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert root.run(arguments) == ExitCode.USAGE
    assert said in capsys.readouterr().err
