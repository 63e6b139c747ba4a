"""The seconds of a test run by group, printed at its end with `--seconds-by-group`.

Seconds are sums over all workers; a fixture that many tests share counts where it was set up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest

SLOWEST = 10
GROUPS = (
    ("tests/cluster/nodes/", "cluster, real nodes"),
    ("tests/cluster/embedded/", "cluster, its life"),
    ("tests/cluster/test_cases.py", "cluster, cases"),
    ("tests/cluster/", "cluster, others"),
    ("tests/operator/cluster/", "operator, on a cluster"),
    ("tests/operator/", "operator, units"),
    ("tests/browser/", "browser"),
    ("tests/tui/", "screens"),
    ("tests/contract/", "contract"),
    ("tests/unit/", "units"),
    ("", "others"),
)
"""Beginnings of test ids and the group that they mean; the first that fits counts."""


@dataclass(slots=True)
class Row:
    """What one group took: number of tests, and seconds by phase (setup, call, teardown)."""

    name: str
    tests: int = 0
    setup: float = 0.0
    call: float = 0.0
    teardown: float = 0.0

    @property
    def seconds(self) -> float:
        """All phases together."""
        return self.setup + self.call + self.teardown


Phase = tuple[str, str, float]
"""Test id, phase and seconds."""


def rows(phases: Iterable[Phase]) -> list[Row]:
    """Add phases up by group; the group that took longest comes first."""
    found: dict[str, Row] = {}
    for nodeid, phase, seconds in phases:
        name = next(name for start, name in GROUPS if nodeid.startswith(start))
        row = found.setdefault(name, Row(name))
        row.tests += phase == "setup"
        setattr(row, phase, getattr(row, phase) + seconds)
    return sorted(found.values(), key=lambda row: -row.seconds)


def slowest(phases: Iterable[Phase]) -> list[tuple[float, str]]:
    """Return seconds and id of the tests that took longest, all phases together."""
    tests: dict[str, float] = {}
    for nodeid, _, seconds in phases:
        tests[nodeid] = tests.get(nodeid, 0.0) + seconds
    return sorted(((seconds, nodeid) for nodeid, seconds in tests.items()), reverse=True)[:SLOWEST]


def table(phases: list[Phase]) -> Iterator[str]:
    """Yield the lines that are printed."""
    found = rows(phases)
    total = sum(row.seconds for row in found) or 1.0
    yield f"{'group':<24}{'tests':>7}{'seconds':>9}{'share':>7}{'setup':>8}{'call':>8}{'end':>8}"
    for row in found:
        yield (
            f"{row.name:<24}{row.tests:>7}{row.seconds:>9.1f}{row.seconds / total:>7.0%}"
            f"{row.setup:>8.1f}{row.call:>8.1f}{row.teardown:>8.1f}"
        )
    yield f"{'all':<24}{sum(row.tests for row in found):>7}{total:>9.1f}"
    yield f"the slowest {SLOWEST}:"
    for seconds, nodeid in slowest(phases):
        yield f"{seconds:>9.1f}  {nodeid}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    help_ = "print the seconds by group of tests, and the slowest tests"
    parser.addoption("--seconds-by-group", action="store_true", help=help_)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, also of a run with workers."""
    if not terminalreporter.config.getoption("--seconds-by-group"):
        return
    phases = [
        (report.nodeid, report.when or "call", report.duration)
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport)
    ]
    terminalreporter.section("seconds by group")
    for line in table(phases):
        terminalreporter.write_line(line)
