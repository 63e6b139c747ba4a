"""Starts or resumes a session: cluster lock, and recorder."""

from __future__ import annotations

from labgrader.app.workbench import Workbench
from labgrader.errors import LabError, UsageError
from labgrader.learning.sessions.cluster_lock import ClusterLock
from labgrader.learning.sessions.policy import END
from labgrader.learning.sessions.recorder import SessionRecorder
from labgrader.learning.sessions.sessions import Sessions
from labgrader.learning.sessions.state import SessionState
from labgrader.model.modes import Mode
from labgrader.tui.launch import Wish


class Seat:
    """The learner's place at a cluster: the recorder of the session, and the lock on it."""

    def __init__(self, workbench: Workbench, all_sessions: Sessions) -> None:
        self._workbench = workbench
        self._all_sessions = all_sessions.of(workbench.catalog.lab.id)
        self._presence = ClusterLock(workbench.cluster.connection.host)
        self.taken_by = self._trouble = ""
        try:
            self.taken_by = self._presence.take()
        except LabError as error:
            self._trouble = str(error)

    def open_session(self) -> SessionState | None:
        """Return the session on this cluster that one can go on with; none that cannot be read."""
        try:
            record = self._all_sessions.open_one()
        except LabError:
            return None
        here = (self._workbench.catalog.lab.id, self._workbench.cluster.connection.context)
        return record if record and (record.lab, record.context) == here else None

    def refusal(self) -> str:
        """Return why nothing can be begun here: an exam runs elsewhere, or in another program."""
        try:
            exam = self._all_sessions.exam()
        except LabError:
            return ""
        here = self.open_session()
        ours = exam is not None and here is not None and here.name == exam.name
        if exam is None or (ours and not self.taken_by):
            return ""
        where = f"An exam is running ({exam.name}, context {exam.context})"
        return f"{where}, open in {self.taken_by}" if self.taken_by else where

    def begin(self, wish: Wish) -> SessionRecorder:
        """Return the recorder of a session; one that cannot be kept says why in ``trouble``.

        Practice waits until the learner starts the clock; any other clock runs at once.

        Raises:
            UsageError: an exam runs, and this is not to go back to it.
        """
        refusal = self.refusal()
        if refusal:
            raise UsageError(refusal, END)
        lab, context = self._workbench.catalog.lab, self._workbench.cluster.connection.context
        if self.taken_by:
            self._trouble = f"The lab is open here already ({self.taken_by})"
        if self._trouble:
            return self._unkept(wish, self._trouble)
        try:
            if wish.resume:
                session_recorder = SessionRecorder(self._all_sessions, wish.resume)
                session_recorder.pause()  # an exam's clock never stops
                record = session_recorder.record()
                if record.is_exam and record.state == "paused":
                    session_recorder.rest()  # coming back ends a break: the tasks are seen again
                elif record.is_exam:
                    session_recorder.note("alive")
                return session_recorder
            name = self._all_sessions.start(
                None, lab.id, context, wish.mode, wish.factor, wish.terms
            ).name
            session_recorder = SessionRecorder(self._all_sessions, name)
        except LabError as error:
            return self._unkept(wish, str(error))
        return self._started(session_recorder, wish)

    def leave(self) -> None:
        """Give the place up."""
        self._presence.leave()

    def _unkept(self, wish: Wish, why: str) -> SessionRecorder:
        lab, context = self._workbench.catalog.lab, self._workbench.cluster.connection.context
        session_recorder = SessionRecorder(self._all_sessions, "not kept", kept=False)
        mode, factor = wish.mode.value, wish.factor
        session_recorder.note("started", lab=lab.id, context=context, mode=mode, factor=factor)
        session_recorder.trouble = why
        return self._started(session_recorder, wish)

    def _started(self, session_recorder: SessionRecorder, wish: Wish) -> SessionRecorder:
        if wish.mode is not Mode.PRACTICE:
            tasks = session_recorder.record().tasks_of(self._workbench.catalog.lab)
            session_recorder.work_on(tasks[0].id)
        else:
            session_recorder.pause()
        return session_recorder
