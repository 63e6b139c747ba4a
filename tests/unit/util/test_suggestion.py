"""Near misses: what is named, and what is not."""

from __future__ import annotations

import pytest

from labgrader.lab_state.reset_plan import entries
from labgrader.paths import content_root
from labgrader.util.suggestion import misspelled


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("trading-platform", "trading-platfrom"),
        ("tradingalgorithms.fintech.io", "tradingalgorithm.fintech.io"),
        ("trading-operator", "trading-operater"),
        ("sample-momentum-algo", "sample-momentum-algorithm"),
    ],
)
def test_a_slip_is_named(name: str, there: str) -> None:
    assert misspelled(name, ["default", there, "kube-system"]) == there


def test_no_object_of_the_lab_is_taken_for_another_one() -> None:
    by_kind: dict[str, set[str]] = {}
    for entry in entries(content_root()):
        if "name" in entry:
            by_kind.setdefault(entry["kind"], set()).add(entry["name"])
    for names in by_kind.values():
        assert not {name: found for name in names if (found := misspelled(name, names))}
