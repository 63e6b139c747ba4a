"""`labgrader start --split` where it cannot be done."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from labgrader.cli import root
from labgrader.cli import split as panes
from labgrader.clusters.target import Target
from labgrader.errors import ExitCode, LabError, UsageError
from labgrader.tui.shell import DENIED
from tests.support.serving import kubeconfig_of_nothing

WORKBENCH = SimpleNamespace(target=Target("existing", Path("/k"), None))


@pytest.fixture
def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True)


@pytest.mark.usefixtures("on_a_terminal")
def test_without_tmux_the_other_way_is_told(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"not installed.*labgrader cluster shell"):
        panes.split(WORKBENCH, [], {"PATH": str(tmp_path)})


@pytest.mark.usefixtures("on_a_terminal")
def test_a_tmux_that_cannot_split_says_why(tmp_path: Path) -> None:
    tmux = tmp_path / "tmux"
    tmux.write_text("#!/bin/sh\necho 'no space for new pane' >&2\nexit 1\n")
    tmux.chmod(0o700)
    with pytest.raises(LabError, match=r"no space for new pane.*labgrader cluster shell"):
        panes.split(WORKBENCH, [], {"PATH": str(tmp_path), "TMUX": "x"})


@pytest.mark.usefixtures("on_a_terminal")
def test_in_a_browser_there_is_no_split(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs a terminal"):
        panes.split(WORKBENCH, [], {"PATH": str(tmp_path), DENIED: "1"})


def test_without_a_terminal_it_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = str(kubeconfig_of_nothing(tmp_path))
    assert root.run(["start", "--split", "--kubeconfig", nothing]) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "--split needs a terminal" in err
