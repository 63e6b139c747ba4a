"""Drills: the lab is broken in a named way, and the learner mends it. As `labgrader drill` does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Markdown, OptionList, Static
from textual.widgets.option_list import Option

from labgrader.app.workbench import Workbench
from labgrader.errors import ContentError, LabError
from labgrader.learning import drill_runs
from labgrader.learning.drill_runs import Health
from labgrader.learning.drills import load_drills
from labgrader.model.drill import Drill
from labgrader.model.task import Criterion
from labgrader.tui import formatting
from labgrader.tui.background import in_thread
from labgrader.tui.drill_progress import DrillBook, Stage
from labgrader.tui.screens.frame import Frame
from labgrader.tui.state import LabState
from labgrader.tui.widgets import drill_parts as parts
from labgrader.tui.widgets.choices import Choices

LOOK_SECONDS = 0.25
"""How often the window looks at what the live grading has said; nothing is asked for that."""

_KEYS = "s begins, h hint, l copies the link, ? keys, esc closes"


class DrillsScreen(Frame):
    """The drills: which can begin here, the story, hints, and live whether the lab is healthy.

    Args:
        state: returns what the lab's live grading knows now.
        book: remembers what was begun and hinted when the window is opened again.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "start", "Begin", tooltip="Begin the drill: breaks the lab on the cluster"),
        Binding("y", "agree", "Agree", tooltip="Agree to a cluster of your own being broken"),
        Binding("h", "hint", "Hint", tooltip="Show the next hint"),
        Binding("l", "link", "Link", tooltip="Copy the lesson's next link"),
        Binding("j", "move(1)", "Next", show=False, tooltip="The next drill"),
        Binding("k", "move(-1)", "Before", show=False, tooltip="The drill before"),
        Binding("tab", "app.focus_next", "Pane", show=False, tooltip="List or story"),
    ]
    DEFAULT_CSS = """
    #drills-body { layout: vertical; height: 1fr; }
    #drill-list { height: 8; }
    #drill { height: 1fr; border-top: solid $foreground 20%; }
    #drill:focus { border-top: solid $primary; }
    #drill-title { text-style: bold; color: $text-primary; }
    #drill-news { margin: 0 0 1 0; }
    DrillsScreen.-wide {
        #drills-body { layout: horizontal; }
        #drill-list { width: 46; height: 100%; }
        #drill { height: 100%; padding: 0 2; border-top: none; border-left: solid $foreground 20%; }
        #drill:focus { border-left: solid $primary; }
    }
    """

    def __init__(
        self,
        workbench: Workbench,
        state: Callable[[], LabState],
        all_sessions: DrillBook | None = None,
    ) -> None:
        super().__init__()
        self._workbench = workbench
        self._state = state
        self._all_sessions = all_sessions or DrillBook()
        self._drills: list[Drill] = []
        self._criteria: dict[str, Sequence[Criterion]] = {}
        self._error = ""
        self._asking = self._agreed = False
        self._links = 0
        self._shown: object = None
        self._text = ""
        self._turned = ""

    def compose_inside(self) -> ComposeResult:
        """Yield the list, and beside or under it the chosen drill."""
        with Container(id="drills-body"):
            yield Choices(id="drill-list", markup=False)
            with VerticalScroll(id="drill"):
                yield Static(id="drill-title", markup=False)
                yield Static(id="drill-news", markup=False)
                yield Markdown(id="drill-page", open_links=False)

    async def on_mount(self) -> None:
        """Read the drills, and follow the live grading."""
        self.entitle("Drills: break and fix", _KEYS)
        try:
            catalog = self._workbench.catalog
            self._drills = load_drills(catalog.lab.root)
            self._criteria = {one.name: catalog.select(one.caught_by) for one in self._drills}
            if not self._drills:
                raise ContentError("This lab has no drills", "They are in tasks/drills/*.yaml")
        except LabError as error:
            self._drills = []
            self._error = str(error)
        self.query_one(OptionList).focus()
        await self._look()
        self.set_interval(LOOK_SECONDS, self._look)

    @property
    def _drill(self) -> Drill | None:
        at = self.query_one(OptionList).highlighted
        return self._drills[at] if at is not None and at < len(self._drills) else None

    def _stage(self, drill: Drill) -> tuple[Stage, Health]:
        checks = self._workbench.catalog.checks
        return self._all_sessions.stage(drill, self._state(), self._criteria[drill.name], checks)

    async def _look(self) -> None:
        """Repaint what is different from what is shown."""
        stages = [self._stage(one) for one in self._drills]
        drill, state = self._drill, self._state()
        level = self._all_sessions.level(drill) if drill else 0
        link = (state.lost, state.broken)
        now = (stages, drill, level, self._error, self._asking, link)
        if now == self._shown:
            return
        self._shown = now
        self._list(stages)
        await self._page(drill or next(iter(self._drills), None))

    def _list(self, stages: Sequence[tuple[Stage, Health]]) -> None:
        listed = self.query_one(OptionList)
        at = listed.highlighted or 0
        pairs = zip(self._drills, stages, strict=True)
        rows = [Option(parts.row(one, stage), id=one.name) for one, (stage, _) in pairs]
        listed.set_options(rows)
        if rows:
            listed.highlighted = at

    async def _page(self, drill: Drill | None) -> None:
        news = self.query_one("#drill-news", Static)
        if drill is None:
            news.update(parts.trouble(self._error))
            return
        stage, health = self._stage(drill)
        self.query_one("#drill-title", Static).update(Content(drill.title))
        level = self._all_sessions.level(drill)
        lines = list(parts.news(stage, health, tell=bool(level)))
        lines += [parts.trouble(text) for text in self._notes()]
        if self._asking:
            context = self._workbench.cluster.connection.context
            asked = f"labgrader did not start the cluster of context {context}; y breaks it there"
            lines.append(Content.assemble(("? ", "bold $text-warning"), formatting.foreign(asked)))
        news.update(Content("\n").join(lines))
        text = parts.page(drill, level, over=stage is Stage.HEALTHY)
        if text != self._text:
            self._text = text
            await self.query_one("#drill-page", Markdown).update(text)

    def _notes(self) -> Iterator[str]:
        """Yield what went wrong here, and what is stale."""
        state = self._state()
        if state.lost is not None:
            yield f"Connection lost, stale: {state.lost.reason}"
        if state.broken:
            yield f"Grading stopped, stale: {state.broken}"
        if self._error:
            yield self._error

    @on(OptionList.OptionHighlighted)
    async def _turn(self) -> None:
        name = self._drill.name if self._drill else ""
        if name != self._turned:  # repainting the list highlights the same one again
            self._turned = name
            self._error, self._asking, self._links = "", False, 0
            await self._look()

    def action_move(self, by: int) -> None:
        """Go to another drill."""
        listed = self.query_one(OptionList)
        (listed.action_cursor_down if by > 0 else listed.action_cursor_up)()

    async def action_start(self) -> None:
        """Begin the chosen drill; on a cluster that is not the lab's own after a yes only."""
        drill = self._drill
        if drill is None:
            return
        stage, _ = self._stage(drill)
        if stage in (Stage.BREAKING, Stage.BROKEN, Stage.NOT_HERE):
            self.notify(f"{drill.title}: {stage.value}", markup=False)
        elif self._workbench.agreed or self._agreed:
            self._break(drill)
        else:
            self._asking = True
            await self._look()

    def action_agree(self) -> None:
        """Agree to writing, for this window."""
        if self._asking and self._drill is not None:
            self._asking, self._agreed = False, True
            self._break(self._drill)

    @work
    async def _break(self, drill: Drill) -> None:
        self._error = ""
        self._all_sessions.prepare(drill)
        await self._look()
        try:
            await in_thread(lambda: self._prepare(drill))
            await self._look()
            await in_thread(lambda: self._await_fault(drill))
        except LabError as error:
            self._error = str(error)
        await self._look()

    def _prepare(self, drill: Drill) -> None:
        """Break the lab; in a thread, which goes on when the window is closed."""
        begun = False
        try:
            results = self._workbench.results(drill.caught_by)
            drill_runs.begin(self._workbench.cluster, drill, results)
            begun = True
        finally:
            self._all_sessions.begin(drill, begun=begun)

    def _await_fault(self, drill: Drill) -> None:
        if drill_runs.await_fault(lambda: self._workbench.results(drill.caught_by)):
            self._all_sessions.fault_shows(drill, self._state())

    async def action_hint(self) -> None:
        """Show the next hint."""
        if self._drill is not None and not self._all_sessions.hint(self._drill):
            self.notify("There is no other hint", markup=False)
        await self._look()

    def action_link(self) -> None:
        """Copy the next link of the lesson."""
        drill = self._drill
        if drill is None or self._stage(drill)[0] is not Stage.HEALTHY:
            self.notify("The lesson comes when the lab is healthy again", markup=False)
            return
        self.copy_text(drill.docs[self._links % len(drill.docs)])
        self._links += 1
