"""What metrics mean by how they move while a resource becomes ready."""

from __future__ import annotations

import pytest

from labgrader.toolkit.prometheus.exposition import series_of
from labgrader.toolkit.prometheus.movement import Moment, meanings, moment_of
from labgrader.toolkit.prometheus.series import Condition, Page, Role

PENDING, HALF, READY = (
    Condition("Pending", 2, 0),
    Condition("Scaling", 2, 1),
    Condition("Active", 2, 2),
)
COURSE = (PENDING, HALF, READY)


def told(
    *values: float, name: str = "x", text: str = "", beside: tuple[float, ...] = (0, 1, 2)
) -> Role | None:
    """Return what a metric with these values means, beside one that moves as ``beside``."""
    pages = [
        f'# HELP {name} {text}\n{name}{{of="n/p"}} {v}\ny{{of="p"}} {b}\n'
        for v, b in zip(values, beside, strict=True)
    ]
    moments = [
        moment_of(series_of(one), "p", state) for one, state in zip(pages, COURSE, strict=True)
    ]
    riddles = [one for one in series_of(pages[0]) if one.name == name]
    return meanings(moments, riddles).get(name)


@pytest.mark.parametrize(
    ("values", "role"),
    [
        ((0, 0, 1), Role.READY),
        ((1, 1, 0), Role.UNREADY),
        ((2, 1, 0), Role.UNREADY),
        ((0, 1, 2), Role.READY_COUNT),
        ((2, 2, 2), Role.FIXED),
        ((1, 1, 1), Role.FIXED),
        ((0, 1, 1), None),
        ((0, 3, 1), None),
        ((3, 2, 1), None),
        ((0, 0, 7), None),
    ],
)
def test_movement_tells_what_a_name_does_not(values: tuple[float, ...], role: Role | None) -> None:
    assert told(*values) is role


def test_a_number_that_stands_for_a_phase_is_not_told_by_two_of_its_values() -> None:
    assert told(0, 0, 1, name="x_phase") is None
    assert told(0, 0, 1, text="The state of it: 0 pending, 1 active, 2 error") is None


def test_what_stands_still_tells_nothing_where_all_of_the_page_does() -> None:
    assert told(1, 1, 1, beside=(0, 0, 0)) is None


def test_nothing_is_told_without_both_ends() -> None:
    [riddle] = series_of('x{of="p"} 1\n')
    for states in ([], [PENDING, HALF], [READY]):
        moments = [Moment({"x": 1.0, "y": float(at)}, one) for at, one in enumerate(states)]
        assert meanings(moments, [riddle]) == {}


def test_a_metric_with_two_series_of_a_resource_has_no_value() -> None:
    page = series_of('x{of="p",side="a"} 1\nx{of="p",side="b"} 0\nx{of="q"} 3\nz{of="p"} 4\n')
    assert moment_of(page, "p", READY).values == {"z": 4.0}


def test_a_page_believes_movement_where_nothing_else_tells() -> None:
    series = series_of('x{of="p"} 1\nx_ready{of="p"} 1\n')
    page = Page(series, {"p": Condition("Active", 1, 1)})
    assert list(page.riddles) == ["x"]
    moved = page.with_moved({"x": Role.UNREADY, "x_ready": Role.UNREADY})
    assert [moved.role(one) for one in moved.series] == [Role.UNREADY, Role.READY]
    assert moved.riddles == {}
    assert page.role(series[0]) is Role.UNKNOWN
