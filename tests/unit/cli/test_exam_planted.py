"""Every command in a running exam on a lab with planted strings: none of them comes out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from labgrader.cli import root
from labgrader.learning.sessions import policy
from labgrader.learning.sessions.sessions import Sessions
from labgrader.model.modes import Mode
from tests.support.commands import commands
from tests.support.fault_server import Answer, OddServer, ok, status
from tests.support.planted_lab import found_in, plant

NOT_RUN = {
    "cluster prepare": "writes to a cluster of one's own",
    "cluster shell": "is the learner's shell",
    "cluster up": "starts a cluster",
    "image load": "needs an image",
    "operator run": "runs until it is stopped",
    "serve": "runs until it is stopped; its screens are those of the lab",
    "session end": "ends the exam",
}
"""Allowed commands that are not executed here; none of them reads what is planted."""

NAMES = {
    "author new check": ["x"],
    "author new task": ["9"],
    "drill": ["broken", "--level", "1"],
    "explain": ["it_exists"],
    "hint": ["task1.1", "--level", "9"],
    "lesson": ["training"],
    "session delete": ["final", "--yes"],
    "solution": ["task1.1"],
    "solve": ["task1", "--yes"],
}
MORE = {
    "check": [["--format", form] for form in ("text", "json", "junit")] + [["--output", "out.txt"]],
    "session report": [["--format", "html", "--output", "report.html"], ["--format", "markdown"]],
    "solution": [["task1.1", "--compare"]],
    "tasks": [
        ["task1", "--level", level, *more]
        for level in ("guided", "gaps", "exam")
        for more in ([], ["--write", "work"])
    ],
}
"""More ways to call a command, each tried as well."""


def answer(method: str, path: str) -> Answer:
    if path.startswith("/version"):
        return ok({"major": "1", "minor": "37", "gitVersion": "v1.37.2"})
    return status(404, "not found", "NotFound")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Path]:
    server = OddServer(answer)
    file = tmp_path / "kubeconfig"
    file.write_text(server.kubeconfig())
    yield file
    server.close()


@pytest.fixture
def say(tmp_path, cluster, monkeypatch, capsys):
    """Return what runs a command and returns all that it wrote, also into files."""
    content, work = plant(tmp_path / "content"), tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("KUBECONFIG", str(cluster))

    def run(path: str, more: list[str]) -> str:
        takes = "--content" in help_of(path, capsys)
        with suppress(SystemExit):
            root.run([*path.split(), *more, *(["--content", str(content)] if takes else [])])
        out, err = capsys.readouterr()
        written = [file.read_text() for file in work.rglob("*") if file.is_file()]
        return "\n".join([out, err, *written])

    return run


def help_of(path: str, capsys) -> str:
    root.run([*path.split(), "--help"])
    return capsys.readouterr().out


def test_no_command_gives_anything_away(say) -> None:
    Sessions().start("final", "planted", "odd", Mode.EXAM)
    assert not [name for name in NOT_RUN if policy.of_command(name, Mode.EXAM)]
    for path in sorted(commands() - set(NOT_RUN)):
        for more in [NAMES.get(path, []), *MORE.get(path, [])]:
            assert found_in(say(path, more)) == set(), (path, more)
            assert found_in(say(path, ["--help"])) == set(), path
    assert Sessions().exam()


def test_a_timed_session_gives_no_reasons_and_no_hints(say) -> None:
    Sessions().start("quick", "planted", "odd", Mode.TIMED)
    for path, more in (
        *(("check", more) for more in MORE["check"]),
        ("hint", NAMES["hint"]),
        ("solution", NAMES["solution"]),
        *(("tasks", more) for more in MORE["tasks"]),
    ):
        assert found_in(say(path, more)) == set(), (path, more)


def test_the_strings_are_there_to_be_found(say) -> None:
    """In practice the same commands tell them: the test above would find them."""
    told = [say(path, NAMES.get(path, [])) for path in ("explain", "hint", "drill", "lesson")]
    told += [say("check", more) for more in MORE["check"]]
    told += [say("solution", NAMES["solution"]), say("tasks", ["task1"])]
    found = found_in("\n".join(told))
    assert found >= {"reason", "fix", "why", "hint", "mistake", "erratum", "lesson", "snippet"}
    assert found >= {"solution", "drill", "training", "expected", "actual", "evidence", "item"}
