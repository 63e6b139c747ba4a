"""The order in which work is handed to the workers of a test run."""

from __future__ import annotations

import pytest

from tests.support.xdist_scheduler import CASES, ORDER, Spreading, turn


def scope(nodeid: str) -> str:
    return Spreading._split_scope(Spreading.__new__(Spreading), nodeid)


@pytest.mark.parametrize(
    ("nodeid", "expected"),
    [
        (
            "tests/unit/toolkit/rbac/test_rules.py::test_a[x]",
            "tests/unit/toolkit/rbac/test_rules.py",
        ),
        ("tests/cluster/nodes/test_images.py::test_a", "tests/cluster/nodes/"),
        ("tests/cluster/nodes/test_demo.py::test_a", "tests/cluster/nodes/test_demo.py"),
        ("tests/tui/test_map.py::test_a[x]", "tests/tui/test_map.py::test_a[x]"),
        ("tests/operator/cluster/test_process.py::test_a", "tests/operator/cluster/"),
        ("tests/cluster/test_cases.py::test_case[a/unknown]", f"{CASES}group 0]"),
    ],
)
def test_what_stays_together(nodeid: str, expected: str) -> None:
    assert scope(nodeid) == expected


def test_long_work_begins_first_and_the_most_exact_place_counts() -> None:
    scopes = [
        "tests/unit/toolkit/rbac/test_rules.py",
        "tests/cluster/test_cases.py::test_case[group 3]",
        "tests/cluster/test_map.py",
        "tests/cluster/nodes/test_demo.py",
        "tests/tui/test_monkey.py",
        "tests/cluster/nodes/",
    ]
    assert sorted(scopes, key=turn) == [
        "tests/cluster/nodes/",
        "tests/cluster/nodes/test_demo.py",
        "tests/tui/test_monkey.py",
        "tests/cluster/test_map.py",
        "tests/cluster/test_cases.py::test_case[group 3]",
        "tests/unit/toolkit/rbac/test_rules.py",
    ]


def test_every_named_place_has_tests(request: pytest.FixtureRequest) -> None:
    root = request.config.rootpath
    assert [one for one in ORDER if not (root / one).exists()] == []
