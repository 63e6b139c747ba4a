"""The runner: order, sharing, outcomes, deadlines, events."""

from __future__ import annotations

import threading

import pytest

from labgrader.api import Failure, Unsettled, fact
from labgrader.errors import Cause, Forbidden, LabError, TimedOut, Unreachable
from labgrader.grading.events import CheckFinished, CheckStarted, RunFinished, RunStarted
from labgrader.grading.scheduler import Limits
from labgrader.kube.resources import NODE
from labgrader.model.result import Outcome
from tests.support.fake_cluster import FakeCluster
from tests.support.small_lab import OTHER, THING, SmallLab


def good(ctx):
    yield fact("fine", True)


def bad(ctx):
    raise Failure("it is wrong", expected="right", actual="wrong", fix="mend")


def reads_thing(ctx):
    yield fact("thing is there", ctx.get(THING, "a", "lab") is not None, reason="no thing")


def test_dependents_of_a_failure_are_blocked_and_not_called() -> None:
    called = []

    def dependent(ctx):
        called.append(1)
        yield fact("never", True)

    lab = SmallLab()
    lab.add(bad)
    lab.add(dependent, needs=("bad",))
    results = lab.grade(FakeCluster())
    assert results["dependent"].outcome is Outcome.BLOCKED
    assert results["dependent"].blocked_by == "bad"
    assert called == []


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (Unreachable("gone"), Cause.UNREACHABLE),
        (TimedOut("slow"), Cause.TIMEOUT),
        (Forbidden("no"), Cause.FORBIDDEN),
    ],
)
def test_errors_of_the_cluster_cost_nothing_and_pass_nothing(error: LabError, cause: Cause) -> None:
    def dependent(ctx):
        yield fact("never", True)

    cluster = FakeCluster()
    cluster.fault = lambda verb, plural: error
    lab = SmallLab()
    lab.add(reads_thing)
    lab.add(dependent, needs=("reads_thing",))
    for result in lab.grade(cluster).values():
        assert (result.outcome, result.cause) == (Outcome.ERROR, cause)
        assert (result.earned, result.withheld) == (0, 2)


def test_a_broken_check_is_nobodys_fault_but_ours() -> None:
    def broken(ctx):
        raise ZeroDivisionError("oops")

    lab = SmallLab()
    lab.add(broken)
    result = lab.grade(FakeCluster())["broken"]
    assert (result.outcome, result.cause) == (Outcome.ERROR, Cause.INTERNAL)
    assert "ZeroDivisionError" in result.reason


def test_a_check_that_states_nothing_does_not_pass() -> None:
    def silent(ctx):
        return None

    lab = SmallLab()
    lab.add(silent)
    assert lab.grade(FakeCluster())["silent"].cause is Cause.INTERNAL


def test_a_missing_capability_is_said_and_the_check_is_not_called() -> None:
    called = []

    def needs_containers(ctx):
        called.append(1)
        yield fact("never", True)

    cluster = FakeCluster()
    cluster.put(NODE, {"metadata": {"name": "n", "annotations": {"kwok.x-k8s.io/node": "fake"}}})
    lab = SmallLab()
    lab.add(needs_containers, capabilities=("containers",))
    result = lab.grade(cluster)["needs_containers"]
    assert (result.outcome, result.cause) == (Outcome.ERROR, Cause.CAPABILITY)
    assert "simulated" in result.reason
    assert "--nodes real" in result.fix
    assert called == []


def test_real_nodes_offer_containers() -> None:
    def needs_containers(ctx):
        yield fact("called", True)

    cluster = FakeCluster()
    cluster.put(NODE, {"metadata": {"name": "n"}})
    lab = SmallLab()
    lab.add(needs_containers, capabilities=("containers",))
    assert lab.grade(cluster)["needs_containers"].outcome is Outcome.PASSED


def test_a_hanging_check_runs_into_its_deadline_and_the_others_do_not() -> None:
    release = threading.Event()

    def hangs(ctx):
        release.wait()
        yield fact("late", True)

    lab = SmallLab(Limits(check_seconds=0.05))
    lab.add(hangs)
    lab.add(good)
    results = lab.grade(FakeCluster())
    release.set()
    assert (results["hangs"].outcome, results["hangs"].cause) == (Outcome.ERROR, Cause.TIMEOUT)
    assert results["good"].outcome is Outcome.PASSED


def test_the_runs_deadline_covers_what_never_started() -> None:
    release = threading.Event()

    def hangs(ctx):
        release.wait()
        yield fact("late", True)

    def waits(ctx):
        yield fact("x", ctx.remaining() > 0)

    lab = SmallLab(Limits(workers=1, run_seconds=0.05))
    lab.add(hangs)
    lab.add(waits)
    results = lab.grade(FakeCluster())
    release.set()
    assert {result.cause for result in results.values()} == {Cause.TIMEOUT}


