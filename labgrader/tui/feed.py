"""Listens to a live grading in a thread of its own and passes on what it says.

The thread touches no widget: it only calls ``tell``, which posts a message.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime

from labgrader.engine.events import CheckFinished, RunFinished
from labgrader.engine.live import Live
from labgrader.model.errors import LabError
from labgrader.model.task import Criterion
from labgrader.session.journal import Journal
from labgrader.tui.state import Broken, Fact, LinkBack, LinkLost
from labgrader.workbench import Workbench


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
        criteria: Sequence[Criterion],
        tell: Callable[[int, Fact], object],
        journal: Journal,
        now: Callable[[], datetime],
    ) -> None:
        self.generation = 0
        self._workbench = workbench
        self._criteria = criteria
        self._tell = tell
        self._journal = journal
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

        def tell(fact: Fact) -> None:
            if generation == self.generation:
                _keep(self._journal, fact)
            self._tell(generation, fact)

        def link(error: LabError | None) -> None:
            tell(LinkLost(error.message, self._now()) if error else LinkBack())

        live = self._workbench.live(self._criteria, tell, on_link=link, on_change=tell)
        self._live = live
        self._thread = threading.Thread(target=_run, args=(live, tell), name="live", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the grading soon; whatever it still says carries an old number."""
        self.generation += 1
        if self._live is not None:
            self._live.close()
            self._live = None


def _run(live: Live, tell: Callable[[Fact], None]) -> None:
    try:
        live.run()
    except LabError as error:
        tell(Broken(str(error)))
    except Exception as error:  # noqa: BLE001 - a thread's end would go unseen: the screen says it
        tell(Broken(f"{type(error).__name__}: {error}"))


def _keep(journal: Journal, fact: Fact) -> None:
    """Keep what a session is about; what is shown as done is on the disk by then."""
    match fact:
        case CheckFinished(result=result):
            journal.note_result(result)
        case RunFinished(report=report):
            journal.note_grading(report.tasks)
        case LinkLost():
            journal.note("lost")
        case LinkBack():
            journal.note("back")
