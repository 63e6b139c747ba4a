"""The policy of exams and timed sessions: every command has a decision, and commands ask for it."""

from __future__ import annotations

import pytest

from labgrader.cli import root
from labgrader.errors import ExitCode
from labgrader.learning.sessions import policy
from labgrader.learning.sessions.sessions import Sessions
from labgrader.model.modes import Level, Mode, Terms
from tests.support.commands import commands
from tests.support.serving import kubeconfig_of_nothing

ALLOWED = {
    "cluster kubeconfig",
    "cluster list",
    "cluster logs",
    "cluster prepare",
    "cluster shell",
    "cluster status",
    "cluster up",
    "doctor",
    "image load",
    "labs",
    "operator run",
    "serve",
    "session end",
    "session list",
    "session pause",
    "session resume",
    "start",
    "tasks",
}


def test_every_command_has_a_decision() -> None:
    assert commands() <= set(policy.COMMANDS)


def test_what_an_exam_allows() -> None:
    allowed = {name for name in policy.COMMANDS if not policy.of_command(name, Mode.EXAM)}
    assert allowed == ALLOWED


def test_what_a_timed_session_refuses() -> None:
    refused = {name for name in policy.COMMANDS if policy.of_command(name, Mode.TIMED)}
    assert refused == {
        "demo",
        "drill",
        "hint",
        "lesson",
        "quiz",
        "session pause",
        "solution",
        "solve",
    }
    assert not any("exam" in policy.of_command(name, Mode.TIMED).lower() for name in refused)


def test_practice_refuses_nothing_and_an_unknown_command_only_an_exam() -> None:
    assert not any(policy.of_command(name, Mode.PRACTICE) for name in policy.COMMANDS)
    assert policy.of_command("of a later version", Mode.EXAM)
    assert policy.of_command("check", Mode.EXAM) == "Results are shown when the exam ends"


def test_only_practice_shows_more_than_the_requirements() -> None:
    assert [policy.level(mode, Level.GUIDED) for mode in Mode] == [
        Level.GUIDED,
        Level.EXAM,
        Level.EXAM,
    ]


def test_what_is_said_at_the_beginning() -> None:
    told = "\n".join(policy.terms(35, 66, 10))
    for fact in ("35 minutes", "66 points", "10 minutes", "relies on you", "kubectl"):
        assert fact in told
    assert "no time limit" in policy.terms(None, None, 0)[0]


@pytest.mark.parametrize(
    "line", sorted(name for name in policy.COMMANDS if name not in {*ALLOWED, "start"})
)
def test_a_command_that_is_refused_exits_with_2_before_it_does_anything(line, capsys) -> None:
    Sessions().start("final", "operator-pipeline", "anywhere", Mode.EXAM)
    arguments = {"hint": ["task1.1"], "explain": ["crd_columns"], "solution": ["task1.1"]}
    arguments |= {
        "solve": ["task1"],
        "session delete": ["final"],
        "author new check": ["x"],
        "author new lab": ["x"],
        "author new task": ["9"],
    }
    code = root.run([*line.split(), *arguments.get(line, [])])
    out, err = capsys.readouterr()
    assert (code, out) == (ExitCode.USAGE, ""), err
    assert err.count("\n") == 1
    assert policy.of_command(line, Mode.EXAM) in err
    assert Sessions().open_one().is_exam


def test_the_requirements_are_all_that_tasks_shows_in_an_exam(capsys) -> None:
    root.run(["tasks", "task1"])
    practice = capsys.readouterr().out
    Sessions().start("final", "operator-pipeline", "anywhere", Mode.EXAM)
    root.run(["tasks", "task1", "--level", "guided"])
    exam = capsys.readouterr().out
    assert "```" in practice
    assert "```" not in exam
    assert "# task1" in exam


def test_a_break_hides_the_tasks(capsys) -> None:
    all_sessions = Sessions()
    all_sessions.start("final", "operator-pipeline", "anywhere", Mode.EXAM, 1.0, Terms(breaks=2))
    assert root.run(["session", "pause"]) == ExitCode.OK
    assert root.run(["tasks", "task1"]) == ExitCode.USAGE
    assert root.run(["session", "resume"]) == ExitCode.OK
    assert root.run(["tasks", "task1"]) == ExitCode.OK


def test_the_list_of_sessions_does_not_tell_points(capsys) -> None:
    Sessions().start("final", "operator-pipeline", "anywhere", Mode.EXAM)
    root.run(["session", "list"])
    assert capsys.readouterr().out == "final: running, 0:00, exam\n"


@pytest.mark.parametrize("more", [[], ["--exam"], ["--timed"], ["--exam", "--plain"]])
def test_another_start_is_refused_while_an_exam_runs(more, capsys, tmp_path) -> None:
    """Also on another cluster; on its own one, `start` without options goes back to the exam."""
    Sessions().start("final", "operator-pipeline", "nothing", Mode.EXAM)
    file = str(kubeconfig_of_nothing(tmp_path))
    code = root.run(["start", "--kubeconfig", file, *more])
    assert code == ExitCode.USAGE
    assert "An exam is running on context nothing (final)" in capsys.readouterr().err
    assert len(Sessions().store.sessions()) == 1


def test_a_second_session_asks_first(capsys, tmp_path) -> None:
    file = str(kubeconfig_of_nothing(tmp_path))
    start = ["session", "start", "--kubeconfig", file, "--name"]
    assert root.run([*start, "morning"]) == ExitCode.OK
    assert root.run([*start, "noon"]) == ExitCode.USAGE
    assert "End the open session morning?" in capsys.readouterr().err
    assert root.run([*start, "noon", "--yes"]) == ExitCode.OK
    assert [record.state for record in Sessions().records()] == ["ended", "running"]
