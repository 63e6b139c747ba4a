"""Commands on sessions: start, pause, resume, note a grading, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from labgrader.errors import UsageError
from labgrader.learning.sessions.clock import Moment, now
from labgrader.learning.sessions.policy import END
from labgrader.learning.sessions.reducer import replay
from labgrader.learning.sessions.state import SessionState
from labgrader.learning.sessions.store import Entry, Store
from labgrader.model.modes import Mode, Terms
from labgrader.model.result import Outcome, Report, TaskResult
from labgrader.util.suggestion import unknown

Now = Callable[[], Moment]
NO_TERMS = Terms()
START_ONE = "Start one with `labgrader session start`"


class Sessions:
    """The sessions of this machine's user.

    Args:
        lab: only sessions of this lab can be open, or be the newest; empty: those of any lab. Two
            labs may each have an open session. An exam stands alone: none begins beside it.
    """

    def __init__(self, store: Store | None = None, now: Now = now, lab: str = "") -> None:
        self.store = store or Store()
        self.now = now
        self.lab = lab

    def of(self, lab: str) -> Sessions:
        """Return the same sessions as one lab sees them."""
        return Sessions(self.store, self.now, lab)

    def records(self) -> list[SessionState]:
        """Return all sessions that can be read, oldest first."""
        found = [self._read(name) for name in self.store.sessions()]
        return [record for record in found if record is not None]

    def record(self, name: str) -> SessionState:
        """Return one session; raise ``UsageError`` where there is none that can be read."""
        found = self._read(name)
        if found is None:
            raise unknown("session", name, [one.name for one in self.records()])
        return found

    def unread(self) -> int:
        """Return how many sessions of the file cannot be read: none of them has begun."""
        return len(self.store.sessions()) - len(self.records())

    def newest(self) -> SessionState | None:
        """Return the session that was started last: no other one of its lab can be open."""
        for name in reversed(self.store.sessions()):
            found = self._read(name)
            if found is not None and self.lab in ("", found.lab):
                return found
        return None

    def _read(self, name: str) -> SessionState | None:
        """Return a session; None where the file has no event by which it begins."""
        entries = self.store.entries(name)
        found = replay(entries, self.now()) if entries else None
        return found if found is not None and found.started_at is not None else None

    def open_one(self) -> SessionState | None:
        """Return the newest session that runs or is paused."""
        record = self.newest()
        return record if record and record.state != "ended" else None

    def start(
        self,
        name: str | None,
        lab: str,
        context: str,
        mode: Mode = Mode.PRACTICE,
        factor: float | None = 1.0,
        terms: Terms = NO_TERMS,
    ) -> SessionState:
        """Start a session of a lab; an open one of the same lab is ended.

        Args:
            factor: stretches every time limit; None for as long as it takes.
            terms: of an exam; nothing of them holds in another mode.

        Raises:
            UsageError: an exam runs, or there is a session of that name.
        """
        chosen = name or self.now().at.astimezone().strftime("%Y-%m-%d-%H%M%S")
        if chosen in self.store.sessions():
            raise UsageError(f"There is a session called {chosen!r} already", "Choose another name")
        exam, before = self.exam(), self.of(lab).open_one()
        if exam is not None:
            raise UsageError(f"An exam is running ({exam.name})", END)
        if before is not None:
            self.write(before.name, "ended")
        data: dict[str, Any] = {"lab": lab, "context": context, "mode": mode.value}
        data["factor"] = factor
        if mode is Mode.EXAM:
            data |= {"minutes": terms.minutes, "pass": terms.pass_mark}
            data |= {"breaks": terms.breaks * 60, "tasks": list(terms.tasks)}
        self.write(chosen, "started", **data)
        return self.record(chosen)

    def pause(self) -> SessionState:
        """Pause the open session; of an exam this is a break.

        Raises:
            UsageError: nothing runs, or its clock cannot be paused.
        """
        record = self._open_as("running", START_ONE)
        if record.runs_on and not (record.is_exam and record.break_left):
            raise UsageError("This clock cannot be paused", END)
        return self._written(record, "paused")

    def resume(self) -> SessionState:
        """Let the open session go on."""
        record = self._open_as("paused", "Pause it first, or start a new one")
        return self._written(record, "resumed")

    def end(self, how: str = "", because: str = "") -> SessionState:
        """End the open session; its clock stands still for good.

        Args:
            how: what ended it (see ``record``); because: why it is void.
        """
        record = self.open_one()
        if record is None:
            raise UsageError("No session is open", START_ONE)
        data = {"how": how} if how else {}
        self.write(record.name, "ended", **data, **({"because": because} if because else {}))
        return self.record(record.name)

    def exam(self) -> SessionState | None:
        """Return the exam of any lab that has not ended; there is at most one."""
        record = self.of("").open_one()
        return record if record is not None and record.is_exam else None

    def note_grading(self, report: Report) -> None:
        """Keep the points of a grading, where a session runs on the same cluster.

        After an exam they are kept apart: they change nothing about its score.
        """
        record = self.of(report.lab).newest()
        if record is None or record.context != report.cluster.context or record.is_exam:
            return
        if record.state == "running":
            self.write(record.name, "graded", **graded(report.tasks))
        elif record.final is not None:
            self.write(record.name, "later", **graded(report.tasks))

    def note_hint(self, criterion: str) -> None:
        """Keep that a hint was given: it costs nothing, and the report shows it."""
        record = self.open_one()
        if record is not None and record.state == "running":
            self.write(record.name, "hinted", criterion=criterion)

    def note_solution(self, step: str) -> None:
        """Keep that a step's solution was looked at: it costs nothing either."""
        record = self.open_one()
        if record is not None and record.state == "running":
            self.write(record.name, "revealed", step=step)

    def note_solved(self, task: str, context: str) -> None:
        """Keep that `solve` deployed a task, where a session is open on the same cluster."""
        record = self.open_one()
        if record is not None and record.context == context:
            self.write(record.name, "solved", task=task)

    def delete(self, name: str) -> None:
        """Remove a session for good, also one that cannot be read.

        Raises:
            UsageError: it is an exam that runs, or there is none of that name.
        """
        if name not in self.store.sessions():
            raise unknown("session", name, self.store.sessions())
        record = self._read(name)
        if record is not None and record.is_exam:
            raise UsageError(f"An exam is running ({name})", END)
        self.store.delete(name)

    def write(self, name: str, kind: str, **data: Any) -> None:
        """Write one event of the moment now."""
        self.store.append(Entry(name, self.now(), kind, data))

    def _open_as(self, wanted: str, otherwise: str) -> SessionState:
        record = self.open_one()
        if record is None or record.state != wanted:
            raise UsageError(f"No session is {wanted}", otherwise)
        return record

    def _written(self, record: SessionState, kind: str) -> SessionState:
        self.write(record.name, kind)
        return self.record(record.name)


def graded(tasks: Sequence[TaskResult]) -> dict[str, Any]:
    """Return what is kept of a grading: points by task, and the outcome of each criterion."""
    checks = [check for task in tasks for check in task.checks]
    return {
        "checks": {check.id: (check.outcome.value, check.earned) for check in checks},
        "tasks": {t.id: (t.score.earned, t.score.possible) for t in tasks},
        "passed": [check.id for check in checks if check.outcome is Outcome.PASSED],
        "failed": [check.id for check in checks if check.outcome is Outcome.FAILED],
    }
