"""The command line without a cluster: exit codes, one-line errors, help for every command."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from labgrader.cli import root
from labgrader.errors import ExitCode
from tests.support.fault_server import OddServer, make_kubeconfig, ok, status
from tests.support.serving import kubeconfig_of_nothing

README = Path(__file__).parent.parent.parent / "README.md"


@pytest.fixture(autouse=True)
def _no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command in this process; return code, stdout, stderr."""
    code = root.run(arguments)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("command", sorted(root.COMMANDS))
def test_every_command_has_help_and_is_in_the_readme(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    code, out, _ = run(capsys, command, "--help")
    assert code == ExitCode.OK
    assert command in out
    assert re.search(rf"`labgrader {command}\b", README.read_text(encoding="utf-8")), command


def test_without_a_command_it_is_start(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Word for word: with the same options, and on the same cluster."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig_of_nothing(tmp_path)))
    told = run(capsys)
    assert told == run(capsys, "start")
    assert told[0] == ExitCode.OK, told
    assert "Not a terminal" in told[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("check", "--nonsense"),
        ("check", "task99"),
        ("check", "--format", "xml"),
        ("tasks", "task99"),
        ("explain", "nonsense"),
        ("solve", "task99"),
        ("check",),  # no cluster is chosen
        ("check", "--context", "nowhere"),
        ("reset", "--yes"),
        ("check", "--content", "/nonexistent"),
        ("cluster", "up", "--nodes", "imaginary"),
        ("cluster", "up", "--name", "Not A Name"),
    ],
)
def test_usage_errors(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    code, out, err = run(capsys, *arguments)
    assert code == ExitCode.USAGE
    assert out == ""
    assert err.startswith("labgrader: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_debug_shows_where_it_came_from(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "--debug", "check", "task99")
    assert code == ExitCode.USAGE
    assert "Traceback" in err


def test_interruption(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("labgrader.app.workbench.Workbench.grade", interrupted)
    monkeypatch.setenv("KUBECONFIG", "/dev/null")
    code, _, err = run(capsys, "check")
    assert (code, err.strip()) == (ExitCode.INTERRUPTED, "labgrader: interrupted")


def test_a_fault_of_ours_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **more: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("labgrader.app.workbench.Workbench.grade", broken)
    code, _, err = run(capsys, "check")
    assert code == ExitCode.FAULT
    assert "fault of labgrader" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (None, "unreachable"),
        (status(401, "Unauthorized"), "forbidden"),
        (status(503, "starting"), "unreachable"),
        ((200, {}, b"<html>"), "unreachable"),
    ],
)
def test_a_half_dead_server_is_never_a_grade(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, answer: object, cause: str
) -> None:
    import json

    server = OddServer(lambda method, path: answer)  # type: ignore[arg-type, return-value]
    file = tmp_path / "k"
    file.write_text(server.kubeconfig())
    code, out, _ = run(capsys, "check", "--kubeconfig", str(file), "--format", "json")
    server.close()
    report = json.loads(out)
    assert code == ExitCode.UNJUDGED
    assert report["outcome"] == "unjudged"
    assert report["score"]["earned"] == 0
    assert report["score"]["withheld"] == report["score"]["possible"] > 0
    causes = {check["cause"] for task in report["tasks"] for check in task["checks"]}
    assert causes == {cause}


def test_nobody_writes_to_a_cluster_that_was_not_given(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    server = OddServer(lambda method, path: ok({}))
    file = tmp_path / "k"
    file.write_text(server.kubeconfig())
    for command in (("solve", "task1"), ("reset",), ("demo",), ("cluster", "prepare")):
        code, _, err = run(capsys, *command, "--kubeconfig", str(file))
        assert code == ExitCode.USAGE, command
        assert "labgrader did not start" in err
    server.close()
    assert [method for method, _ in server.seen if method != "GET"] == []


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "command", [("solve", "task1"), ("demo",), ("cluster", "prepare"), ("cluster", "unprepare")]
)
def test_a_no_is_an_answer(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
) -> None:
    server = OddServer(lambda method, path: ok({}))
    file = tmp_path / "k"
    file.write_text(server.kubeconfig())
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    code, out, err = run(capsys, *command, "--kubeconfig", str(file))
    server.close()
    assert (code, err) == (ExitCode.INTERRUPTED, "Canceled.\n")
    assert "the cluster http" in out  # which one is asked about
    assert "(context " in out
    assert [method for method, _ in server.seen if method != "GET"] == []


def test_a_report_file_that_cannot_be_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "k"
    file.write_text(make_kubeconfig("http://127.0.0.1:1"))
    target = str(tmp_path / "no" / "report")
    code, _, err = run(capsys, "check", "--kubeconfig", str(file), "--output", target)
    assert code == ExitCode.FAULT
    assert "cannot be written" in err


def test_what_can_be_read_without_a_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "tasks")
    assert code == ExitCode.OK
    assert "task1: " in out
    code, out, _ = run(capsys, "tasks", "task1")
    assert "```yaml" in out
    assert "E3" in out
    _, out, _ = run(capsys, "hint", "task1.2")
    first = out.count("\n")
    _, out, _ = run(capsys, "hint", "task1.2", "--level", "2")
    assert out.count("\n") > first - 1
    _, out, _ = run(capsys, "explain", "crd_established")
    assert "https://" in out


def test_doctor_without_a_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "doctor")
    assert code == ExitCode.UNJUDGED
    assert "none that answers" in out
