"""The first screen: the machine and the cluster, and what the learner wants to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, OptionList, ProgressBar, Static
from textual.widgets.option_list import Option

from labgrader.errors import LabError
from labgrader.model.modes import Mode
from labgrader.report.clean import one_line
from labgrader.tui.launch import Launch, Wish
from labgrader.tui.screens.confirm import ConfirmScreen
from labgrader.tui.startup_messages import (
    Chosen,
    Failed,
    Ready,
    Told,
    go_on_with,
    installed_ids,
    survey_of,
)
from labgrader.tui.widgets.choices import Choices

if TYPE_CHECKING:
    from labgrader.app.workbench import Workbench
    from labgrader.learning.sessions.state import SessionState
    from labgrader.tui.session_start import Seat

FACTORS = (1.0, 1.5, 2.0)
PRACTICE, UNTIMED, TIMED, EXAM, RESUME = "practice", "untimed", "timed", "exam", "resume"


class WelcomeScreen(Screen[None]):
    """Waits for the cluster and for the learner, in whatever order they come."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "factor", "Time ×", tooltip="Stretch every budget: 1, 1.5 or 2 times"),
        Binding("l", "lab", "Lab", tooltip="The next one of the labs that are installed"),
        Binding("v", "level", "Level", tooltip="Everything, gaps to fill, or requirements only"),
        Binding("r", "again", "Again", tooltip="Look for the cluster again"),
        Binding("d", "doctor", "Doctor", tooltip="What this machine and cluster can grade"),
        Binding("?,f1", "help", "Help", key_display="?"),
        Binding("q", "app.quit", "Quit"),
    ]

    def __init__(self, launch: Launch) -> None:
        super().__init__()
        self._launch = launch
        self._factor = launch.factor or 1.0
        self._level = launch.level
        self._labs: Sequence[str] = ()
        self._told: dict[str, str] = {}
        self._workbench: Workbench | None = None
        self._seat: Seat | None = None
        self._open: SessionState | None = None
        self._refusal = self._trouble = self._wanted = ""

    def compose(self) -> ComposeResult:
        """Yield what is there, what comes, and what can be done."""
        with Vertical(id="welcome"):
            yield Static("labgrader", id="welcome-title", markup=False)
            yield Static("The cluster is being looked at …", id="welcome-cluster", markup=False)
            yield ProgressBar(show_eta=False, show_percentage=False, id="welcome-bar")
            yield Static(id="welcome-told", markup=False)
            yield Choices(id="welcome-choices", markup=False)
            yield Static(id="welcome-note", markup=False)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Offer the choices; look for the cluster when that is painted."""
        if self._launch.at_once:
            self._wanted = self._first_wish()
        self._offer()
        self.query_one(OptionList).focus()
        self.call_after_refresh(self._find_cluster)

    def on_unmount(self) -> None:
        """Give the place at the cluster up: the welcome stays below the lab until the end."""
        if self._seat is not None:
            self._seat.leave()

    @work(thread=True, exclusive=True)
    def _find_cluster(self) -> None:
        up, title = self._launch.up, ""
        try:
            title = self._launch.workbench.catalog.lab.title
            import labgrader.tui.screens.lab  # noqa: F401 - while the learner reads, not later

            bench = up(self._tell) if up else self._launch.workbench
            facts = survey_of(bench)
        except LabError as error:
            if not (self._launch.at_once and up is None):
                self.post_message(Failed(str(error)))
                return
            bench, facts = self._launch.workbench, str(error)  # the lab says it, and waits for it
        self.post_message(Ready(bench, title, facts, installed_ids()))

    @work(thread=True, exclusive=True)
    def _open_lab(self, bench: Workbench, lab: str) -> None:
        """Open another lab on the same cluster."""
        try:
            other = bench.with_lab(lab)
            ready = Ready(other, other.catalog.lab.title, survey_of(other), self._labs)
        except LabError as error:
            self._trouble = f"! The lab {lab} cannot be opened: {error}"
            self.app.call_from_thread(self._note)
            return
        self.post_message(ready)

    def _tell(self, component: str, text: str) -> None:
        self.post_message(Told(component, text))

    @on(Told)
    def _show_progress(self, message: Told) -> None:
        self._told.pop(message.component, None)
        self._told[message.component] = one_line(message.text)
        lines = [Content(f"… {name}: {text}") for name, text in list(self._told.items())[-6:]]
        self.query_one("#welcome-told", Static).update(Content("\n").join(lines))

    @on(Ready)
    def _be_ready(self, message: Ready) -> None:
        from labgrader.tui.session_start import Seat

        if self._seat is not None:
            self._seat.leave()
        self._workbench, self._labs, self._trouble = message.workbench, message.labs, ""
        self.refresh_bindings()
        self.query_one("#welcome-title", Static).update(message.title)
        self._seat = Seat(message.workbench, self._launch.all_sessions())
        self._open = self._seat.open_session()
        self._refusal = self._seat.refusal()
        self.query_one("#welcome-bar").display = False
        self.query_one("#welcome-told").display = False
        ready = Content.assemble(("✔ ready  ", "bold $text-success"), one_line(message.facts))
        self.query_one("#welcome-cluster", Static).update(ready)
        self._offer()
        if self._wanted:
            self._go(RESUME if self._launch.at_once and self._open else self._wanted)

    @on(Failed)
    def _say_failure(self, message: Failed) -> None:
        self.query_one("#welcome-bar").display = False
        why = f"{message.why}. r looks again"
        told = Content.assemble(("✘ no cluster  ", "bold $text-error"), one_line(why))
        self.query_one("#welcome-cluster", Static).update(told)
        self._wanted = ""
        self._note()

    def _offer(self) -> None:
        """List what can be done; what was marked stays marked."""
        choices = self.query_one(OptionList)
        marked = choices.highlighted or 0
        options = [
            Option("Practise: hints, solutions, pauses", id=PRACTICE),
            Option("Practise without a clock", id=UNTIMED),
            Option("Timed: instant verdicts, no hints; the clock runs on", id=TIMED),
            Option("Exam: as in a real one, the score comes at the end", id=EXAM),
        ]
        first = self._first_wish()
        options.sort(key=lambda option: option.id != first)
        if self._open is not None and self._open.is_exam:
            options = [Option(go_on_with(self._open), id=RESUME)]
        elif self._open is not None:
            options.insert(0, Option(go_on_with(self._open), id=RESUME))
        if self._refusal:
            options = []
        choices.clear_options()
        choices.add_options(options)
        choices.highlighted = marked
        self._note()

    def _note(self) -> None:
        line = f"Budgets × {self._factor:g} (f)   Level: {self._level.value} (v)"
        if len(self._labs) > 1:
            line += f"   {len(self._labs)} labs (l)"
        lines = [Content(line)]
        if self._trouble:
            lines.append(Content.styled(one_line(self._trouble), "$text-warning"))
        if self._seat is not None and self._seat.taken_by and not self._refusal:
            told = f"! The lab is open here already ({self._seat.taken_by}): your time is not kept"
            lines.append(Content.styled(one_line(told), "$text-warning"))
        if self._refusal:
            told = f"! {self._refusal}: nothing else can be started"
            lines.append(Content.styled(one_line(told), "$text-warning"))
        elif self._open is not None and self._open.is_exam:
            lines.append(Content.styled("! An exam is running; its clock runs", "$text-warning"))
        if self._wanted and self._workbench is None:
            lines.append(Content("It begins as soon as the cluster is ready."))
        self.query_one("#welcome-note", Static).update(Content("\n").join(lines))

    def action_again(self) -> None:
        """Look for the cluster again, where it was not found."""
        if self._workbench is None and not self.query_one("#welcome-bar").display:
            self.query_one("#welcome-bar").display = True
            looking = "The cluster is being looked at …"
            self.query_one("#welcome-cluster", Static).update(looking)
            self._find_cluster()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer another lab only where there is one; an exam must be ended first."""
        del parameters
        exam = self._open is not None and self._open.is_exam
        return action != "lab" or (len(self._labs) > 1 and not exam)

    def action_lab(self) -> None:
        """Open the next lab."""
        if self._workbench is None:
            return
        now = self._workbench.catalog.lab.id
        at = self._labs.index(now) + 1 if now in self._labs else 0
        self._open_lab(self._workbench, self._labs[at % len(self._labs)])

    def _first_wish(self) -> str:
        """Return what the command line asked for."""
        if self._launch.mode is not Mode.PRACTICE:
            return self._launch.mode.value
        return UNTIMED if self._launch.factor is None else PRACTICE

    def action_factor(self) -> None:
        """Stretch every budget, or not."""
        larger = [factor for factor in FACTORS if factor > self._factor]
        self._factor = larger[0] if larger else FACTORS[0]
        self._note()

    def action_level(self) -> None:
        """Show more or less of how it is done."""
        self._level = self._level.next()
        self._note()

    def action_doctor(self) -> None:
        """Say what can be graded here, and what would have to change for the rest."""
        from labgrader.tui.screens.doctor import DoctorScreen

        self.app.push_screen(DoctorScreen(self._workbench or self._launch.workbench))

    def action_help(self) -> None:
        """Show what the keys do."""
        from labgrader.tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(self))

    @on(OptionList.OptionSelected)
    def _choose(self, message: OptionList.OptionSelected) -> None:
        self._go(str(message.option.id))

    def _go(self, wanted: str) -> None:
        """Begin, or remember what is wanted until the cluster is ready."""
        self._wanted = wanted
        if self._workbench is None or self._seat is None:
            self._note()
            return
        if self._refusal:
            return
        modes = {TIMED: Mode.TIMED, EXAM: Mode.EXAM}
        unlimited = self._launch.factor is None and wanted in modes
        factor = None if wanted == UNTIMED or unlimited else self._factor
        resume = self._open.name if wanted == RESUME and self._open else ""
        wish = Wish(modes.get(wanted, Mode.PRACTICE), factor, self._level, resume)
        if self._open is not None and not resume:
            question = f"End the open session {self._open.name}? It cannot be continued."
            self.app.push_screen(ConfirmScreen(question), lambda sure: self._settle(wish, sure))
        else:
            self._settle(wish, True)

    def _settle(self, wish: Wish, sure: bool | None) -> None:
        """Begin what is wanted; an exam only after its terms are agreed to."""
        bench = self._workbench
        if not sure or bench is None:
            self._wanted = ""
        elif wish.mode is Mode.EXAM:
            self._agree(bench, wish)
        else:
            self._begin(wish)

    def _agree(self, bench: Workbench, wish: Wish) -> None:
        from labgrader.app import exams
        from labgrader.tui.screens.terms import TermsScreen

        try:
            terms = exams.terms_of(bench.catalog.lab, self._launch.terms)
        except LabError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        agreed = replace(wish, terms=terms)

        def begin(sure: bool | None) -> None:
            if sure:
                self._begin(agreed)

        self.app.push_screen(TermsScreen(bench, terms, wish.factor), begin)

    def _begin(self, wish: Wish) -> None:
        if self._workbench is not None and self._seat is not None:
            self.post_message(Chosen(self._workbench, self._seat, wish))
