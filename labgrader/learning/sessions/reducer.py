"""Reduces the events of a session to a ``SessionState`` (ADR 19, for exams ADR 23)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from labgrader.learning.sessions.clock import Moment
from labgrader.learning.sessions.state import SILENCE_SECONDS, Grading, SessionState
from labgrader.learning.sessions.store import ODD, Entry
from labgrader.model.modes import Mode

Data = Mapping[str, Any]


class Reducer:
    """Adds events up, one after the other."""

    def __init__(self, name: str) -> None:
        self._record = SessionState(name)
        self._last: Moment | None = None
        self._attended = False

    def add(self, entry: Entry) -> None:
        """Take one event. Kinds that are not known (of a later version) only let time pass."""
        if entry.kind == ODD:
            self._record.set_aside += 1
            return
        self._pass(self._record, entry.moment)
        self._last = entry.moment
        change = _CHANGES.get(entry.kind)
        if change is not None and not self._takes(change, entry):
            return
        if entry.kind == "started":
            self._record.started_at = entry.moment.at
        self._date(entry)
        if entry.kind == "alive":
            self._attended = True
        elif entry.kind in ("started", "paused", "resumed", "left"):
            self._attended = False

    def _takes(self, change: Callable[[SessionState, Data], None], entry: Entry) -> bool:
        """Make a change, or set an event aside whose content makes no sense."""
        try:
            change(self._record, entry.data)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            self._record.set_aside += 1
            return False
        return True

    def _date(self, entry: Entry) -> None:
        """Keep the time of day of what ends an exam."""
        record, at = self._record, entry.moment.at
        if entry.kind in ("closing", "ended"):
            record.ended_at = record.ended_at or at
        elif entry.kind == "scored" and record.final is not None:
            record.final = replace(record.final, at=record.final.at or at)
        elif entry.kind == "later" and record.later is not None:
            record.later = replace(record.later, at=at)

    def at(self, now: Moment) -> SessionState:
        """Return the session as it stands at ``now``; its lists are shared and only ever grow."""
        record = replace(self._record, spent=dict(self._record.spent))
        self._pass(record, now)
        return record

    def _pass(self, record: SessionState, now: Moment) -> None:
        """Let the time pass since the last event."""
        record.silent = False
        if self._last is None:
            return
        gone = self._last.until(now)
        if record.state == "paused" and record.mode is Mode.EXAM:
            rest = min(gone, record.break_left)  # a break that is used up ends by itself
            record.rested += rest
            if gone > rest:
                record.state = "running"
            gone -= rest
        if record.state != "running":
            return
        record.silent = silent = self._attended and gone > SILENCE_SECONDS
        if record.lost and not silent:
            record.credited += gone
        elif silent and record.mode is not Mode.TIMED:
            record.absent += gone
        else:
            record.seconds += gone
            if record.task:
                record.spent[record.task] = record.spent.get(record.task, 0.0) + gone


def replay(entries: Sequence[Entry], now: Moment) -> SessionState:
    """Add the events of one session up. A clock that was set back never makes time negative."""
    return tally_of(entries[0].session, entries).at(now)


def tally_of(name: str, entries: Iterable[Entry]) -> Reducer:
    """Return the sum of ``entries``, to which more can be added."""
    tally = Reducer(name)
    for entry in entries:
        tally.add(entry)
    return tally


def _start(record: SessionState, data: Data) -> None:
    record.lab, record.context = str(data["lab"]), str(data["context"])
    known = {mode.value: mode for mode in Mode}  # events of version 1 have none
    record.mode = known.get(data.get("mode", ""), Mode.PRACTICE)
    factor = _number(data.get("factor", 1.0))
    if factor is not None and not 0 < factor < float("inf"):
        raise ValueError("a factor must be positive")
    record.factor = factor
    record.minutes, record.pass_mark = _number(data.get("minutes")), _number(data.get("pass"))
    record.breaks = float(data.get("breaks", 0.0))
    record.chosen = tuple(str(one) for one in data.get("tasks", ()))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _become(state: str) -> Callable[[SessionState, Data], None]:
    def change(record: SessionState, data: Data) -> None:
        record.state, record.lost = state, False
        record.done = str(data.get("done", ""))
        record.how = str(data.get("how", record.how))
        record.because = str(data.get("because", record.because))

    return change


def _work_on(record: SessionState, data: Data) -> None:
    record.task = str(data["task"])


def _lose(record: SessionState, data: Data) -> None:
    del data
    record.lost = True


def _find(record: SessionState, data: Data) -> None:
    del data
    record.lost = False


def _pass_check(record: SessionState, data: Data) -> None:
    record.first_passed.setdefault(str(data["criterion"]), record.seconds)


def _hint(record: SessionState, data: Data) -> None:
    record.hints.append(str(data["criterion"]))


def _solution(record: SessionState, data: Data) -> None:
    record.solutions.append(str(data["step"]))


def _over(record: SessionState, data: Data) -> None:
    record.over.setdefault(str(data["what"]), record.seconds)


def _solve(record: SessionState, data: Data) -> None:
    record.solved.append(str(data["task"]))


def _grading(record: SessionState, data: Data) -> Grading:
    tasks = {task: (float(a), float(b)) for task, (a, b) in data["tasks"].items()}
    return Grading(record.seconds, tasks, tuple(data["passed"]))


def _score(record: SessionState, data: Data) -> None:
    """Take the grading at an exam's end: the first one counts."""
    if record.final is None:
        _grade(record, data)
        record.final = record.gradings[-1]


def _later(record: SessionState, data: Data) -> None:
    record.later = _grading(record, data)


def _grade(record: SessionState, data: Data) -> None:
    grading = _grading(record, data)
    tasks, passed = grading.tasks, grading.passed
    record.gradings.append(grading)
    earned, possible = tasks.get(record.done, (0.0, 0.0))
    if earned < possible:
        record.done = ""
    for name, (outcome, earned) in data.get("checks", {}).items():
        record.checks[str(name)] = (str(outcome), float(earned))
    for criterion in passed:
        record.first_passed.setdefault(criterion, record.seconds)
    for criterion in data.get("failed", ()):  # events of version 1 have none
        record.first_failed.setdefault(str(criterion), record.seconds)


_CHANGES: Mapping[str, Callable[[SessionState, Data], None]] = {
    "started": _start,
    "task": _work_on,
    "paused": _become("paused"),
    "resumed": _become("running"),
    "ended": _become("ended"),
    "lost": _lose,
    "back": _find,
    "passed": _pass_check,
    "graded": _grade,
    "hinted": _hint,
    "revealed": _solution,
    "solved": _solve,
    "over": _over,
    "closing": _become("closing"),
    "scored": _score,
    "later": _later,
}
