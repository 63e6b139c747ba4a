"""From an empty folder to an installed lab: docs/writing-a-lab.md, and a lab that nobody edits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from labgrader.author.new_lab import new_lab
from labgrader.cli import root as cli
from labgrader.clusters.embedded.provider import EmbeddedProvider
from labgrader.errors import ExitCode
from labgrader.kube.client import Kube
from labgrader.kube.resources import NAMESPACE
from labgrader.paths import STATE_VARIABLE, content_root
from tests.support.beside import environment_beside
from tests.support.pages import follow

pytestmark = [pytest.mark.cluster]


def test_a_new_lab_is_right_without_an_edit(
    tmp_path: Path, kubeconfig: Path, kube: Kube, capsys: pytest.CaptureFixture[str]
) -> None:
    new_lab(tmp_path, "no")
    where = [
        "--content",
        str(tmp_path / "no" / "labgrader_lab_no"),
        "--kubeconfig",
        str(kubeconfig),
    ]
    verified = cli.run(["author", "verify", "--yes", "--paste-fixes", *where])
    told = capsys.readouterr()
    assert verified == ExitCode.OK, told
    assert "4 cases (3 wrong, 1 right), all as they should be" in told.out
    played = cli.run(["demo", "--yes", *where])
    told = capsys.readouterr()
    assert played == ExitCode.OK, told
    assert "The story holds." in told.out
    assert kube.get(NAMESPACE, "no") is None


@pytest.fixture
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder whose cluster `hello` is gone afterwards, wherever the page ended."""
    state = tmp_path / "state"
    yield state
    monkeypatch.setenv(STATE_VARIABLE, str(state))
    EmbeddedProvider(name="hello").down(purge=True)


def test_the_page_for_authors_word_for_word(tmp_path: Path, own_state: Path) -> None:
    """docs/writing-a-lab.md, followed as it stands: its files and its commands."""
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        STATE_VARIABLE: str(own_state),
        "PIP_NO_INDEX": "1",  # what the wheel needs is there
        "PATH": f"{environment_beside(tmp_path / 'venv')}{os.pathsep}{os.environ['PATH']}",
    }
    page = content_root() / "docs" / "writing-a-lab.md"
    followed = follow(page, tmp_path, environment, tmp_path)
    assert followed.folder == tmp_path / "labs" / "hello"
    assert "nothing wrong in labgrader_lab_hello" in followed.output
    assert "6 cases (4 wrong, 2 right), all as they should be" in followed.output
    assert "2 cases (1 wrong, 1 right), all as they should be" in followed.output  # installed
    assert "The story holds." in followed.output
    assert "Hello, cluster (20 points), from labgrader-lab-hello 0.2" in followed.output
    assert "An account for the application" in followed.output
