"""Sessions by what one does with them: start, pause, resume, note a grading, report."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from labgrader.model.errors import UsageError
from labgrader.model.result import Outcome, Report
from labgrader.session.record import Record, replay
from labgrader.session.store import Store

Now = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time now."""
    return datetime.now(UTC)


class Book:
    """The sessions of this machine's user."""

    def __init__(self, store: Store | None = None, now: Now = utc_now) -> None:
        self._store = store or Store()
        self._now = now

    def records(self) -> list[Record]:
        """Return all sessions, oldest first."""
        return [self.record(name) for name in self._store.sessions()]

    def record(self, name: str) -> Record:
        """Return one session; raise ``UsageError`` where there is none."""
        entries = self._store.entries(name)
        if not entries:
            known = ", ".join(self._store.sessions()) or "none"
            raise UsageError(f"There is no session called {name!r}", f"Known are: {known}")
        return replay(entries, self._now())

    def open_one(self) -> Record | None:
        """Return the newest session that runs or is paused."""
        return next((r for r in reversed(self.records()) if r.state != "ended"), None)

    def start(self, name: str | None, lab: str, context: str) -> Record:
        """Start a session; an open one is ended."""
        chosen = name or self._now().astimezone().strftime("%Y-%m-%d-%H%M%S")
        if chosen in self._store.sessions():
            raise UsageError(f"There is a session called {chosen!r} already", "Choose another name")
        before = self.open_one()
        if before is not None:
            self._write(before.name, "ended")
        self._write(chosen, "started", lab=lab, context=context)
        return self.record(chosen)

    def pause(self) -> Record:
        """Pause the open session."""
        return self._change("running", "paused", "Start one with `labgrader session start`")

    def resume(self) -> Record:
        """Let the open session go on."""
        return self._change("paused", "resumed", "Pause it first, or start a new one")

    def note_grading(self, report: Report) -> None:
        """Keep the points of a grading, where a session runs on the same cluster."""
        record = self.open_one()
        if record is None or record.state != "running" or record.context != report.cluster.context:
            return
        tasks = {t.id: (t.score.earned, t.score.possible) for t in report.tasks}
        passed = [check.id for check in report.checks if check.outcome is Outcome.PASSED]
        failed = [check.id for check in report.checks if check.outcome is Outcome.FAILED]
        self._write(record.name, "graded", tasks=tasks, passed=passed, failed=failed)

    def note_hint(self, criterion: str) -> None:
        """Keep that a hint was given: it costs nothing, and the report shows it."""
        record = self.open_one()
        if record is not None and record.state == "running":
            self._write(record.name, "hinted", criterion=criterion)

    def delete(self, name: str) -> None:
        """Remove a session for good."""
        self.record(name)
        self._store.delete(name)

    def _change(self, wanted: str, kind: str, otherwise: str) -> Record:
        record = self.open_one()
        if record is None or record.state != wanted:
            raise UsageError(f"No session is {wanted}", otherwise)
        self._write(record.name, kind)
        return self.record(record.name)

    def _write(self, name: str, kind: str, **data: object) -> None:
        self._store.append(name, kind, data, self._now())
