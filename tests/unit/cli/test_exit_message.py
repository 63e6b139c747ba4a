"""What `labgrader start` says when the lab is left."""

from __future__ import annotations

import pytest

from labgrader.cli.exit_message import farewell
from labgrader.learning.sessions.state import Grading, SessionState
from labgrader.model.modes import Mode

POINTS = [Grading(60.0, {"task1": (20.0, 20.0), "task2": (1.5, 20.0)}, ())]


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (SessionState("s", state="paused"), "Your session: 0 of 100 points, 0:00; it goes on with"),
        (
            SessionState("s", state="paused", seconds=372.0, gradings=POINTS),
            "Your session: 21.5 of 100 points, 6:12; it goes on with `labgrader start`",
        ),
        (
            SessionState("s", state="running", mode=Mode.EXAM),
            "The clock of the exam runs on: `labgrader start` goes back to it",
        ),
        (
            SessionState(
                "s", state="ended", mode=Mode.EXAM, seconds=135.0, gradings=POINTS, final=POINTS[0]
            ),
            "exam ended 2:15: 21.5 of 40 points; report: `labgrader session report`",
        ),
        (
            SessionState("s", state="ended", seconds=60.0, gradings=POINTS),
            "Your session: 21.5 of 100 points, 1:00; its report: `labgrader session report`",
        ),
    ],
)
def test_what_becomes_of_the_session(record: SessionState, said: str) -> None:
    (line,) = farewell(record, 100, runs=False)
    assert line.startswith(said)


def test_a_cluster_that_runs_on_is_named() -> None:
    (line,) = farewell(None, 100, runs=True)
    assert line == "The lab's cluster runs on; `labgrader cluster down` stops it"
