"""What the actions of the lab screen may count on; the screen itself is in ``lab``."""

from __future__ import annotations

from textual.events import Key
from textual.screen import Screen

from labgrader.app.workbench import Workbench
from labgrader.content.lab_folder import LabFolder
from labgrader.learning.sessions import policy
from labgrader.learning.sessions.recorder import SessionRecorder
from labgrader.model.modes import Level, Mode
from labgrader.model.task import Lab, Step, Task
from labgrader.tui.bindings import bindings_of
from labgrader.tui.state import LabState


class LabBase(Screen[None]):
    """The lab screen as its actions see it."""

    state: LabState
    session_recorder: SessionRecorder
    workbench: Workbench
    mode: Mode
    level: Level
    lab_task: Task
    lab_step: Step

    @property
    def lab(self) -> Lab:
        """The lab that is shown."""
        raise NotImplementedError

    async def set_state(self, state: LabState) -> None:
        """Take a new state and show it everywhere."""
        raise NotImplementedError

    def show_step(self) -> None:
        """Show the chosen step at the chosen level."""
        raise NotImplementedError

    async def judge(self) -> None:
        """Judge everything again from the start."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Ask the policy: what it refuses has no place in the footer, and does nothing.

        So it is with what this lab does not have.
        """
        del parameters
        folder = LabFolder(self.lab.root)
        if (action == "quiz" and not folder.quiz_files) or (
            action == "drills" and not folder.drill_files
        ):
            return False
        if action == "rest" and not (
            self.mode is Mode.EXAM and self.session_recorder.record().breaks
        ):
            return False
        return action not in policy.ACTIONS or not policy.of_action(action, self.mode)

    def on_key(self, event: Key) -> None:
        """Say why a key is refused."""
        for binding in bindings_of(self):
            if {event.key, event.character} & set(binding.key.split(",")):
                why = policy.of_action(binding.action.split("(")[0], self.mode)
                if why:
                    self.notify(why, severity="warning", markup=False)
