"""Records the events of the session that a program looks after."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from labgrader.errors import LabError
from labgrader.learning.sessions.reducer import tally_of
from labgrader.learning.sessions.sessions import Sessions, graded
from labgrader.learning.sessions.state import HEARTBEAT_SECONDS, SessionState
from labgrader.learning.sessions.store import Entry
from labgrader.model.result import CheckResult, Outcome, TaskResult


class SessionRecorder:
    """One session, kept event by event. May be used from several threads.

    What cannot be written does not stop anybody: ``trouble`` says why it is not kept, and the time
    goes on from memory alone.

    Args:
        name: a session that exists in ``book``, or any name where nothing is to be kept.
        kept: whether events are written; otherwise they are only added up.
    """

    def __init__(self, all_sessions: Sessions, name: str, *, kept: bool = True) -> None:
        self.name = name
        self.kept = kept
        self.trouble = ""
        self.all_sessions = all_sessions
        self._writing, self._lock = threading.Lock(), threading.Lock()
        entries = all_sessions.store.entries(name) if kept else []
        self._tally = tally_of(name, entries)
        self._count, self._missed = len(entries), False
        self._graded: dict[str, Any] = {}
        if self.record().lost:  # by a program that ended before the cluster was back
            self.note("back")

    def record(self) -> SessionState:
        """Return the session as it stands now."""
        with self._lock:
            return self._tally.at(self.all_sessions.now())

    def note(self, kind: str, **data: Any) -> None:
        """Write one event; it is on the disk when this returns (or ``trouble`` says why not)."""
        with self._writing:  # a reader of the state does not wait for the disk
            entry = Entry(self.name, self.all_sessions.now(), kind, data)
            if self.kept:
                self._write(entry)
            with self._lock:
                self._tally.add(entry)

    def _write(self, entry: Entry) -> None:
        try:
            self.all_sessions.store.append(entry)
            self.trouble = ""
            self._count += 1
        except LabError as error:
            self.trouble, self._missed = str(error), True

    def work_on(self, task_id: str) -> None:
        """Let the time of a task run; an empty name for none."""
        record = self.record()
        if record.state == "paused":
            self.note("resumed")
        if record.task != task_id:
            self.note("task", task=task_id)
        self.note("alive")

    def pause(self, *, done: str = "") -> None:
        """Pause a practice; the clock of a timed session or an exam runs on.

        Args:
            done: the task that was finished, where this is why.
        """
        record = self.record()
        if record.state == "running" and not record.runs_on:
            self.note("paused", **({"done": done} if done else {}))

    def leave(self) -> None:
        """Keep that the learner leaves: practice pauses; any other clock runs on."""
        self.pause()
        if self.record().runs_on:
            self.note("left")

    def rest(self) -> bool:
        """Begin or end a break of an exam; return whether there is one (left)."""
        record = self.record()
        if record.state == "paused":
            self.note("resumed")
            self.note("alive")
        elif record.state == "running" and record.break_left > 0:
            self.note("paused")
        else:
            return False
        return True

    def catch_up(self) -> None:
        """Take over what another program wrote of this session, such as its end."""
        if not self.kept:
            return
        with self._writing:
            try:
                entries = self.all_sessions.store.entries(self.name)
            except LabError:
                return  # writing says why
            if not entries:
                self.kept, self.trouble = False, "another program deleted this session"
                return
            ended = any(entry.kind == "ended" for entry in entries)
            if len(entries) > self._count and (ended or not self._missed):
                self._count = len(entries)
                with self._lock:
                    self._tally = tally_of(self.name, entries)

    def note_result(self, result: CheckResult) -> None:
        """Keep that a check has passed, before anybody shows it."""
        record = self.record()
        new = result.outcome is Outcome.PASSED and result.id not in record.first_passed
        if new and record.state != "ended" and not record.is_exam:
            self.note("passed", criterion=result.id)

    def note_grading(self, tasks: Sequence[TaskResult]) -> None:
        """Keep a grading, where it differs from the one before; after an exam, apart from it."""
        found, record = graded(tasks), self.record()
        # What is done in a pause counts as well: it was shown as done.
        if found == self._graded or record.is_exam:
            return
        if record.state != "ended":
            self._graded = found
            self.note("graded", **found)
        elif record.final is not None:
            self._graded = found
            self.note("later", **found)

    def note_over(self, what: str) -> None:
        """Keep, once, that the time of a task or of the ``lab`` is over."""
        if what not in self.record().over:
            self.note("over", what=what)


class Heartbeat:
    """Keeps a session alive from a thread of its own, also while a shell has the terminal."""

    def __init__(self, session_recorder: SessionRecorder) -> None:
        self._session_recorder = session_recorder
        self._stop = threading.Event()
        threading.Thread(target=self._beat, name="pulse", daemon=True).start()

    def close(self) -> None:
        """Stop beating."""
        self._stop.set()

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS):
            self._session_recorder.catch_up()
            if self._session_recorder.record().state == "running":
                self._session_recorder.note("alive")
