"""What `check --wait` says meanwhile: each change once, and what is still awaited."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labgrader.cli.waiting import Waiting
from labgrader.grading.events import CheckFinished
from labgrader.kube.waiting import wait_until
from labgrader.model.result import Outcome
from tests.support.reports import report

CHECK = next(one for one in report().checks if one.outcome is Outcome.FAILED)


def test_each_change_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    told = Waiting(60)
    told.listen(CheckFinished(CHECK))
    told.listen(CheckFinished(CHECK))
    told.listen(CheckFinished(replace(CHECK, outcome=Outcome.PASSED)))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith(f"{CHECK.step} {CHECK.id} failed: {CHECK.reason}")
    assert lines[0].startswith("[0 of 60 s] ")
    assert lines[1].endswith(f"{CHECK.id} passed")


def test_without_reasons_there_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    Waiting(60, reasons=False).listen(CheckFinished(CHECK))
    assert CHECK.reason not in capsys.readouterr().err


def test_what_is_awaited_is_said_again_and_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labgrader.cli.waiting.EVERY_SECONDS", 0.01)
    heard = ""

    def twice() -> bool:
        nonlocal heard
        heard += capsys.readouterr().err
        return heard.count("waiting for ") >= 2

    with Waiting(60) as told:
        told.listen(CheckFinished(CHECK))
        assert wait_until(twice, 20)
    assert f"waiting for {CHECK.step} {CHECK.id}" in heard


def test_the_end_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    Waiting(60).end(report())
    assert "not passed after 60 s" in capsys.readouterr().err
