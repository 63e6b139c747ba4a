"""The application: welcomes the learner, opens the lab, and ends with an exit code."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import App, SystemCommand
from textual.await_complete import AwaitComplete
from textual.screen import Screen
from textual.theme import Theme

from labgrader.errors import LabError, UsageError
from labgrader.model.modes import Level, Mode
from labgrader.tui import theme
from labgrader.tui.bindings import bindings_of
from labgrader.tui.launch import Launch
from labgrader.tui.screens.welcome import WelcomeScreen
from labgrader.tui.startup_messages import Chosen

if TYPE_CHECKING:
    from labgrader.app.workbench import Workbench
    from labgrader.learning.sessions.recorder import SessionRecorder
    from labgrader.tui.screens.lab import LabScreen


SWITCH_SECONDS = 0.0005


class LabApp(App[None]):
    """The labgrader TUI. The lab itself is imported when the welcome is on the screen."""

    CSS_PATH = Path(__file__).parent / "app.tcss"
    TITLE = "labgrader"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual declares it without ClassVar
        (0, "-narrow"),
        (120, "-wide"),
    ]

    def __init__(self, launch: Launch) -> None:
        super().__init__()
        self._launch = launch
        for each in theme.ALL:
            self.register_theme(each)
        self.theme = theme.DARK.name
        self.console.push_theme(theme.for_prose(theme.DARK))

    def on_mount(self) -> None:
        """Follow the theme where Textual does not."""
        self._recolour(self.current_theme)
        self.theme_changed_signal.subscribe(self, self._recolour)

    def _recolour(self, chosen: Theme) -> None:
        self.console.pop_theme()
        self.console.push_theme(theme.for_prose(chosen))
        for prose in self.query("Prose"):
            prose.refresh(layout=True)

    @property
    def crash(self) -> Exception | None:
        """What ended the application, where that was no wish of the learner's."""
        return self._exception

    def get_default_screen(self) -> Screen[None]:
        """Open the welcome."""
        return WelcomeScreen(self._launch)

    @on(Chosen)
    def _open(self, message: Chosen) -> None:
        first = _is_first(self._launch)
        try:
            session_recorder = message.seat.begin(message.wish)
        except UsageError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        screen = self.lab_screen(message.workbench, session_recorder, message.wish.level)
        gc.freeze()  # what is loaded stays: looking through all of it stops the screen for 0.1 s
        self.push_screen(screen)
        if first and screen.mode is Mode.PRACTICE and not self._launch.at_once:
            from labgrader.tui.screens.tour import TourScreen

            self.push_screen(TourScreen())

    def pop_screen(self) -> AwaitComplete:
        """Close the window in front, and first what it still waits for.

        Textual ends a screen's workers after the widgets that they are about to change.
        """
        self.workers.cancel_node(self.screen)
        return super().pop_screen()

    def lab_screen(
        self, workbench: Workbench, session_recorder: SessionRecorder, level: Level
    ) -> LabScreen:
        """Return the lab with a session in it."""
        from labgrader.tui.screens.lab import LabScreen

        return LabScreen(workbench, session_recorder, level=level, now=self._launch.now)

    def _fatal_error(self) -> None:
        """Leave without printing local variables, as Textual would: a kubeconfig may be in them."""
        self._close_messages_no_wait()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer the screen's own commands in the palette, beside Textual's."""
        yield from super().get_system_commands(screen)
        for binding in bindings_of(screen):
            if binding.tooltip:
                action = getattr(screen, f"action_{binding.action}", None)
                if action is not None and screen.check_action(binding.action, ()):
                    yield SystemCommand(binding.description, binding.tooltip, action)


def _is_first(launch: Launch) -> bool:
    """Whether nobody has had a session here before."""
    try:
        return not launch.all_sessions().store.sessions()
    except LabError:
        return False


def run_app(launch: Launch) -> int:
    """Run the TUI until it is left; return the exit code.

    Raises:
        LabError: kubeconfig or named content cannot be opened. That comes out before the screen is
            taken over, and so do the questions of a kubeconfig's login helper.
    """
    if launch.up is None:
        _ = launch.workbench.connection
    if launch.workbench.choice.lab_options:
        _ = launch.workbench.catalog
    # Grading computes in threads of its own: they hand the interpreter back after this long.
    sys.setswitchinterval(SWITCH_SECONDS)
    app = LabApp(launch)
    app.run()
    if app.crash is not None:
        raise app.crash
    return app.return_code or 0
