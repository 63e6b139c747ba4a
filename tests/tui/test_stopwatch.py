"""The time on a task."""

import pytest

from labgrader.tui.stopwatch import Stopwatch, as_clock


def test_time_runs_only_between_start_and_pause(clock):
    watch = Stopwatch(clock)
    clock.seconds += 5
    assert watch.elapsed("task1") == 0
    assert watch.toggle("task1")
    clock.seconds += 10
    assert watch.elapsed("task1") == 10
    assert not watch.toggle("task1")
    clock.seconds += 100
    assert watch.elapsed("task1") == 10
    watch.start("task1")
    clock.seconds += 1
    assert watch.elapsed("task1") == 11


def test_one_task_at_a_time(clock):
    watch = Stopwatch(clock)
    watch.start("task1")
    clock.seconds += 3
    watch.start("task2")
    clock.seconds += 4
    assert watch.running == "task2"
    assert (watch.elapsed("task1"), watch.elapsed("task2")) == (3, 4)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "00:00"), (59.9, "00:59"), (192, "03:12"), (3600, "60:00")]
)
def test_minutes_and_seconds(seconds, shown):
    assert as_clock(seconds) == shown
