"""Runs a live grading in a thread, and passes its events on.

The thread touches no widget: it only calls ``tell``, which posts a message.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from labgrader.app.workbench import Workbench
from labgrader.errors import LabError
from labgrader.grading.events import CheckFinished, RunFinished
from labgrader.grading.live import Live
from labgrader.learning.sessions.recorder import SessionRecorder
from labgrader.model.result import Outcome
from labgrader.model.task import Lab
from labgrader.tui.state import Broken, LinkBack, LinkLost, StateEvent


class Feed:
    """A live grading, started again where it broke.

    Args:
        tell: called from other threads with the generation and the fact.
        journal: keeps what passed, on the disk before it is told.
        now: the time of day, for when the connection was lost.
    """

    def __init__(
        self,
        workbench: Workbench,
        lab: Lab,
        tell: Callable[[int, StateEvent], object],
        session_recorder: SessionRecorder,
        now: Callable[[], datetime],
    ) -> None:
        self.generation = 0
        self._workbench = workbench
        self._lab = lab
        self._outcomes: dict[str, Outcome] = {}
        self._tell = tell
        self._session_recorder = session_recorder
        self._now = now
        self._live: Live | None = None
        self._thread: threading.Thread | None = None

    def again(self) -> None:
        """Judge everything again."""
        if self._live is not None and self._thread is not None and self._thread.is_alive():
            self._live.refresh()
        else:
            self.start()

    def start(self) -> None:
        """Grade from the start, under a new number; an earlier grading ends."""
        self.close()
        generation = self.generation

        def tell(fact: StateEvent) -> None:
            if generation == self.generation:
                self._keep(fact)
            self._tell(generation, fact)

        def link(error: LabError | None) -> None:
            tell(LinkLost(error.message, self._now()) if error else LinkBack())

        live = self._workbench.live(list(self._lab.criteria()), tell, on_link=link, on_change=tell)
        self._live = live
        self._thread = threading.Thread(target=_run, args=(live, tell), name="live", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the grading soon; whatever it still says carries an old number."""
        self.generation += 1
        if self._live is not None:
            self._live.close()
            self._live = None

    def _keep(self, fact: StateEvent) -> None:
        """Keep what a session is about; what is shown as done is on the disk by then."""
        match fact:
            case CheckFinished(result=result):
                self._session_recorder.note_result(result)
                self._outcomes[result.id] = result.outcome
                self._rest_when_done()
            case RunFinished(report=report):
                self._session_recorder.note_grading(report.tasks)
                self._outcomes |= {check.id: check.outcome for check in report.checks}
                self._rest_when_done()
            case LinkLost():
                self._session_recorder.note("lost")
            case LinkBack():
                self._session_recorder.note("back")

    def _rest_when_done(self) -> None:
        """Stop a task's time when the task is done, where the clock can be paused.

        Here and not on the screen: while a shell has the terminal, that knows of nothing.
        """
        record = self._session_recorder.record()
        task = self._lab.task(record.task)
        if task is None or record.state != "running" or record.runs_on:
            return
        if all(self._outcomes.get(each.id) is Outcome.PASSED for each in task.deciding()):
            self._session_recorder.pause(done=task.id)


def _run(live: Live, tell: Callable[[StateEvent], None]) -> None:
    try:
        live.run()
    except LabError as error:
        tell(Broken(str(error)))
    except Exception as error:  # noqa: BLE001 - a thread's end would go unseen: the screen says it
        tell(Broken(f"{type(error).__name__}: {error}"))