def test_eight_checks_run_at_once() -> None:
    meeting = threading.Barrier(8)
    lab = SmallLab()
    for number in range(8):

        def meets(ctx):
            meeting.wait(timeout=10)  # breaks, and the check with it, unless all eight are here
            yield fact("met", True)

        meets.__name__ = f"meets{number}"
        lab.add(meets)
    assert {r.outcome for r in lab.grade(FakeCluster()).values()} == {Outcome.PASSED}


def test_the_same_thing_is_read_once() -> None:
    cluster = FakeCluster()
    cluster.put(THING, {"metadata": {"name": "a"}}, "lab")
    lab = SmallLab()
    for number in range(5):

        def reader(ctx):
            yield from reads_thing(ctx)

        reader.__name__ = f"reader{number}"
        lab.add(reader)
    results = lab.grade(cluster)
    assert {r.outcome for r in results.values()} == {Outcome.PASSED}
    assert cluster.calls.count(("get", "things", "lab", "a")) == 1


def test_what_one_check_changes_in_its_copy_no_other_sees() -> None:
    def vandal(ctx):
        ctx.get(THING, "a", "lab")["metadata"].clear()
        yield fact("x", True)

    def victim(ctx):
        yield fact("intact", ctx.get(THING, "a", "lab")["metadata"]["name"] == "a")

    cluster = FakeCluster()
    cluster.put(THING, {"metadata": {"name": "a"}}, "lab")
    lab = SmallLab()
    lab.add(vandal)
    lab.add(victim, needs=("vandal",))
    assert lab.grade(cluster)["victim"].outcome is Outcome.PASSED


def test_needs_are_judged_but_not_reported() -> None:
    lab = SmallLab()
    lab.add(bad)
    lab.add(good, needs=("bad",))
    results = lab.grade(FakeCluster(), only=("good",))
    assert set(results) == {"good"}
    assert results["good"].outcome is Outcome.BLOCKED


def test_an_unsettled_cluster_is_asked_again() -> None:
    cluster = FakeCluster()
    seen = []

    def settles(ctx):
        seen.append(ctx.get(OTHER, "x"))
        if len(seen) == 1:
            cluster.put(OTHER, {"metadata": {"name": "x"}})
            raise Unsettled("still working")
        yield fact("there now", seen[-1] is not None)

    lab = SmallLab()
    lab.add(settles)
    assert lab.grade(cluster)["settles"].outcome is Outcome.PASSED


def test_an_unsettled_answer_is_not_taken_from_the_cache(monkeypatch) -> None:
    cluster = FakeCluster()
    answers = [False, True]

    def review(resource, body, namespace=None, *, dry_run=False, timeout=5):
        return {"status": {"allowed": answers.pop(0)}}

    monkeypatch.setattr(cluster, "create", review)

    def settles(ctx):
        if not ctx.access_review({"user": "operator"}):
            raise Unsettled("the authorizer has not seen the role yet")
        yield fact("allowed", True)

    lab = SmallLab()
    lab.add(settles)
    assert lab.grade(cluster)["settles"].outcome is Outcome.PASSED


def test_a_cluster_that_never_settles_is_not_judged() -> None:
    def never(ctx):
        raise Unsettled("still working")

    lab = SmallLab(Limits(settle_seconds=0.05))
    lab.add(never)
    assert lab.grade(FakeCluster())["never"].cause is Cause.TIMEOUT


def test_events_tell_the_whole_run() -> None:
    lab = SmallLab()
    lab.add(good)
    lab.add(bad, needs=("good",))
    report = lab.report(FakeCluster())
    kinds = [type(event) for event in lab.events]
    assert kinds == [
        RunStarted,
        CheckStarted,
        CheckFinished,
        CheckStarted,
        CheckFinished,
        RunFinished,
    ]
    assert lab.events[-1].report is report
    assert report.api_requests == 2  # /version and the nodes


def test_the_cluster_that_does_not_answer_has_a_report_too() -> None:
    cluster = FakeCluster()
    cluster.fault = lambda verb, plural: Unreachable("gone")
    lab = SmallLab()
    lab.add(reads_thing)
    report = lab.report(cluster)
    assert report.cluster.nodes == "unknown"
    assert report.score.withheld == report.score.possible == 2


def test_what_cannot_be_judged_here_costs_nothing_where_its_need_failed() -> None:
    lab = SmallLab()

    def wrong(ctx):
        yield fact("no", False, reason="no")

    def seen(ctx):
        yield fact("yes", True)

    lab.add(wrong)
    lab.add(seen, needs=("wrong",), capabilities=("containers",))
    found = lab.grade(FakeCluster())["seen"]
    assert (found.outcome, found.cause, found.withheld) == (Outcome.ERROR, Cause.CAPABILITY, 2)


@pytest.mark.parametrize("error", [SystemExit(0), BaseException("x"), RecursionError()])
def test_whatever_a_check_raises_is_its_own_fault(error: BaseException) -> None:
    lab = SmallLab()

    def broken(ctx):
        raise error

    lab.add(broken)
    found = lab.grade(FakeCluster())["broken"]
    assert (found.outcome, found.cause) == (Outcome.ERROR, Cause.INTERNAL)
