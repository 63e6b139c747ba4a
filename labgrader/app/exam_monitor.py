"""Monitors a running exam in a thread: clock, cluster, and the grading at the end.

The thread works on while a shell has the terminal. It calls ``tell`` and touches no screen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import StrEnum

from labgrader.app import exams
from labgrader.app.workbench import Workbench
from labgrader.errors import LabError
from labgrader.learning.sessions.recorder import SessionRecorder

LOOK_SECONDS = 1.0
"""How often it looks at the clock."""

ASK_EVERY = 5
"""It asks the cluster in one of so many looks."""


class ExamEvent(StrEnum):
    """What the monitor tells."""

    LOST = "lost"
    BACK = "back"
    RESTING = "resting"
    CLOSING = "closing"
    TROUBLE = "trouble"
    ENDED = "ended"


class ExamMonitor:
    """Keeps one exam until it has ended.

    Args:
        tell: called from the thread with the news and one line about it (often empty).
    """

    def __init__(
        self,
        workbench: Workbench,
        session_recorder: SessionRecorder,
        tell: Callable[[ExamEvent, str], object],
    ) -> None:
        self._workbench = workbench
        self._session_recorder = session_recorder
        self._tell = tell
        self._stop = threading.Event()
        self._wish = ""
        self._looks = 0
        self._resting = False

    def start(self) -> None:
        """Look after the exam from now on."""
        threading.Thread(target=self._run, name="monitor", daemon=True).start()

    def close(self) -> None:
        """Look after it no longer; the exam itself goes on."""
        self._stop.set()

    def finish(self) -> None:
        """Have the exam end now: the thread grades it."""
        self._wish = "finish"

    def step(self) -> bool:
        """Look once; return whether the exam goes on."""
        record = self._session_recorder.record()
        if record.state == "ended":
            self._tell(ExamEvent.ENDED, "")
            return False
        how = "time" if exams.is_over(record, self._workbench.catalog.lab) else self._wish
        if how:
            return self._conclude(how)
        if (record.state == "paused") != self._resting:
            self._resting = not self._resting
            if self._resting:
                self._tell(ExamEvent.RESTING, "")
        if self._looks % ASK_EVERY == 0:
            self._ask(lost=record.lost)
        self._looks += 1
        return True

    def _run(self) -> None:
        while not self._stop.is_set() and self._stepped():
            self._stop.wait(LOOK_SECONDS)

    def _stepped(self) -> bool:
        """Look once; a fault of ours is told, and never ends the thread."""
        try:
            return self.step()
        except Exception as error:  # noqa: BLE001 - without this thread no exam would end
            self._tell(ExamEvent.TROUBLE, f"{type(error).__name__}: {error}")
            self._stop.wait(exams.AGAIN_SECONDS)
            return True

    def _rest(self, seconds: float) -> None:
        """Wait; raise ``LabError`` where the lab is left meanwhile: nothing is scored then."""
        if self._stop.wait(seconds):
            raise LabError("The grading was interrupted", "Continue with `labgrader start`")

    def _conclude(self, how: str) -> bool:
        self._tell(ExamEvent.CLOSING, "")
        try:
            exams.conclude(self._workbench, self._session_recorder, how, self._rest)
        except LabError as error:
            self._tell(ExamEvent.TROUBLE, str(error))
            self._stop.wait(exams.AGAIN_SECONDS)
            return True
        self._tell(ExamEvent.ENDED, "")
        return False

    def _ask(self, *, lost: bool) -> None:
        """Stop the clock while the cluster does not answer."""
        try:
            self._workbench.cluster.version()
        except LabError as error:
            if not lost:
                self._session_recorder.note("lost")
                self._tell(ExamEvent.LOST, error.message)
            return
        if lost:
            self._session_recorder.note("back")
            self._tell(ExamEvent.BACK, "")
