"""Amounts and times, as people write them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from labgrader.kube.quantities import duration, quantity

SAME_AMOUNTS = [
    ("100m", "0.1", 0.1, ".1", "100e-3", "1e-1"),
    ("1", 1, "1000m", "1.", "+1", "1e0", "1E0"),
    ("512Mi", "0.5Gi", "536870912", 536870912, "524288Ki"),
    ("1k", "1000", "1e3", "1E3"),
    ("128M", "128000k", "0.128G"),
    ("1E", "1e18"),
    ("5n", "0.005u"),
    ("-1", "-1000m"),
]
NO_AMOUNTS = [
    *("", " 1", "1 ", "1 Gi", "Gi", "1K", "1gi", "1mi", "1Zi", "0x10", "1,5", "1_000", "ten", "."),
    *("1e", "1e1000000", "9" * 50, "١", True, None, [], {}, float("nan"), float("inf"), 10**50),
]
SAME_TIMES = [
    ("30s", "0.5m", "30000ms", "0m30s", "30.0s", "+30s", ".5m"),
    ("1m30s", "90s", "1.5m"),
    ("1h", "60m", "3600s"),
    ("1us", "1µs", "1000ns"),
    ("0", "0s", "0h0m0s"),
    ("-5s", "-5000ms"),
]
NO_TIMES = [
    *("", "30", "s", "30 s", "30S", "1d", "1m 30s", "s30", "30s!", "1..5s", "--1s", "PT30S", "-"),
    *(30, 30.0, True, None, [], "1s" * 50),
]


@pytest.mark.parametrize("spellings", SAME_AMOUNTS)
def test_an_amount_counts_by_its_value(spellings: tuple[object, ...]) -> None:
    assert len({quantity(one) for one in spellings}) == 1
    assert quantity(spellings[0]) is not None


@pytest.mark.parametrize("text", NO_AMOUNTS, ids=repr)
def test_what_is_no_amount(text: object) -> None:
    assert quantity(text) is None


def test_amounts_are_exact() -> None:
    assert quantity("128Mi") != quantity("128M")
    assert quantity("0.1") == Fraction(1, 10)
    assert quantity("1Ki") == 1024


@pytest.mark.parametrize("spellings", SAME_TIMES)
def test_a_time_counts_by_its_value(spellings: tuple[str, ...]) -> None:
    assert len({duration(one) for one in spellings}) == 1
    assert duration(spellings[0]) is not None


@pytest.mark.parametrize("text", NO_TIMES, ids=repr)
def test_what_is_no_time(text: object) -> None:
    assert duration(text) is None
