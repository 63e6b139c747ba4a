"""What is known about the lab right now, as values: ``reduce(state, fact)`` and questions to it.

Knows no Textual, so that every rule of what is shown can be tested without a screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from labgrader.engine.events import CheckFinished, CheckStarted, Event, RunFinished, RunStarted
from labgrader.engine.watches import Change
from labgrader.model.result import CheckResult, ClusterInfo, Outcome, Report, Score
from labgrader.model.task import Criterion, Lab, Step, Task


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


Fact = Event | Change | LinkLost | LinkBack | Broken


@dataclass(frozen=True, slots=True)
class News:
    """The last thing that happened: what changed, and which checks changed their answer."""

    texts: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    judged: bool = False


@dataclass(frozen=True, slots=True)
class LabState:
    """Everything that the lab screen shows, but for the clock and what is selected."""

    lab: Lab
    results: Mapping[str, CheckResult] = field(default_factory=dict)
    running: frozenset[str] = frozenset()
    grading: bool = False
    cluster: ClusterInfo | None = None
    lost: LinkLost | None = None
    broken: str = ""
    news: News = field(default_factory=News)
    hints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def mark(self, criterion: Criterion) -> Mark:
        """Return what one check looks like."""
        result = self.results.get(criterion.id)
        return _MARKS[result.outcome] if result else Mark.OPEN

    def step_mark(self, step: Step) -> Mark:
        """Return what a step looks like: its worst check decides."""
        return self._worst(step.criteria)

    def task_mark(self, task: Task) -> Mark:
        """Return what a task looks like: its worst check decides."""
        return self._worst(task.criteria())

    def score(self, criteria: Iterable[Criterion]) -> Score:
        """Add up points; what was not judged yet counts as possible."""
        wanted = list(criteria)
        judged = Score.of(self.results[c.id] for c in wanted if c.id in self.results)
        possible = sum(c.points for c in wanted if not c.optional)
        return replace(judged, possible=float(possible))

    def revealed(self, criterion: Criterion) -> tuple[str, ...]:
        """Return the hints which the learner has asked for."""
        return self.hints.get(criterion.id, ())

    def to_reveal(self, criterion: Criterion) -> tuple[str, ...]:
        """Return the hints not given yet; those for the mistake on the cluster come first."""
        result = self.results.get(criterion.id)
        reasons = [result.reason, *(item.reason for item in result.items)] if result else []
        given = self.revealed(criterion)
        return tuple(hint for hint in criterion.hints_for(reasons) if hint not in given)

    def unfinished(self, step: Step) -> Criterion | None:
        """Return the step's first check that did not pass."""
        return next((c for c in step.criteria if self.mark(c) is not Mark.PASSED), None)

    def with_hint(self, criterion: Criterion) -> LabState:
        """Return the state with one more hint shown."""
        shown = (*self.revealed(criterion), *self.to_reveal(criterion)[:1])
        return replace(self, hints={**self.hints, criterion.id: shown})

    def restarted(self) -> LabState:
        """Return the state for a grading from the start: what is known stays on the screen."""
        return replace(
            self,
            running=frozenset(),
            broken="",
            lost=None,
            grading=True,
            news=News(("judged again",)),
        )

    def _worst(self, criteria: Iterable[Criterion]) -> Mark:
        everything = list(criteria)
        asked = [c for c in everything if not c.optional] or everything
        marks = {self.mark(c) for c in asked}
        return next((mark for mark in _WORST_FIRST if mark in marks), Mark.NOTHING)


_MARKS = {
    Outcome.PASSED: Mark.PASSED,
    Outcome.FAILED: Mark.FAILED,
    Outcome.BLOCKED: Mark.BLOCKED,
    Outcome.ERROR: Mark.ERROR,
}
_WORST_FIRST = (Mark.FAILED, Mark.BLOCKED, Mark.ERROR, Mark.OPEN, Mark.PASSED)


def reduce(state: LabState, fact: Fact) -> LabState:
    """Return the state after ``fact``."""
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
            return replace(state, news=_changed(state.news, text))
        case LinkLost():
            return replace(state, lost=fact)
        case LinkBack():
            return replace(state, lost=None, news=News(("connected again",)))
        case Broken(reason=reason):
            return replace(state, broken=reason, grading=False, running=frozenset())


def _changed(news: News, text: str) -> News:
    """Collect the changes that are judged together; the first after a judgement begins anew."""
    return News((text,)) if news.judged else replace(news, texts=(*news.texts, text))


def _learn(state: LabState, results: Iterable[CheckResult]) -> LabState:
    """Take results over and note which checks answer differently from before."""
    known, effects = dict(state.results), list(state.news.effects)
    running = set(state.running)
    for result in results:
        before = known.get(result.id)
        if before is not None and before.outcome is not result.outcome:
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
