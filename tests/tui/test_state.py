"""The rules of what is shown, without a screen."""

from datetime import UTC, datetime

import pytest

from labgrader.grading.change_feed import Change
from labgrader.grading.events import CheckFinished, CheckStarted, RunFinished, RunStarted
from labgrader.grading.snapshot import ReadKey
from labgrader.kube.resources import NAMESPACE
from labgrader.model.result import Outcome
from labgrader.tui.state import Broken, LabState, LinkBack, LinkLost, Mark, reduce

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def after(state, *facts):
    for fact in facts:
        state = reduce(state, fact)
    return state


def changed(text):
    return Change(ReadKey(NAMESPACE), text)


@pytest.fixture
def new(lab):
    return LabState(lab)


def test_nothing_is_judged_at_first(new, lab):
    task = lab.tasks[0]
    assert new.task_mark(task) is Mark.OPEN
    assert new.score(task.criteria()).possible == 20
    assert new.score(task.criteria()).earned == 0
    assert new.unfinished(task.steps[0]) is task.steps[0].criteria[0]


@pytest.mark.parametrize(
    ("outcome", "mark"),
    [
        (Outcome.PASSED, Mark.PASSED),
        (Outcome.FAILED, Mark.FAILED),
        (Outcome.BLOCKED, Mark.BLOCKED),
        (Outcome.ERROR, Mark.ERROR),
    ],
)
def test_an_outcome_marks_its_step(new, lab, result, outcome, mark):
    state = after(new, CheckFinished(result("namespace_active", outcome)))
    assert state.step_mark(lab.tasks[0].steps[0]) is mark
    assert state.step_mark(lab.tasks[0].steps[1]) is Mark.OPEN


def test_the_worst_check_marks_the_task(new, lab, result):
    ids = [criterion.id for criterion in lab.criteria()]
    state = after(new, *(CheckFinished(result(each)) for each in ids))
    assert state.task_mark(lab.tasks[0]) is Mark.PASSED
    state = after(state, CheckFinished(result(ids[1], Outcome.ERROR)))
    assert state.task_mark(lab.tasks[0]) is Mark.ERROR
    state = after(state, CheckFinished(result(ids[2], Outcome.BLOCKED)))
    assert state.task_mark(lab.tasks[0]) is Mark.BLOCKED
    state = after(state, CheckFinished(result(ids[3], Outcome.FAILED)))
    assert state.task_mark(lab.tasks[0]) is Mark.FAILED


def test_a_running_check_keeps_its_last_answer(new, lab, result):
    state = after(new, CheckFinished(result("namespace_active")), CheckStarted("namespace_active"))
    assert state.running == {"namespace_active"}
    assert state.step_mark(lab.tasks[0].steps[0]) is Mark.PASSED


def test_marks_agree_with_each_other_while_results_come_one_by_one(new, lab, result):
    needed, other = "crd_established", "crd_status_subresource"
    criterion = next(one for one in lab.criteria() if one.id == other)
    assert needed in criterion.needs
    blocked = result(other, Outcome.BLOCKED, blocked_by=needed)
    state = after(
        new,
        RunStarted(()),
        CheckFinished(result(needed, Outcome.FAILED)),
        CheckFinished(blocked),
    )
    assert state.mark(criterion) is Mark.BLOCKED
    state = after(state, CheckFinished(result(needed)))
    assert state.mark(criterion) is Mark.OPEN, "what it waits for passes"
    assert state.result(criterion) is None
    state = after(state, CheckFinished(result(other)))
    assert state.mark(criterion) is Mark.PASSED
    state = after(state, CheckFinished(result(needed, Outcome.FAILED)))
    assert state.mark(criterion) is Mark.OPEN, "what it needs does not pass any more"
    assert state.score([criterion]).earned == 0


def test_the_report_completes_what_the_events_left_out(new, lab, result, report):
    late = result("crd_established", Outcome.ERROR)
    state = after(new, RunStarted(()), CheckStarted(late.id), RunFinished(report([late])))
    assert state.results[late.id] is late
    assert state.running == frozenset()
    assert not state.grading
    assert state.cluster.server_version == "v1.37.2"


def test_news_name_the_change_and_what_answers_differently(new, result):
    passed, failed = result("namespace_active"), result("namespace_active", Outcome.FAILED)
    state = after(new, RunStarted(()), CheckFinished(failed))
    assert state.news.effects == ()  # the first answer is no news
    state = after(state, changed("Namespace x created"), changed("Namespace y created"))
    state = after(state, RunStarted(()), CheckFinished(passed))
    assert state.news.texts == ("Namespace x created", "Namespace y created")
    assert state.news.effects == ("namespace_active passed",)
    state = after(state, changed("Namespace x changed"))
    assert (state.news.texts, state.news.effects) == (("Namespace x changed",), ())


def test_what_was_not_done_before_either_is_no_news(new, result):
    outcomes = (Outcome.BLOCKED, Outcome.FAILED, Outcome.ERROR, Outcome.PASSED, Outcome.ERROR)
    state, told = new, []
    for outcome in outcomes:
        state = after(state, changed("x"), RunStarted(()))
        state = after(state, CheckFinished(result("namespace_active", outcome)))
        told.append(state.news.effects)
    passed, not_judged = ("namespace_active passed",), ("namespace_active not judged",)
    assert told == [(), (), (), passed, not_judged]


def test_the_link_is_lost_and_comes_back(new):
    lost = LinkLost("refused", NOON)
    state = after(new, lost)
    assert state.lost is lost
    state = after(state, LinkBack())
    assert state.lost is None
    assert state.news.texts == ("connected again",)


def test_what_broke_is_kept_until_grading_starts_again(new):
    state = after(new, RunStarted(()), Broken("no luck"))
    assert (state.broken, state.grading) == ("no luck", False)
    assert after(state, RunStarted(())).broken == ""
    assert state.restarted().broken == ""


def test_hints_come_one_by_one_and_end(new, lab):
    criterion = lab.tasks[0].steps[0].criteria[0]
    assert new.revealed(criterion) == ()
    one = new.with_hint(criterion)
    assert one.revealed(criterion) == criterion.hints[:1]
    many = one.with_hint(criterion).with_hint(criterion).with_hint(criterion)
    assert many.revealed(criterion) == criterion.hints
