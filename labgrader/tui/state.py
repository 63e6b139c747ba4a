"""The state of the screen as values, and its reducer: ``reduce(state, event)``.

Knows no Textual, so that every rule of what is shown can be tested without a screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from labgrader.grading.change_feed import Change
from labgrader.grading.events import CheckFinished, CheckStarted, Event, RunFinished, RunStarted
from labgrader.model.result import CheckResult, ClusterInfo, Outcome, Report, Score, TaskResult
from labgrader.model.task import Criterion, Erratum, Lab, Step, Task, deciding, points_of


class Mark(StrEnum):
    """What a check, a step or a task looks like. The values are the words that people read."""

    PASSED = "passed"
    FAILED = "failed"
    BLOCKED = "blocked"
    ERROR = "not judged"
    OPEN = "not judged yet"
    NOTHING = "nothing to check"


@dataclass(frozen=True, slots=True)
class LinkLost:
    """The connection to the cluster broke; ``reason`` is one line from the client."""

    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class LinkBack:
    """The cluster answers again."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Grading itself stopped; nothing will be judged until it is started again."""

    reason: str


StateEvent = Event | Change | LinkLost | LinkBack | Broken


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened: what changed, and which checks changed their answer."""

    texts: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    judged: bool = False
    at: datetime | None = None


MORE = 2
"""In how many steps a failure opens: expected against actual, then the fix and the evidence."""

TIMELINE = 200
"""How many changes are remembered."""


@dataclass(frozen=True, slots=True)
class LabState:
    """Everything that the lab screen shows, but for the clock and what is selected.

    ``terse`` says that a check shows its mark and nothing else, as in a timed session. ``veiled``
    says that nothing is judged for the learner, as in an exam: no marks, no points.
    """

    lab: Lab
    results: Mapping[str, CheckResult] = field(default_factory=dict)
    running: frozenset[str] = frozenset()
    grading: bool = False
    cluster: ClusterInfo | None = None
    lost: LinkLost | None = None
    broken: str = ""
    news: News = field(default_factory=News)
    past: tuple[News, ...] = ()
    hints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    opened: Mapping[str, int] = field(default_factory=dict)
    terse: bool = False
    veiled: bool = False
    lessons: frozenset[str] = frozenset()

    def result(self, criterion: Criterion) -> CheckResult | None:
        """Return what was said of a check; None where nothing was, or it is being judged anew.

        While a grading runs, its results come one by one. What was blocked by a check that passes
        by now, or had passed with one that does not, is as good as not judged.
        """
        found = self.results.get(criterion.id)
        if found is None or not self.grading:
            return found
        if found.outcome is Outcome.BLOCKED:
            by = self.results.get(found.blocked_by or "")
            return found if by is None or by.outcome in _BLOCKS else None
        if found.outcome is Outcome.ERROR:
            return found
        needed = (self.results.get(need) for need in criterion.needs)
        return None if any(one and one.outcome in _BLOCKS for one in needed) else found

    def mark(self, criterion: Criterion) -> Mark:
        """Return what one check looks like."""
        result = self.result(criterion)
        return _MARKS[result.outcome] if result else Mark.OPEN

    def step_mark(self, step: Step) -> Mark:
        """Return what a step looks like: its worst check decides."""
        return self._worst(step.criteria)

    def task_mark(self, task: Task) -> Mark:
        """Return what a task looks like: its worst check decides."""
        return self._worst(task.criteria())

    def next_task(self, after: Task) -> Task | None:
        """Return the next task that is not done: of those behind ``after``, else of all."""
        place = self.lab.tasks.index(after) + 1
        turn = (*self.lab.tasks[place:], *self.lab.tasks[:place])
        return next((task for task in turn if self.task_mark(task) is not Mark.PASSED), None)

    def score(self, criteria: Iterable[Criterion]) -> Score:
        """Add up points; what was not judged yet counts as possible."""
        wanted = list(criteria)
        judged = Score.of(result for c in wanted if (result := self.result(c)))
        return replace(judged, possible=float(points_of(wanted)))

    def revealed(self, criterion: Criterion) -> tuple[str, ...]:
        """Return the hints which the learner has asked for."""
        return self.hints.get(criterion.id, ())

    def to_reveal(self, criterion: Criterion) -> tuple[str, ...]:
        """Return the hints not given yet; those for the mistake on the cluster come first."""
        result = self.result(criterion)
        reasons = [result.reason, *(one.reason for one in result.conditions)] if result else []
        given = self.revealed(criterion)
        return tuple(hint for hint in criterion.hints_for(reasons) if hint not in given)

    def unfinished(self, step: Step) -> Criterion | None:
        """Return the step's first check that did not pass."""
        return next((c for c in step.criteria if self.mark(c) is not Mark.PASSED), None)

    def with_hint(self, criterion: Criterion) -> LabState:
        """Return the state with one more hint shown."""
        shown = (*self.revealed(criterion), *self.to_reveal(criterion)[:1])
        return replace(self, hints={**self.hints, criterion.id: shown})

    def depth(self, criterion: Criterion) -> int:
        """Return how far the learner has opened a failure: 0 (the reason) to ``MORE``."""
        return self.opened.get(criterion.id, 0)

    def to_open(self, step: Step) -> Criterion | None:
        """Return the step's first check that has more to say."""
        closed = (Mark.FAILED, Mark.ERROR)
        return next(
            (c for c in step.criteria if self.mark(c) in closed and self.depth(c) < MORE), None
        )

    def with_more(self, criterion: Criterion) -> LabState:
        """Return the state with a failure opened one step further."""
        return replace(self, opened={**self.opened, criterion.id: self.depth(criterion) + 1})

    def closed(self, step: Step) -> LabState:
        """Return the state with the failures of a step folded to their reasons."""
        ids = {criterion.id for criterion in step.criteria}
        return replace(self, opened={k: v for k, v in self.opened.items() if k not in ids})

    def with_lesson(self, erratum: Erratum) -> LabState:
        """Return the state with an erratum's lesson shown."""
        return replace(self, lessons=self.lessons | {erratum.id})

    def timeline(self) -> tuple[News, ...]:
        """Return what happened on the cluster, the newest last."""
        return (*self.past, self.news) if self.news.at else self.past

    def restarted(self) -> LabState:
        """Return the state for a grading from the start: what is known stays on the screen."""
        return replace(
            self,
            running=frozenset(),
            broken="",
            lost=None,
            grading=True,
            past=self.timeline(),
            news=News(("judged again",)),
        )

    def results_by_task(self) -> list[TaskResult]:
        """Return what is known now, also in the middle of a grading."""
        known = [
            (task, tuple(result for c in task.criteria() if (result := self.result(c))))
            for task in self.lab.tasks
        ]
        return [
            TaskResult(t.id, t.title, t.budget_seconds, checks) for t, checks in known if checks
        ]

    def _worst(self, criteria: Iterable[Criterion]) -> Mark:
        marks = {self.mark(c) for c in deciding(criteria)}
        return next((mark for mark in _WORST_FIRST if mark in marks), Mark.NOTHING)


