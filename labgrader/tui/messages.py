"""What travels through Textual's queues: from the grading thread, and between the widgets."""

from __future__ import annotations

from textual.message import Message

from labgrader.model.task import Criterion
from labgrader.tui.state import Fact


class Heard(Message):
    """The engine said something. ``generation`` counts gradings: those of a past one are late."""

    def __init__(self, generation: int, fact: Fact) -> None:
        super().__init__()
        self.generation = generation
        self.fact = fact


class Overtime(Message):
    """The time of a task, or of the whole ``lab``, is over."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what


class CheckChosen(Message):
    """Somebody clicked a check."""

    def __init__(self, criterion: Criterion) -> None:
        super().__init__()
        self.criterion = criterion
