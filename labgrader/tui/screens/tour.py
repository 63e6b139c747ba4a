"""The lab in five short steps, for the first time."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Markdown

from labgrader.tui.screens.help import Window

STEPS = (
    """**The tasks** stand on the left: five of them, a few steps each, with points and a mark.

Move with the arrow keys, or `j` and `k`. Each step tells its story in the middle.""",
    """**Do it on the cluster**, not here: `!` lends you a shell that is set up for it, and `exit`
brings you back. Your own terminal works as well.

`c` copies a manifest, `w` writes it into a file, `[` and `]` turn to the others. `v` shows less:
first manifests with gaps, then the requirements alone, as in the exam.""",
    """**Watch the checks**: they are judged again whenever the cluster changes, within a second.

✔ passed, ✘ failed, ◌ blocked by another check, ? could not be judged: that costs no points.""",
    """**When something fails**, its reason is there at once. `d` opens it further: what was
expected and what is there, then the smallest fix.

`h` gives hints, `e` explains what a check looks at and why, `o` shows the solution beside what you
have, and `p` is about what the original text got wrong.""",
    """**Your time** starts when you say so: `s`. It stands still when the task is done, and pauses
when you leave. `g` shows the report, `?` every key.

Good luck.""",
)


class TourScreen(Window):
    """One step at a time; enter goes on, and escape ends it at any moment."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,right,space", "turn(1)", "Next", priority=True),
        Binding("left", "turn(-1)", "Before", priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._at = 0

    async def on_mount(self) -> None:
        """Show the first step."""
        await self._show()

    async def action_turn(self, by: int) -> None:
        """Go to another step; past the last one the tour ends."""
        if self._at + by >= len(STEPS):
            self.dismiss()
            return
        self._at = max(0, self._at + by)
        await self._show()

    async def _show(self) -> None:
        window = self.query_one(VerticalScroll)
        window.border_title = f"The lab in five steps: {self._at + 1} of {len(STEPS)}"
        window.border_subtitle = "enter: next, ←: before, esc: close"
        await self.query_one(Markdown).update(STEPS[self._at])
