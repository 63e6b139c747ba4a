"""``labgrader start --exam --plain``: a whole exam as text, one fact a line."""

from __future__ import annotations

import os
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread

import rich_click as click

from labgrader.app import exams
from labgrader.app.exam_monitor import ExamEvent, ExamMonitor
from labgrader.app.workbench import Workbench
from labgrader.cli import exam_prompts
from labgrader.cli.tasks import as_markdown
from labgrader.errors import LabError, UsageError
from labgrader.learning.sessions.cluster_lock import ClusterLock
from labgrader.learning.sessions.recorder import Heartbeat, SessionRecorder
from labgrader.learning.sessions.sessions import Sessions
from labgrader.learning.sessions.state import SessionState
from labgrader.model.modes import Level, Mode, Terms
from labgrader.report.clean import one_line
from labgrader.report.pace import clock

COMMANDS = {
    "tasks": "print the requirements of all tasks",
    "taskN": "print the requirements of one task",
    "time": "print the time that is left",
    "break": "begin or end a break, where the exam has breaks",
    "shell": "open a shell on the cluster; exit comes back",
    "finish": "end the exam and grade it, after asking",
    "quit": "leave; the clock runs on, labgrader start --plain comes back",
}


def sit(
    workbench: Workbench,
    exam: SessionState | None,
    factor: float | None,
    asked: Terms,
    all_sessions: Sessions,
) -> int:
    """Start an exam, or go back to the one that runs, and keep it until it ends or is left.

    Raises:
        UsageError: the learner does not agree, or it is open in another program.
    """
    place = ClusterLock(workbench.cluster.connection.host)
    taken_by = place.take()
    if taken_by:
        raise UsageError(f"The lab is open already ({taken_by})", "Use that window")
    try:
        if exam is None:
            exam_prompts.ask_to_end(all_sessions.open_one(), yes=False)
            terms = exam_prompts.agree(workbench, asked, factor, yes=False)
            lab, context = workbench.catalog.lab, workbench.cluster.connection.context
            exam = all_sessions.start(None, lab.id, context, Mode.EXAM, factor, terms)
        PlainExam(workbench, SessionRecorder(all_sessions, exam.name)).run(typed_line)
    finally:
        place.leave()
    return 0


class PlainExam:
    """Reads commands, a line each, while the monitor watches the clock and the cluster."""

    def __init__(self, workbench: Workbench, session_recorder: SessionRecorder) -> None:
        self._workbench = workbench
        self._session_recorder = session_recorder
        self._lab = workbench.catalog.lab
        self._said: SimpleQueue[tuple[str, str]] = SimpleQueue()
        self._monitor = ExamMonitor(workbench, session_recorder, self._told)
        self._asked = False
        self._left = False

    def run(self, read: Callable[[], str]) -> None:
        """Keep the exam until it has ended or the learner leaves.

        Args:
            read: returns the next line that was typed; an empty text at the end of the input.
        """
        self._session_recorder.note("alive")
        pulse = Heartbeat(self._session_recorder)
        self._monitor.start()
        self._help()
        reading = Thread(target=self._read, args=(read,), name="input", daemon=True)
        reading.start()
        try:
            while self._next():
                pass
        finally:
            self._monitor.close()
            pulse.close()
            if self._left:
                self._session_recorder.leave()

    def _told(self, news: ExamEvent, line: str) -> None:
        self._said.put((news.value, line))

    def _read(self, read: Callable[[], str]) -> None:
        while line := read():
            self._said.put(("typed", line.strip()))
            if line.strip() == "shell":
                return  # the shell has the input until it ends
        self._said.put(("typed", "quit"))

    def _next(self) -> bool:
        """Answer the next thing that is typed or told; return whether the exam goes on here."""
        try:
            kind, line = self._said.get(timeout=3600)
        except Empty:
            return True
        if kind == "typed":
            return self._obey(line)
        if kind == ExamEvent.ENDED:
            self._say(exams.result_line(self._session_recorder.record(), self._lab))
            self._say("next: labgrader session report, labgrader check, labgrader solution")
            return False
        self._say(
            {
                ExamEvent.LOST: f"the cluster does not answer, the clock stands still: {line}",
                ExamEvent.RESTING: "this is a break: the tasks are hidden; type break to end it",
                ExamEvent.BACK: "the cluster answers again, the clock runs",
                ExamEvent.CLOSING: "the exam ends: grading the cluster, up to 60 s",
                ExamEvent.TROUBLE: f"the cluster cannot be graded yet: {line}",
            }[ExamEvent(kind)]
        )
        return True

    def _obey(self, line: str) -> bool:
        if self._asked:
            self._asked = False
            if line in ("y", "yes"):
                self._monitor.finish()
            else:
                self._say("canceled")
        elif line == "quit":
            self._left = True
            self._say("the clock of the exam runs on; labgrader start --plain comes back")
            return False
        elif line == "finish":
            self._asked = True
            self._say("end the exam and grade it? y or n")
        else:
            self._answer(line)
        return True

    def _answer(self, line: str) -> None:
        record = self._session_recorder.record()
        tasks = {task.id: task for task in record.tasks_of(self._lab)}
        if line == "time":
            self._say(time_line(record, record.left(self._lab)))
        elif line == "break":
            self._rest()
        elif record.state == "paused" and line:
            self._say("this is a break: the tasks are hidden; type break to end it")
        elif line == "shell":
            self._shell()
        elif line == "tasks" or line in tasks:
            chosen = [tasks[line]] if line in tasks else tasks.values()
            for task in chosen:
                click.echo(as_markdown(self._lab, task, Level.EXAM))
        elif line:
            self._help()

    def _rest(self) -> None:
        if not self._session_recorder.rest():
            self._say("no break is left")
            return
        record = self._session_recorder.record()
        now = "break: the clock stands still" if record.state == "paused" else "the clock runs"
        self._say(f"{now}; {clock(record.break_left)} of breaks left")

    def _shell(self) -> None:
        from labgrader.tui import shell

        try:
            shell.run(self._workbench)
        except LabError as error:
            self._say(str(error))
        Thread(target=self._read, args=(typed_line,), name="input", daemon=True).start()

    def _help(self) -> None:
        for name, does in COMMANDS.items():
            self._say(f"{name}: {does}")

    def _say(self, text: str) -> None:
        click.echo(one_line(text))


def typed_line() -> str:
    """Return the next line of the standard input, an empty text at its end.

    Without a buffer: what follows is for a shell, and a thread that waits in `sys.stdin` would hold
    a lock that Python wants at its end.
    """
    data = b""
    while not data.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            break
        data += piece
    return data.decode(errors="replace")


def time_line(record: SessionState, left: float | None) -> str:
    """Return the time that is left, in one line."""
    if left is None:
        return f"{clock(record.seconds)} so far, no time limit"
    stands = {"paused": ", in a break", "closing": ", being graded"}.get(record.state, "")
    lost = ", stopped: the cluster does not answer" if record.lost else ""
    return f"{clock(max(0.0, left))} left{stands}{lost}"
