"""Reads ``tasks/checklists.yaml``, and ticks it off by a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from labgrader.content.lab_folder import LabFolder
from labgrader.errors import ContentError
from labgrader.model.checklist import (
    Checklist,
    Domain,
    Entry,
    Goals,
    Pace,
    Share,
    State,
    Tick,
    Ticked,
)
from labgrader.model.result import CheckResult, Outcome, Score
from labgrader.util.bounded_yaml import read_documents


def load_goals(root: Path) -> Goals:
    """Return a lab's checklists, exam domains and paces.

    Raises:
        ContentError: the file is not as it should be; ``author lint`` says where.
    """
    path = LabFolder(root).checklists
    if not path.exists():
        return Goals()
    try:
        (data,) = read_documents(path)
        return Goals(
            tuple(
                Checklist(one["id"], one["title"], _entries(one["items"]))
                for one in data["checklists"]
            ),
            tuple(
                Domain(one["domain"], int(one["weight"]), _entries(one["topics"]))
                for one in data["exam"]
            ),
            tuple(sorted((_pace(one) for one in data["pace"]), key=lambda pace: pace.most)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ContentError(
            f"{path} is not as it should be: {error!r}",
            "`labgrader author lint` says where, and how to mend it",
        ) from error


def tick(goals: Goals, checks: Iterable[CheckResult]) -> list[Ticked]:
    """Return every checklist as it stands by a grading of the whole lab."""
    results = {check.id: check for check in checks}
    return [
        Ticked(one.id, one.title, tuple(_tick(item, results) for item in one.items))
        for one in goals.checklists
    ]


def shares(goals: Goals, checks: Iterable[CheckResult]) -> list[Share]:
    """Return what was earned of each domain of the exam; bonus is left out."""
    results = {check.id: check for check in checks}
    found = []
    for domain in goals.domains:
        names = [name for topic in domain.topics for name in topic.criteria]
        score = Score.of(results[name] for name in names if name in results)
        topics = tuple(topic.text for topic in domain.topics)
        found.append(
            Share(domain.title, domain.weight, score.earned, score.possible, score.withheld, topics)
        )
    return found


def _tick(item: Entry, results: Mapping[str, CheckResult]) -> Tick:
    """Judge one item: what failed comes first; what was not graded could not be judged."""
    outcomes = {
        name: results[name].outcome if name in results else Outcome.ERROR for name in item.criteria
    }
    bad = tuple(n for n, o in outcomes.items() if o in (Outcome.FAILED, Outcome.BLOCKED))
    if bad:
        return Tick(item.text, State.NOT_YET, bad)
    unsure = tuple(name for name, outcome in outcomes.items() if outcome is Outcome.ERROR)
    return Tick(item.text, State.UNJUDGED if unsure else State.DONE, unsure)


def _entries(listed: list[Mapping[str, Any]]) -> tuple[Entry, ...]:
    return tuple(Entry(one["text"], tuple(one["criteria"])) for one in listed)


def _pace(data: Mapping[str, Any]) -> Pace:
    least, most = data["minutes"]
    return Pace(data["level"], int(least), int(most))
