"""What the actions of the lab screen may count on; the screen itself is in ``lab``."""

from __future__ import annotations

from textual.screen import Screen

from labgrader.model.modes import Level
from labgrader.model.task import Lab, Step, Task
from labgrader.session.journal import Journal
from labgrader.tui.state import LabState
from labgrader.workbench import Workbench


class LabBase(Screen[None]):
    """The lab screen as its actions see it."""

    state: LabState
    journal: Journal
    workbench: Workbench
    exam: bool
    level: Level
    lab_task: Task
    lab_step: Step

    @property
    def lab(self) -> Lab:
        """The lab that is shown."""
        raise NotImplementedError

    async def become(self, state: LabState) -> None:
        """Take a new state and show it everywhere."""
        raise NotImplementedError

    def show_step(self) -> None:
        """Show the chosen step at the chosen level."""
        raise NotImplementedError

    async def judge(self) -> None:
        """Judge everything again from the start."""
        raise NotImplementedError

    async def reveal(self) -> None:
        """Show the answers that are known now."""
        raise NotImplementedError

    def refused_in_exam(self, why: str) -> bool:
        """Say ``why`` something is not given, where an exam goes on; return whether it does."""
        if self.exam:
            self.notify(why, severity="warning", markup=False)
        return self.exam
