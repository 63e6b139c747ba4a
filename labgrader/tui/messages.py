"""What travels through Textual's queues: from the grading thread, and between the widgets."""

from __future__ import annotations

from textual.message import Message

from labgrader.app.exam_monitor import ExamEvent
from labgrader.model.task import Criterion


class EventsAvailable(Message):
    """The grading said something: it is in the inbox."""


class Overtime(Message):
    """The time of a task, or of the whole ``lab``, is over."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what


class Ended(Message):
    """The session has ended, by whichever program."""


class Kept(Message):
    """The monitor of an exam has news, with one line about it (often empty)."""

    def __init__(self, news: ExamEvent, line: str) -> None:
        super().__init__()
        self.news, self.line = news, line


class CheckChosen(Message):
    """Somebody clicked a check."""

    def __init__(self, criterion: Criterion) -> None:
        super().__init__()
        self.criterion = criterion
