"""Where a session's time stands: levels, budgets, and what cost it."""

from __future__ import annotations

import pytest

from labgrader.content.catalog import load
from labgrader.content.checklists import load_goals
from labgrader.learning.sessions.pace import pace_of
from labgrader.learning.sessions.state import SessionState
from labgrader.paths import content_root
from labgrader.report.pace import as_text

LAB = load(content_root()).lab
PACES = load_goals(content_root()).paces


def done_in(minutes: float) -> SessionState:
    """Every task in an equal part of the time."""
    record = SessionState("s", seconds=minutes * 60 + 100)
    for number, task in enumerate(LAB.tasks, 1):
        for criterion in task.criteria():
            record.first_passed[criterion.id] = minutes * 60 * number / len(LAB.tasks)
    return record


def test_the_budgets_of_the_lab_make_35_minutes() -> None:
    assert sum(task.budget_seconds for task in LAB.tasks) == 35 * 60
    assert [(pace.level, pace.least, pace.most) for pace in PACES] == [
        ("advanced", 25, 30),
        ("intermediate", 30, 35),
        ("beginner", 40, 45),
    ]


@pytest.mark.parametrize(
    ("minutes", "level", "between"),
    [
        (20, "advanced", False),
        (30, "advanced", False),
        (31, "intermediate", False),
        (37, "intermediate", True),
        (40, "beginner", False),
        (45, "beginner", False),
        (46, None, False),
    ],
)
def test_the_better_level_counts_in_a_gap(minutes: float, level: str | None, between: bool) -> None:
    standing = pace_of(done_in(minutes), LAB.tasks, PACES)
    assert standing.done
    assert (standing.level.level if standing.level else None, standing.between) == (level, between)
    assert f"done in {int(minutes)}:00" in next(iter(as_text(standing)))


def test_a_task_over_its_budget_and_the_check_that_failed_longest_are_named() -> None:
    record = done_in(35)
    record.first_failed["crd_columns"] = 10.0
    standing = pace_of(record, LAB.tasks, PACES)
    text = "\n".join(as_text(standing))
    assert "task1 took 7:00, 1:00 over its budget" in text
    assert "crd_columns failed for 6:50" in text
    assert "task3" not in text  # eight minutes are allowed for it


def test_a_lab_that_is_not_done_has_no_level_yet() -> None:
    record = SessionState("s", seconds=600)
    record.first_failed["namespace_active"] = 100
    standing = pace_of(record, LAB.tasks, PACES)
    assert not standing.done
    text = "\n".join(as_text(standing))
    assert "not done yet, at 10:00" in text
    assert "namespace_active has been failing for 8:20" in text


def test_what_was_done_while_the_clock_stood_still_is_no_pace() -> None:
    record = done_in(10)
    for criterion in LAB.tasks[1].criteria():
        record.first_passed[criterion.id] = 10 * 60 / len(LAB.tasks)
    standing = pace_of(record, LAB.tasks, PACES)
    assert standing.untaken == ("task2",)
    told = list(as_text(standing))
    assert told[0].startswith("pace: not told, for no time was taken for task2")
    assert "every task was within its budget" not in told


def test_a_lab_without_benchmarks_is_not_called_slow() -> None:
    assert next(iter(as_text(pace_of(done_in(50), LAB.tasks, ())))) == "pace: done in 50:00"
