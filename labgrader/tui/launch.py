"""What the TUI is started with, and how a session begins in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from labgrader.engine.levels import Level
from labgrader.model.errors import LabError
from labgrader.session.book import Book
from labgrader.session.journal import Journal
from labgrader.session.presence import Presence
from labgrader.session.record import Mode, Record
from labgrader.workbench import Workbench

Progress = Callable[[str, str], None]
"""Told a component and what it does now; called from any thread."""


def local_now() -> datetime:
    """Return the time of day where the learner sits."""
    return datetime.now(UTC).astimezone()


@dataclass(frozen=True, slots=True)
class Launch:
    """What to open, and how.

    ``up`` starts the lab's own cluster and returns the workbench on it; None where a cluster was
    chosen. ``mode``, ``factor`` and ``level`` are what the welcome screen offers first.
    """

    workbench: Workbench
    book: Callable[[], Book]
    up: Callable[[Progress], Workbench] | None = None
    mode: Mode = Mode.PRACTICE
    factor: float | None = 1.0
    level: Level = Level.GUIDED
    now: Callable[[], datetime] = local_now


@dataclass(frozen=True, slots=True)
class Wish:
    """What the learner chose: a session to go on with, or a new one."""

    mode: Mode = Mode.PRACTICE
    factor: float | None = 1.0
    level: Level = Level.GUIDED
    resume: str = ""


class Seat:
    """The learner's place at a cluster: the journal that is kept, and the lock on it."""

    def __init__(self, workbench: Workbench, book: Book) -> None:
        self._workbench = workbench
        self._book = book
        self._presence = Presence(workbench.cluster.connection.host)
        self.taken_by = ""
        try:
            self.taken_by = self._presence.take()
        except LabError as error:
            self.taken_by = str(error)

    def open_session(self) -> Record | None:
        """Return the session on this cluster that one can go on with; none that cannot be read."""
        try:
            record = self._book.open_one()
        except LabError:
            return None
        here = (self._workbench.catalog.lab.id, self._workbench.cluster.connection.context)
        return record if record and (record.lab, record.context) == here else None

    def begin(self, wish: Wish) -> Journal:
        """Return the journal of a session; one that cannot be kept says why in ``trouble``.

        Practice waits until the learner starts the clock; an exam's clock runs at once.
        """
        lab, context = self._workbench.catalog.lab, self._workbench.cluster.connection.context
        if self.taken_by:
            return self._unkept(wish, f"The lab is open here already ({self.taken_by})")
        try:
            if wish.resume:
                journal = Journal(self._book, wish.resume)
                journal.pause()  # the learner says when to go on; an exam's clock never stood still
                return journal
            name = self._book.start(None, lab.id, context, wish.mode, wish.factor).name
            journal = Journal(self._book, name)
        except LabError as error:
            return self._unkept(wish, str(error))
        return self._started(journal, wish)

    def leave(self) -> None:
        """Give the place up."""
        self._presence.leave()

    def _unkept(self, wish: Wish, why: str) -> Journal:
        lab, context = self._workbench.catalog.lab, self._workbench.cluster.connection.context
        journal = Journal(self._book, "not kept", kept=False)
        mode, factor = wish.mode.value, wish.factor
        journal.note("started", lab=lab.id, context=context, mode=mode, factor=factor)
        journal.trouble = why
        return self._started(journal, wish)

    def _started(self, journal: Journal, wish: Wish) -> Journal:
        if wish.mode is Mode.EXAM:
            journal.work_on(self._workbench.catalog.lab.tasks[0].id)
        else:
            journal.pause()
        return journal
