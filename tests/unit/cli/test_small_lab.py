"""A lab without operator, drills, quiz, lessons or checklists: each command says so in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from labgrader.cli import root
from labgrader.errors import ExitCode
from tests.support.serving import kubeconfig_of_nothing

MINIMAL = Path(__file__).parents[2] / "labs" / "minimal"


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("quiz", "no questions"),
        ("drill", "no drills"),
        ("drill start any", "no drills"),
        ("lesson", "no lessons"),
        ("checklist", "no checklists"),
        ("operator run", "no operator"),
        ("cluster audit", "Only the lab's own cluster"),
    ],
)
def test_what_a_lab_does_not_have(
    command: str, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    on = ["--content", str(MINIMAL), "--kubeconfig", kubeconfig_of_nothing(tmp_path)]
    assert root.run([*command.split(), *on]) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert what in err
