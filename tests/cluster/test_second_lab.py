"""The second lab, chosen by its id: its story on a cluster of its own, and beside the first lab."""

from __future__ import annotations

import pytest

from labgrader.cli import root
from labgrader.errors import ExitCode
from labgrader.paths import STATE_VARIABLE

pytestmark = [pytest.mark.cluster]

LAB = "team-onboarding"


def test_its_story_holds(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path_factory.mktemp("state")))
    code = root.run(["--lab", LAB, "demo", "--nodes", "simulated"])
    out, err = capsys.readouterr()
    assert code == ExitCode.OK, out + err
    assert "30 of 30 points" in out


def test_it_is_listed_beside_the_first_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert root.run(["labs"]) == ExitCode.OK
    ids = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert ids == ["operator-pipeline", LAB]