_MARKS = {
    Outcome.PASSED: Mark.PASSED,
    Outcome.FAILED: Mark.FAILED,
    Outcome.BLOCKED: Mark.BLOCKED,
    Outcome.ERROR: Mark.ERROR,
}
_BLOCKS = (Outcome.FAILED, Outcome.BLOCKED)
_WORST_FIRST = (Mark.FAILED, Mark.BLOCKED, Mark.ERROR, Mark.OPEN, Mark.PASSED)


def reduce(state: LabState, fact: StateEvent, at: datetime | None = None) -> LabState:
    """Return the state after ``fact``, which was heard ``at`` that time of day."""
    match fact:
        case RunStarted():
            return replace(state, grading=True, broken="", news=replace(state.news, judged=True))
        case CheckStarted(id=check_id):
            return replace(state, running=state.running | {check_id})
        case CheckFinished(result=result):
            return _learn(state, [result])
        case RunFinished(report=report):
            return _finish(state, report)
        case Change(text=text):
            return _changed(state, text, at)
        case LinkLost():
            return replace(state, lost=fact)
        case LinkBack():
            back = News(("connected again",), at=at)
            return replace(state, lost=None, past=state.timeline(), news=back)
        case Broken(reason=reason):
            return replace(state, broken=reason, grading=False, running=frozenset())


def _changed(state: LabState, text: str, at: datetime | None) -> LabState:
    """Collect the changes that are judged together; the first after a judgement begins anew."""
    news = state.news
    if not news.judged:
        return replace(state, news=replace(news, texts=(*news.texts, text), at=news.at or at))
    past = state.timeline()[-TIMELINE:]
    return replace(state, past=past, news=News((text,), at=at))


def _learn(state: LabState, results: Iterable[CheckResult]) -> LabState:
    """Take results over and note which checks pass now, or do no longer.

    One that was blocked and fails now is not done as before: a step that others build on brings
    that about by the dozen.
    """
    known, effects = dict(state.results), list(state.news.effects)
    running = set(state.running)
    for result in results:
        before = known.get(result.id)
        outcomes = {before.outcome, result.outcome} if before is not None else set()
        if len(outcomes) == 2 and Outcome.PASSED in outcomes:
            effects.append(f"{result.id} {_MARKS[result.outcome]}")
        known[result.id] = result
        running.discard(result.id)
    news = replace(state.news, effects=tuple(effects))
    return replace(state, results=known, running=frozenset(running), news=news)


def _finish(state: LabState, report: Report) -> LabState:
    learned = _learn(state, report.checks)
    reached = report.cluster.server_version or not state.cluster
    return replace(
        learned,
        running=frozenset(),
        grading=False,
        # A server that does not answer right now is still the server that it was.
        cluster=report.cluster if reached else state.cluster,
    )
