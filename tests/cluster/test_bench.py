"""``make bench`` still finds what it waits for on the screen; no figure is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest
import screen

from labgrader.app.workbench import Workbench

pytestmark = [pytest.mark.cluster]


def test_the_screens_measurements_find_what_they_wait_for(
    workbench: Workbench, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "PAINTS", 1)
    monkeypatch.setattr(screen, "CHANGES", 2)
    monkeypatch.setattr(screen, "KEYS", 2)
    lines, choices = screen.first_paints(kubeconfig)
    assert len(lines) == len(choices) == 1
    with screen.the_lab(kubeconfig) as terminal:
        assert len(screen.green(workbench, terminal)) == 2
        assert [len(times) for times in screen.keys(terminal)] == [2, 2]
