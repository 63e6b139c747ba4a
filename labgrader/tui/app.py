"""The application: opens the lab screen and ends with an exit code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.screen import Screen

from labgrader.tui import theme
from labgrader.tui.screens.lab import LabScreen
from labgrader.workbench import Workbench


def local_now() -> datetime:
    """Return the time of day where the learner sits."""
    return datetime.now(UTC).astimezone()


class LabApp(App[None]):
    """The labgrader TUI.

    Args:
        workbench: content and cluster; its ``catalog`` and ``cluster`` can be read without waiting.
        clock: seconds for the task's time.
        now: the time of day.
    """

    CSS_PATH = "app.tcss"
    TITLE = "labgrader"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual declares it without ClassVar
        (0, "-narrow"),
        (120, "-wide"),
    ]

    def __init__(
        self,
        workbench: Workbench,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = local_now,
    ) -> None:
        super().__init__()
        self._workbench = workbench
        self._clock = clock
        self._now = now
        self.register_theme(theme.DARK)
        self.register_theme(theme.LIGHT)
        self.theme = theme.DARK.name

    def get_default_screen(self) -> LabScreen:
        """Open the lab."""
        return LabScreen(self._workbench, clock=self._clock, now=self._now)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer the lab's own commands in the palette, beside Textual's."""
        yield from super().get_system_commands(screen)
        if isinstance(screen, LabScreen):
            for binding in screen.BINDINGS:
                if isinstance(binding, Binding) and binding.tooltip:
                    action = getattr(screen, f"action_{binding.action}")
                    yield SystemCommand(binding.description, binding.tooltip, action)


def run_app(workbench: Workbench) -> int:
    """Run the TUI until it is left; return the exit code.

    Raises:
        LabError: content or cluster cannot be opened. That comes out before the screen is taken
            over, and so do the questions of a kubeconfig's login helper.
    """
    _ = workbench.catalog, workbench.cluster
    app = LabApp(workbench)
    app.run()
    return app.return_code or 0
